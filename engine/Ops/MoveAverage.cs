using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// Moves a running average towards new values, average += share (values - average), in one launch: with a share of 1 - decay the
    /// exponential moving average, with 1 / n at the n-th values their mean.
    /// </summary>
    /// <param name="average">[1, count, 1, 1], plain; updated</param>
    /// <param name="values">[1, count, 1, 1], plain</param>
    /// <param name="share">The weight of the new values, in [0, 1].</param>
    /// <exception cref="ArgumentException">Layouts or types differ or are not plain, or the share is out of range.</exception>
    public static void MoveAverage(Tensor average, Tensor values, double share)
    {
        RequireAlike(nameof(MoveAverage), average, values);
        Require.That(average.Layout == Layout.Plain(average.Shape), nameof(MoveAverage), "plain tensors", average.Layout);
        Require.That(share is >= 0 and <= 1, nameof(MoveAverage), "a share in [0, 1]", share);
        Dispatch.Run(
            average.Type, average.Device.Traits.LaneWidth(average.Layout.Length), new MoveAverageLaunch(average, values, share));
    }

    private readonly record struct MoveAverageLaunch(Tensor Average, Tensor Values, double Share) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (LaunchGrid grid, int chunk) = Chunks(Average, TLane.Width);
            long count = Average.Shape.Count;
            Average.Device.Launch(
                AverageKernels.Move<T, TLane>, grid, new Cost(3 * count, 3 * count * Average.Type.Bytes()),
                Average.View<TLane>(), Values.View<TLane>(), TLane.Splat(T.CreateChecked(Share)), chunk);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class AverageKernels
{
    public static void Move<T, TLane>(ArrayView<TLane> average, ArrayView<TLane> values, TLane share, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < average.IntLength ? start + chunk : average.IntLength;
        for (int i = start; i < end; i++)
        {
            TLane mean = Real.Load(average, i);
            Real.Store(average, i, TLane.Fma(share, Real.Load(values, i) - mean, mean));
        }
    }
}
