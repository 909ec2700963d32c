using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>y = x &lt; 0 ? 0 : x, which keeps NaN; dx = x &gt; 0 ? dy : 0, PyTorch's choice at 0.</summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    public static Tensor Relu(Tape tape, Tensor x)
    {
        int width = x.Device.Traits.LaneWidth(x.Layout.Length);
        Tensor y = tape.Allocate(x.Layout, x.Type);
        Dispatch.Run(x.Type, width, new ReluForward(x, y));
        return tape.Record(y, [x], dy =>
        {
            Tensor dx = tape.Allocate(x.Layout, x.Type);
            Dispatch.Run(x.Type, width, new ReluBackward(x, dy, dx));
            tape.Accumulate(x, dx);
        });
    }

    private readonly record struct ReluForward(Tensor X, Tensor Y) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (LaunchGrid grid, int chunk) = Chunks(Y, TLane.Width);
            long count = X.Shape.Count;
            X.Device.Launch(
                ReluKernels.Rectify<T, TLane>, grid, new Cost(count, 2 * count * X.Type.Bytes()), X.View<TLane>(), Y.View<TLane>(), chunk);
        }
    }

    private readonly record struct ReluBackward(Tensor X, Tensor Dy, Tensor Dx) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (LaunchGrid grid, int chunk) = Chunks(Dx, TLane.Width);
            long count = X.Shape.Count;
            X.Device.Launch(
                ReluKernels.InputGradient<T, TLane>, grid, new Cost(count, 3 * count * X.Type.Bytes(), Direction.InputGradient),
                X.View<TLane>(), Dy.View<TLane>(), Dx.View<TLane>(), chunk);
        }
    }
}

// The border is handled too: zero stays zero.
[ExcludeFromCodeCoverage]
internal static class ReluKernels
{
    public static void Rectify<T, TLane>(ArrayView<TLane> x, ArrayView<TLane> y, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < y.IntLength ? start + chunk : y.IntLength;
        for (int i = start; i < end; i++)
            Real.Store(y, i, TLane.Relu(Real.Load(x, i)));
    }

    public static void InputGradient<T, TLane>(ArrayView<TLane> x, ArrayView<TLane> dy, ArrayView<TLane> dx, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < dx.IntLength ? start + chunk : dx.IntLength;
        for (int i = start; i < end; i++)
            Real.Store(dx, i, TLane.WherePositive(Real.Load(x, i), Real.Load(dy, i)));
    }
}
