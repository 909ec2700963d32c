using System.Numerics;

namespace Deat.Engine;

/// <summary>A weight gradient in splits.</summary>
/// <param name="Partials">The splits.</param>
/// <param name="Target">Where their sum belongs.</param>
/// <param name="Order">The order of the partial sums.</param>
/// <param name="Splits">How many there are of each weight.</param>
/// <param name="Stride">Elements from one split to the next.</param>
internal sealed record SplitGradient(Tensor Partials, Tensor Target, PackedWeights Order, int Splits, int Stride)
{
    /// <summary>Bytes of the splits.</summary>
    public long Bytes => Splits * Target.Shape.Count * Target.Type.Bytes();

    /// <summary>Bytes of their sum.</summary>
    public long SumBytes => Target.Shape.Count * Target.Type.Bytes();
}

/// <summary>
/// Weight gradients of a tape whose splits are still to be summed. On GPU-like devices up to four share a launch, which then belongs
/// to no layer; on CPU-like devices each is summed at once, while it is in the cache.
/// </summary>
/// <param name="tape">Owns the splits.</param>
internal sealed class SplitQueue(Tape tape)
{
    // More is not kept waiting: it would be memory that nothing else can use.
    private const long MaxBytes = 64L << 20;

    private readonly List<SplitGradient> _waiting = [];
    private string _layer = "";

    private long Bytes => _waiting.Sum(gradient => gradient.Bytes);

    /// <summary>Sums <paramref name="gradient"/>, at the latest when <see cref="Sum"/> is called.</summary>
    public void Add(SplitGradient gradient)
    {
        if (_waiting.Count > 0 && (_waiting[0].Target.Type != gradient.Target.Type || Bytes + gradient.Bytes > MaxBytes))
            Sum();
        string layer = tape.Device.Ledger.Layer;
        _layer = _waiting.Count == 0 || layer == _layer ? layer : "";
        _waiting.Add(gradient);
        if (tape.Device.Traits.IsCpuLike || _waiting.Count == SplitSums.Count)
            Sum();
    }

    /// <summary>Sums all that wait.</summary>
    public void Sum()
    {
        if (_waiting.Count == 0)
            return;
        using (tape.Device.Ledger.At(_layer))
            Dispatch.Run(_waiting[0].Target.Type, width: 1, new SumLaunch(tape.Device, _waiting));
        foreach (SplitGradient gradient in _waiting)
            tape.Release(gradient.Partials);
        _waiting.Clear();
    }

    /// <summary>Forgets all that wait; their memory belongs to the tape.</summary>
    public void Clear() => _waiting.Clear();

    private readonly record struct SumLaunch(ComputeDevice Device, IReadOnlyList<SplitGradient> Gradients) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (int outputsPerItem, int tapsPerItem) = Device.Traits.IsCpuLike
                ? (ContractionTile.Columns, Gradients[0].Target.Shape.Pixels)
                : (1, 1);
            SplitSum[] sums = new SplitSum[SplitSums.Count];
            int items = 0;
            for (int i = 0; i < sums.Length; i++)
            {
                SplitGradient gradient = At(i);
                if (i < Gradients.Count)
                    items += gradient.Order.Items(outputsPerItem) * (gradient.Target.Shape.Pixels / tapsPerItem);
                sums[i] = new SplitSum(gradient.Order, gradient.Splits, gradient.Stride, items);
            }

            Device.Launch(
                PackingKernels.SumSplits, Device.Grid(items),
                new Cost(0, Gradients.Sum(gradient => gradient.Bytes + gradient.SumBytes), Direction.WeightGradient),
                At(0).Partials.View<T>(), At(1).Partials.View<T>(), At(2).Partials.View<T>(), At(3).Partials.View<T>(),
                At(0).Target.View<T>(), At(1).Target.View<T>(), At(2).Target.View<T>(), At(3).Target.View<T>(),
                new SplitSums(sums[0], sums[1], sums[2], sums[3]), outputsPerItem, tapsPerItem);
        }

        // The last stands for those that are not there: they have no items.
        private SplitGradient At(int i) => Gradients[Math.Min(i, Gradients.Count - 1)];
    }
}
