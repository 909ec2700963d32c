using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// Dropout, as torch.nn.Dropout: in training each element is zero with probability rate, and divided by 1 - rate otherwise; in
/// evaluation nothing happens. It has no parameters. Each pass draws anew from the stream that <see cref="Module.Reseed(RandomKey)"/> sets.
/// </summary>
/// <param name="rate">Probability of zero, from 0 to below 1.</param>
public sealed class Dropout(double rate) : Module
{
    private RandomKey _stream;
    private uint _passes;

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x)
    {
        if (!Training || rate == 0)
            return x;
        UInt4 words = Philox.Words(_stream, _passes++);
        return Ops.Dropout(tape, x, rate, new RandomKey(((ulong)words.Y << 32) | words.X, Purpose.Dropout));
    }

    /// <inheritdoc/>
    private protected override void Reseed(RandomKey key, int layer)
    {
        // A stream of its own for each layer.
        UInt4 words = Philox.Words(key, (uint)layer);
        (_stream, _passes) = (new RandomKey(((ulong)words.Y << 32) | words.X, Purpose.Dropout), 0);
    }
}
