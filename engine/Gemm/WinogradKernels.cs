using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;
using ILGPU.IR.Intrinsics;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>
/// The kernels around <see cref="WinogradTransforms"/>. On the CPU accelerator binary32 goes through <see cref="VectorTransforms"/>, and
/// weights through <see cref="VectorLane"/>: .NET keeps a <see cref="Lane8{T}"/> in memory, which doubles the time of a transform
/// (measured).
/// </summary>
[ExcludeFromCodeCoverage]
internal static class WinogradKernels
{
    /// <summary>v = B^T x B for each tile, which reads one pixel around it; the border is the padding.</summary>
    public static void TransformInput<T, TTile>(ArrayView<Lane8<T>> x, ArrayView<Lane8<T>> v, WinogradTiles g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile
    {
        int item = Item.Index();
        if (item < g.Items)
            Input<T, TTile>(x, v, in g, item);
    }

    /// <summary>d = A dy A^T for each tile.</summary>
    public static void TransformOutputGradient<T, TTile>(ArrayView<Lane8<T>> dy, ArrayView<Lane8<T>> d, WinogradTiles g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradGradientTile
    {
        int item = Item.Index();
        if (item < g.Items)
            OutputGradient<T, TTile>(dy, d, in g, item);
    }

    /// <summary>y = A^T m A for each tile.</summary>
    public static void TransformOutput<T, TTile>(ArrayView<Lane8<T>> m, ArrayView<Lane8<T>> y, WinogradTiles g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile
    {
        int item = Item.Index();
        if (item < g.Items)
            Output<T, TTile>(m, y, in g, item);
    }

    /// <summary>u = G w G^T, [tiles of 16 outputs][places][inputs][16].</summary>
    public static void TransformWeights<T, TTile>(ArrayView<T> w, ArrayView<Lane8<T>> u, WinogradWeights order)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile
    {
        int item = Item.Index();
        if (item < order.Items)
            Weights<T, TTile>(w, u, in order, item);
    }

    /// <summary>dw = G^T s G, where s are the sums of all passes and chunks in their order.</summary>
    public static void TransformWeightGradient<T, TTile>(
        ArrayView<Lane8<T>> s, ArrayView<T> dw, WinogradWeights order, WinogradSums sums)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradGradientTile
    {
        int item = Item.Index();
        if (item < order.Items)
            WeightGradient<T, TTile>(s, dw, in order, in sums, item);
    }

    private static unsafe float* Pointer<T>(ArrayView<Lane8<T>> view)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => (float*)view.LoadEffectiveAddressAsPtr();

    private static bool IsVector<T>() => typeof(T) == typeof(float) && !Real.ChecksBounds;

    [IntrinsicImplementation]
    [DeviceBody(nameof(InputBody))]
    private static unsafe void Input<T, TTile>(ArrayView<Lane8<T>> x, ArrayView<Lane8<T>> v, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile
    {
        float* from = Pointer(x), to = Pointer(v);
        if (IsVector<T>() && typeof(TTile) == typeof(WinogradTile4))
            VectorTransforms.ToPlaces<WinogradTile4.InputLine>(from, to, in g, item, WinogradTile4.Before);
        else if (IsVector<T>() && typeof(TTile) == typeof(WinogradTile2))
            VectorTransforms.ToPlaces<WinogradTile2.InputLine>(from, to, in g, item, WinogradTile2.Before);
        else if (typeof(T) == typeof(float))
            WinogradTransforms.Input<float, VectorLane, TTile>(x.Cast<VectorLane>(), v.Cast<VectorLane>(), in g, item);
        else
            InputBody<T, TTile>(x, v, in g, item);
    }

    private static void InputBody<T, TTile>(ArrayView<Lane8<T>> x, ArrayView<Lane8<T>> v, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile =>
        WinogradTransforms.Input<T, Lane8<T>, TTile>(x, v, in g, item);

    [IntrinsicImplementation]
    [DeviceBody(nameof(OutputGradientBody))]
    private static unsafe void OutputGradient<T, TTile>(ArrayView<Lane8<T>> dy, ArrayView<Lane8<T>> d, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradGradientTile
    {
        if (IsVector<T>() && typeof(TTile) == typeof(WinogradTile2))
            VectorTransforms.ToPlaces<WinogradTile2.OutputGradientLine>(Pointer(dy), Pointer(d), in g, item);
        else if (typeof(T) == typeof(float))
            WinogradTransforms.OutputGradient<float, VectorLane, TTile>(dy.Cast<VectorLane>(), d.Cast<VectorLane>(), in g, item);
        else
            OutputGradientBody<T, TTile>(dy, d, in g, item);
    }

    private static void OutputGradientBody<T, TTile>(ArrayView<Lane8<T>> dy, ArrayView<Lane8<T>> d, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradGradientTile =>
        WinogradTransforms.OutputGradient<T, Lane8<T>, TTile>(dy, d, in g, item);

    [IntrinsicImplementation]
    [DeviceBody(nameof(OutputBody))]
    private static unsafe void Output<T, TTile>(ArrayView<Lane8<T>> m, ArrayView<Lane8<T>> y, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile
    {
        float* from = Pointer(m), to = Pointer(y);
        if (IsVector<T>() && typeof(TTile) == typeof(WinogradTile4))
            VectorTransforms.FromPlaces<WinogradTile4.OutputLine>(from, to, in g, item);
        else if (IsVector<T>() && typeof(TTile) == typeof(WinogradTile2))
            VectorTransforms.FromPlaces<WinogradTile2.OutputLine>(from, to, in g, item);
        else if (typeof(T) == typeof(float))
            WinogradTransforms.Output<float, VectorLane, TTile>(m.Cast<VectorLane>(), y.Cast<VectorLane>(), in g, item);
        else
            OutputBody<T, TTile>(m, y, in g, item);
    }

    private static void OutputBody<T, TTile>(ArrayView<Lane8<T>> m, ArrayView<Lane8<T>> y, in WinogradTiles g, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile =>
        WinogradTransforms.Output<T, Lane8<T>, TTile>(m, y, in g, item);

    [IntrinsicImplementation]
    [DeviceBody(nameof(WeightsBody))]
    private static void Weights<T, TTile>(ArrayView<T> w, ArrayView<Lane8<T>> u, in WinogradWeights order, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile
    {
        if (typeof(T) == typeof(float))
            WinogradTransforms.Weights<float, VectorLane, TTile>(w.Cast<float>(), u.Cast<VectorLane>(), in order, item);
        else
            WeightsBody<T, TTile>(w, u, in order, item);
    }

    private static void WeightsBody<T, TTile>(ArrayView<T> w, ArrayView<Lane8<T>> u, in WinogradWeights order, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradTile =>
        WinogradTransforms.Weights<T, Lane8<T>, TTile>(w, u, in order, item);

    [IntrinsicImplementation]
    [DeviceBody(nameof(WeightGradientBody))]
    private static void WeightGradient<T, TTile>(
        ArrayView<Lane8<T>> s, ArrayView<T> dw, in WinogradWeights order, in WinogradSums sums, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradGradientTile
    {
        if (typeof(T) == typeof(float))
            WinogradTransforms.WeightGradient<float, VectorLane, TTile>(s.Cast<VectorLane>(), dw.Cast<float>(), in order, in sums, item);
        else
            WeightGradientBody<T, TTile>(s, dw, in order, in sums, item);
    }

    private static void WeightGradientBody<T, TTile>(
        ArrayView<Lane8<T>> s, ArrayView<T> dw, in WinogradWeights order, in WinogradSums sums, int item)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TTile : unmanaged, IWinogradGradientTile =>
        WinogradTransforms.WeightGradient<T, Lane8<T>, TTile>(s, dw, in order, in sums, item);
}
