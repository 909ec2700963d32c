using System.Numerics;

namespace Deat.Engine;

/// <summary>
/// The weights of all convolutions of a model. On GPU-like devices they are packed together, in one launch for the forward pass and one
/// for the backward pass of a tape; a copy lives until the tape turns round or ends. On CPU-like devices each convolution packs its own,
/// while they are in the cache.
/// </summary>
public sealed class ConvolutionWeights
{
    private readonly Tensor _flat;
    private readonly Side _forward;
    private readonly Side _backward;

    private ConvolutionWeights(Workspace workspace, Tensor flat, IReadOnlyList<(Tensor W, int Start, int Stride)> convolutions)
    {
        _flat = flat;
        // On GPU-like devices all channels of a pixel lie side by side.
        _forward = new Side(workspace, [.. convolutions.Select(
            convolution => (convolution.W, convolution.Start, PackedWeights.Forward(convolution.W.Shape, convolution.W.Shape.C)))]);
        _backward = new Side(workspace, [.. convolutions.Select(convolution => (
            convolution.W, convolution.Start,
            PackedWeights.InputGradient(convolution.W.Shape, convolution.W.Shape.N, convolution.Stride)))]);
    }

    /// <summary>Lets convolutions share the launches that pack their weights.</summary>
    /// <param name="workspace">Owns two small tables.</param>
    /// <param name="flat">The plain tensor [1, length, 1, 1] whose parts the weights are.</param>
    /// <param name="convolutions">Weights [K, C, R, S], where they begin in <paramref name="flat"/>, and the convolution's stride.</param>
    public static void PackTogether(Workspace workspace, Tensor flat, IReadOnlyList<(Tensor W, int Start, int Stride)> convolutions)
    {
        if (flat.Device.Traits.IsCpuLike || convolutions.Count == 0)
            return;
        ConvolutionWeights together = new(workspace, flat, convolutions);
        foreach ((Tensor w, _, _) in convolutions)
            w.Convolutions = together;
    }

    /// <summary>The packed weights <paramref name="w"/>, or null where those that are packed together have another order.</summary>
    internal Tensor? Packed<T>(Tape tape, Tensor w, PackedWeights order, Direction direction)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Side side = direction == Direction.Forward ? _forward : _backward;
        if (!side.Parts.TryGetValue(w, out PackedPart part) || part.Order != order)
            return null;
        Tensor packed = tape.Shared(this, direction, () =>
        {
            Tensor all = tape.Scratch(new Shape(1, side.Length), _flat.Type);
            tape.Device.Launch(
                PackingKernels.PackTogether, tape.Device.Grid(side.Items),
                new Cost(0, (side.Sources + side.Length) * _flat.Type.Bytes(), direction),
                _flat.View<T>(), all.View<T>(), side.Table.View<int>(), side.Items);
            return all;
        });
        return packed.Slice(part.Target, new Shape(1, order.Length));
    }

    /// <summary>How all weights are packed for one way through the network.</summary>
    private readonly struct Side
    {
        public Side(Workspace workspace, (Tensor W, int Start, PackedWeights Order)[] weights)
        {
            Parts = new Dictionary<Tensor, PackedPart>();
            foreach ((Tensor w, int start, PackedWeights order) in weights)
            {
                Parts[w] = new PackedPart(Items, start, Length, order);
                Items += order.Items(outputsPerItem: 1);
                Length += order.Length;
                Sources += w.Shape.Count;
            }

            int[] numbers = [.. Parts.Values.OrderBy(part => part.FirstItem).SelectMany(part => part.ToArray()), Items];
            Table = workspace.Plain<int>(new Shape(1, numbers.Length), ElementType.Int32, numbers);
        }

        public Dictionary<Tensor, PackedPart> Parts { get; }

        public Tensor Table { get; }

        public int Items { get; }

        public int Length { get; }

        public long Sources { get; }
    }
}
