using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

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
        Dispatch.Run(x.Type, x.Layout.Length % 8 == 0 ? 8 : 1, new CopyLaunch(x, y));
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
        Dispatch.Run(sums.Type, wide ? 8 : 1, new MultiplyAddLaunch(sums, factor, iterations));
    }

    /// <summary>
    /// The most that a kernel gets of the device's tensor cores: each warp adds the products of constant matrices to sixteen 16 x 8
    /// matrices of sums, which live in registers. Each element of these is, after n iterations, n * k * left * right with k = 8 for TF32
    /// and 16 for BF16. A benchmark, not a part of any network.
    /// </summary>
    /// <param name="sums">Plain Float32, written: the sum of the 64 sums of a work-item for each, in whole groups of 128.</param>
    /// <param name="precision">TF32 or BF16.</param>
    /// <param name="left">Every number of the left matrices, rounded to the precision.</param>
    /// <param name="right">Every number of the right matrices, likewise.</param>
    /// <param name="iterations"><see cref="MatrixProductFlops"/> operations each, for every element.</param>
    /// <exception cref="DeviceException">The device has no tensor cores for this precision.</exception>
    public static void MatrixProducts(Tensor sums, Precision precision, float left, float right, int iterations)
    {
        const string Op = nameof(MatrixProducts);
        ComputeDevice device = sums.Device;
        int items = (int)sums.Shape.Count;
        Require.That(sums.Type == ElementType.Float32 && sums.Layout == Layout.Plain(sums.Shape), Op, "plain Float32", sums.Layout);
        Require.That(items % TensorTile.Items == 0, Op, $"groups of {TensorTile.Items}", sums.Shape);
        Require.That(device.Supporting(precision) != Precision.Float32, Op, "a precision of tensor cores", precision);
        Action<ArrayView<float>, int, int, int> kernel = precision == Precision.BFloat16
            ? ProbeKernels.MatrixProducts<BFloat16>
            : ProbeKernels.MatrixProducts<TensorFloat32>;
        device.Launch(
            kernel, new LaunchGrid(items / TensorTile.Items, TensorTile.Items),
            new Cost(sums.Shape.Count * iterations * MatrixProductFlops(precision), sums.Shape.Count * sizeof(float)),
            sums.View<float>(), BitConverter.SingleToInt32Bits(left), BitConverter.SingleToInt32Bits(right), iterations);
    }

    /// <summary>Floating-point operations of <see cref="MatrixProducts"/> for each element and iteration.</summary>
    public static int MatrixProductFlops(Precision precision) =>
        16 * 2 * 16 * 8 * (precision == Precision.BFloat16 ? 16 : 8) / 32;

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
        if (item < sums.IntLength)
            Chains<T, TLane>(sums, item, factor, one, zero, iterations);
    }

    // Of lanes of eight OpenCL's compilers make vectors with shuffles between the steps, or without, as their version is: half the rate or
    // all of it.
    [IntrinsicImplementation]
    [DeviceBody(nameof(ChainsBody), OpenCLReplacement = nameof(ChainsInOpenCL))]
    private static void Chains<T, TLane>(ArrayView<TLane> sums, int item, TLane factor, TLane one, TLane zero, int iterations)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T> => ChainsBody<T, TLane>(sums, item, factor, one, zero, iterations);

    // The chains find the factor where they leave their sum.
    private static void ChainsInOpenCL<T, TLane>(ArrayView<TLane> sums, int item, TLane factor, TLane one, TLane zero, int iterations)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        Real.Store(sums, item, factor);
        MultiplyAddChains.Run(sums.Cast<T>()[item * TLane.Width], TLane.Width, iterations);
    }

    private static void ChainsBody<T, TLane>(ArrayView<TLane> sums, int item, TLane factor, TLane one, TLane zero, int iterations)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
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

    // Every item of a group takes part, also where the products are emulated.
    public static void MatrixProducts<TPrecision>(ArrayView<float> sums, int left, int right, int iterations)
        where TPrecision : unmanaged, ITensorPrecision
    {
        int a = TPrecision.Pack(left, left), b = TPrecision.Pack(right, right);
        Words4 row = new() { A = a, B = a, C = a, D = a };
        Words2 column = new() { A = b, B = b };
        LeftWords rows = new() { M0 = row, M1 = row, M2 = row, M3 = row };
        RightWords columns = new()
        {
            M0 = column,
            M1 = column,
            M2 = column,
            M3 = column,
            M4 = column,
            M5 = column,
            M6 = column,
            M7 = column,
        };
        WarpTile c = default;
        for (int i = 0; i < iterations; i++)
            c = TPrecision.Multiply(c, rows, columns, 8);
        float sum = Sum(c.F0) + Sum(c.F1) + Sum(c.F2) + Sum(c.F3) + Sum(c.F4) + Sum(c.F5) + Sum(c.F6) + Sum(c.F7);
        sum += Sum(c.F8) + Sum(c.F9) + Sum(c.F10) + Sum(c.F11) + Sum(c.F12) + Sum(c.F13) + Sum(c.F14) + Sum(c.F15);
        Real.Store(sums, (Grid.IdxX * TensorTile.Items) + Group.IdxX, sum);
    }

    private static float Sum(Fragment f) => f.C0 + f.C1 + f.C2 + f.C3;
}

/// <summary>Independent chains, as many as hide the latency of a multiply-add on CPUs (five cycles, two at a time).</summary>
[ExcludeFromCodeCoverage]
internal static class MultiplyAddChains
{
    public const int Count = 10;

    /// <summary>Steps of each chain in an iteration of the loop, whose own instructions must not count.</summary>
    public const int Repeats = 4;

    /// <summary>
    /// All iterations in OpenCL C, with explicit vectors, which <see cref="Intrinsics"/> writes: the first element stands for the view that
    /// it is read from.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(RunElsewhere), OpenCL = nameof(Intrinsics.GenerateChains))]
    public static void Run<T>(T sums, int width, int iterations)
        where T : unmanaged => RunElsewhere(sums, width, iterations);

    private static void RunElsewhere<T>(T sums, int width, int iterations)
        where T : unmanaged
    {
    }

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
