using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// The layers of a flat tensor of weights, cut into pieces of equal work: a piece lies in one layer. What lies between layers is in none.
/// </summary>
public sealed class WeightLayers
{
    /// <summary>Cuts layers into pieces.</summary>
    /// <param name="workspace">Owns two small tables.</param>
    /// <param name="layers">Where each layer begins in the flat tensor and how many weights it has; in any order.</param>
    public WeightLayers(Workspace workspace, IReadOnlyList<(int Start, int Length)> layers)
    {
        Require.That(layers.Count > 0 && layers.All(layer => layer.Length > 0), nameof(WeightLayers), "layers with weights", layers.Count);
        int piece = Math.Max(256, workspace.Device.Traits.Chunk);
        List<int> pieces = [];
        List<int> firsts = [0];
        foreach ((int index, (int start, int length)) in layers.Index())
        {
            for (int done = 0; done < length; done += piece)
                pieces.AddRange([start + done, Math.Min(piece, length - done), index]);
            firsts.Add(pieces.Count / 3);
        }

        (Count, Weights) = (layers.Count, layers.Sum(layer => (long)layer.Length));
        End = layers.Max(layer => layer.Start + layer.Length);
        Pieces = workspace.Plain<int>(new Shape(1, pieces.Count), ElementType.Int32, [.. pieces]);
        Firsts = workspace.Plain<int>(new Shape(1, firsts.Count), ElementType.Int32, [.. firsts]);
    }

    /// <summary>Layers.</summary>
    internal int Count { get; }

    /// <summary>Weights of all layers.</summary>
    internal long Weights { get; }

    /// <summary>The place after the last weight.</summary>
    internal int End { get; }

    /// <summary>Start, length and layer of each piece.</summary>
    internal Tensor Pieces { get; }

    /// <summary>The first piece of each layer, and the number of pieces.</summary>
    internal Tensor Firsts { get; }
}

public static partial class Ops
{
    /// <summary>
    /// Moves the weights of each layer along their gradient, by a part of their own norm: w += gamma * |w|_2 / |g|_2 * g, with the norms of
    /// the layer. A layer whose gradient is zero stays. Source: Wu, Xia and Wang, Adversarial Weight Perturbation Helps Robust
    /// Generalization (NeurIPS 2020), equation 10 with one step.
    /// </summary>
    /// <param name="scratch">Lends memory for partial sums.</param>
    /// <param name="weights">w [1, count, 1, 1], plain; updated</param>
    /// <param name="gradients">g [1, count, 1, 1], plain</param>
    /// <param name="layers">Which weights form a layer.</param>
    /// <param name="gamma">The part of the norm.</param>
    /// <exception cref="ArgumentException">Layouts or types differ or are not plain, or a layer lies outside.</exception>
    public static void PerturbLayers(Workspace scratch, Tensor weights, Tensor gradients, WeightLayers layers, double gamma)
    {
        RequireAlike(nameof(PerturbLayers), weights, gradients);
        Require.That(weights.Layout == Layout.Plain(weights.Shape), nameof(PerturbLayers), "plain tensors", weights.Layout);
        Require.That(layers.End <= weights.Shape.Count, nameof(PerturbLayers), $"layers in {weights.Shape.Count} weights", layers.End);
        Dispatch.Run(weights.Type, width: 1, new PerturbLayersLaunch(scratch, weights, gradients, layers, gamma));
    }

    private readonly record struct PerturbLayersLaunch(
        Workspace Scratch, Tensor Weights, Tensor Gradients, WeightLayers Layers, double Gamma) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (ComputeDevice device, long count, int size) = (Weights.Device, Layers.Weights, Weights.Type.Bytes());
            int pieces = checked((int)Layers.Pieces.Shape.Count / 3);
            Tensor squares = Scratch.Plain(new Shape(1, 2 * pieces), Weights.Type);
            Tensor scales = Scratch.Plain(new Shape(1, Layers.Count), Weights.Type);
            device.Launch(
                PerturbLayersKernels.Squares, device.Grid(pieces), new Cost(4 * count, 2 * (count + pieces) * size),
                Weights.View<T>(), Gradients.View<T>(), squares.View<T>(), Layers.Pieces.View<int>());
            device.Launch(
                PerturbLayersKernels.Scales, device.Grid(Layers.Count), new Cost(2 * pieces, (2L * pieces + Layers.Count) * size),
                squares.View<T>(), scales.View<T>(), Layers.Firsts.View<int>(), T.CreateChecked(Gamma));
            device.Launch(
                PerturbLayersKernels.Move, device.Grid(pieces), new Cost(2 * count, 3 * count * size),
                Weights.View<T>(), Gradients.View<T>(), scales.View<T>(), Layers.Pieces.View<int>());
            Scratch.Release(squares);
            Scratch.Release(scales);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class PerturbLayersKernels
{
    public static void Squares<T>(ArrayView<T> weights, ArrayView<T> gradients, ArrayView<T> squares, ArrayView<int> pieces)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (2 * item >= squares.IntLength)
            return;
        int start = Real.Load(pieces, 3 * item);
        int end = start + Real.Load(pieces, (3 * item) + 1);
        T ofWeights = T.Zero, ofGradients = T.Zero;
        for (int i = start; i < end; i++)
        {
            T w = Real.Load(weights, i);
            T g = Real.Load(gradients, i);
            ofWeights = Real.Fma(w, w, ofWeights);
            ofGradients = Real.Fma(g, g, ofGradients);
        }

        Real.Store(squares, 2 * item, ofWeights);
        Real.Store(squares, (2 * item) + 1, ofGradients);
    }

    public static void Scales<T>(ArrayView<T> squares, ArrayView<T> scales, ArrayView<int> firsts, T gamma)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int layer = Item.Index();
        if (layer >= scales.IntLength)
            return;
        T ofWeights = T.Zero, ofGradients = T.Zero;
        for (int piece = Real.Load(firsts, layer); piece < Real.Load(firsts, layer + 1); piece++)
        {
            ofWeights += Real.Load(squares, 2 * piece);
            ofGradients += Real.Load(squares, (2 * piece) + 1);
        }

        Real.Store(scales, layer, ofGradients == T.Zero ? T.Zero : gamma * T.Sqrt(ofWeights) / T.Sqrt(ofGradients));
    }

    public static void Move<T>(ArrayView<T> weights, ArrayView<T> gradients, ArrayView<T> scales, ArrayView<int> pieces)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (3 * item >= pieces.IntLength)
            return;
        int start = Real.Load(pieces, 3 * item);
        int end = start + Real.Load(pieces, (3 * item) + 1);
        T scale = Real.Load(scales, Real.Load(pieces, (3 * item) + 2));
        for (int i = start; i < end; i++)
            Real.Store(weights, i, Real.Fma(scale, Real.Load(gradients, i), Real.Load(weights, i)));
    }
}
