using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// Which of several planes is nearest to an image, looked at one after another: the plane f + w (p - x) = 0 is |f[n]| / |w[n]| away, in
    /// the norm whose dual |w| is. nearer[n] = (that is less than distance[n]), distance[n] the lesser of both. A plane without a gradient
    /// is nowhere; a NaN is nearest, and stays. Source: fra31/auto-attack, fab_base.py.
    /// </summary>
    /// <param name="margins">f [N, 1, 1, 1]</param>
    /// <param name="slopes">|w| [N, 1, 1, 1]: L1 for distances in Linf, L2 for distances in L2.</param>
    /// <param name="distances">[N, 1, 1, 1], updated</param>
    /// <param name="nearer">[N, 1, 1, 1] Int32, written</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static void NearerPlane(Tensor margins, Tensor slopes, Tensor distances, Tensor nearer)
    {
        RequireAlike(nameof(NearerPlane), margins, slopes, distances);
        RequirePerImage(nameof(NearerPlane), margins, nearer, ElementType.Int32);
        Dispatch.Run(margins.Type, width: 1, new NearerPlaneLaunch(margins, slopes, distances, nearer));
    }

    private readonly record struct NearerPlaneLaunch(Tensor Margins, Tensor Slopes, Tensor Distances, Tensor Nearer) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Margins.Device.Launch(
                NearerPlaneKernels.Compare, Margins.Device.Grid(Margins.Shape.N),
                new Cost(Margins.Shape.N, Margins.Shape.N * ((4 * Margins.Type.Bytes()) + sizeof(int))),
                Margins.View<T>(), Slopes.View<T>(), Distances.View<T>(), Nearer.View<int>());
    }
}

[ExcludeFromCodeCoverage]
internal static class NearerPlaneKernels
{
    public static void Compare<T>(ArrayView<T> margins, ArrayView<T> slopes, ArrayView<T> distances, ArrayView<int> nearer)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= distances.IntLength)
            return;
        T slope = Real.Load(slopes, n);
        T before = Real.Load(distances, n);
        T distance = T.Abs(Real.Load(margins, n)) / slope;
        // Nothing over nothing is a NaN that tells nothing.
        bool isPlane = slope != T.Zero;
        bool isLess = T.IsNaN(distance) || distance < before;
        bool isNearer = isPlane && isLess && !T.IsNaN(before);
        if (isNearer)
            Real.Store(distances, n, distance);
        Real.Store(nearer, n, isNearer ? 1 : 0);
    }
}
