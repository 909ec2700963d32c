using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>Floating-point operations of <see cref="MultiplyAdds"/> for each element and iteration.</summary>
    public const int MultiplyAddFlops = 2 * MultiplyAddChains.Count * MultiplyAddChains.Repeats;

    /// <summary>
    /// y = x, element by element: the most that an element-wise kernel gets of the memory's bandwidth. A benchmark, not a part of any
    /// network.
    /// </summary>
    /// <param name="x">Plain [N, C, H, W].</param>
    /// <param name="y">The same; written.</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or are not plain.</exception>
    public static void Copy(Tensor x, Tensor y)
    {
        RequireAlike(nameof(Copy), x, y);
        Require.That(x.Layout == Layout.Plain(x.Shape), nameof(Copy), "plain tensors", x.Layout);
        Dispatch.Run(x.Type, x.Layout.Length % 8 == 0, new CopyLaunch(x, y));
    }

    /// <summary>
    /// The most that a kernel gets of the device's multiply-adds: each element is the sum of independent chains of s = s * factor + 1 from
    /// s = 0, which live in registers. A benchmark, not a part of any network.
    /// </summary>
    /// <param name="sums">Plain [N, C, H, W], written; an element for each work-item, eight on CPU-like devices.</param>
    /// <param name="factor">Below 1 in absolute value, so that sums stay finite.</param>
    /// <param name="iterations"><see cref="MultiplyAddFlops"/> operations each, for every element.</param>
    public static void MultiplyAdds(Tensor sums, double factor, int iterations)
    {
        Require.That(sums.Layout == Layout.Plain(sums.Shape), nameof(MultiplyAdds), "a plain tensor", sums.Layout);
        bool wide = sums.Device.Traits.IsCpuLike;
        Require.That(!wide || sums.Layout.Length % 8 == 0, nameof(MultiplyAdds), "whole lanes of eight", sums.Shape);
        Dispatch.Run(sums.Type, wide, new MultiplyAddLaunch(sums, factor, iterations));
    }

    private readonly record struct CopyLaunch(Tensor X, Tensor Y) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = X.Device;
            (LaunchGrid grid, int chunk) = Chunks(X, TLane.Width);
            // On GPUs neighbours take neighbours: an item's next element is a whole launch away.
            int items = grid.Groups * grid.GroupSize;
            (int first, int step) = device.Traits.IsCpuLike ? (chunk, 1) : (1, items);
            device.Launch(
                ProbeKernels.Copy<T, TLane>, grid, new Cost(0, 2 * X.Shape.Count * X.Type.Bytes()),
                X.View<TLane>(), Y.View<TLane>(), first, step, chunk);
        }
    }

    private readonly record struct MultiplyAddLaunch(Tensor Sums, double Factor, int Iterations) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Sums.Device;
            long count = Sums.Shape.Count;
            device.Launch(
                ProbeKernels.MultiplyAdds<T, TLane>, device.Grid((int)count / TLane.Width),
                new Cost(count * Iterations * MultiplyAddFlops, count * Sums.Type.Bytes()),
                Sums.View<TLane>(), TLane.Splat(T.CreateChecked(Factor)), TLane.Splat(T.One), TLane.Splat(T.Zero), Iterations);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class ProbeKernels
{
    public static void Copy<T, TLane>(ArrayView<TLane> x, ArrayView<TLane> y, int first, int step, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int place = Item.Index() * first;
        for (int i = 0; i < chunk && place < x.IntLength; i++)
        {
            Real.Store(y, place, Real.Load(x, place));
            place += step;
        }
    }

    public static void MultiplyAdds<T, TLane>(ArrayView<TLane> sums, TLane factor, TLane one, TLane zero, int iterations)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= sums.IntLength)
            return;
        TLane a = zero, b = zero, c = zero, d = zero, e = zero, f = zero, g = zero, h = zero, k = zero, l = zero;
        for (int i = 0; i < iterations; i++)
        {
            MultiplyAddChains.Step<T, TLane>(ref a, ref b, ref c, ref d, ref e, factor, one);
            MultiplyAddChains.Step<T, TLane>(ref f, ref g, ref h, ref k, ref l, factor, one);
            MultiplyAddChains.Step<T, TLane>(ref a, ref b, ref c, ref d, ref e, factor, one);
            MultiplyAddChains.Step<T, TLane>(ref f, ref g, ref h, ref k, ref l, factor, one);
            MultiplyAddChains.Step<T, TLane>(ref a, ref b, ref c, ref d, ref e, factor, one);
            MultiplyAddChains.Step<T, TLane>(ref f, ref g, ref h, ref k, ref l, factor, one);
            MultiplyAddChains.Step<T, TLane>(ref a, ref b, ref c, ref d, ref e, factor, one);
            MultiplyAddChains.Step<T, TLane>(ref f, ref g, ref h, ref k, ref l, factor, one);
        }

        Real.Store(sums, item, a + b + c + d + e + f + g + h + k + l);
    }
}

/// <summary>Independent chains, as many as hide the latency of a multiply-add on CPUs (five cycles, two at a time).</summary>
[ExcludeFromCodeCoverage]
internal static class MultiplyAddChains
{
    public const int Count = 10;

    /// <summary>Steps of each chain in an iteration of the loop, whose own instructions must not count.</summary>
    public const int Repeats = 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step<T, TLane>(
        ref TLane a, ref TLane b, ref TLane c, ref TLane d, ref TLane e, TLane factor, TLane one)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        a = TLane.Fma(a, factor, one);
        b = TLane.Fma(b, factor, one);
        c = TLane.Fma(c, factor, one);
        d = TLane.Fma(d, factor, one);
        e = TLane.Fma(e, factor, one);
    }
}
