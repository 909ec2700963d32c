namespace Deat.Engine;

// What is given back before the tape is disposed, and what is computed again.
public sealed partial class Tape
{
    private readonly Dictionary<Tensor, (string Layer, Action? Compute)> _computed = [];

    /// <summary>
    /// Whether what backward needs of activations that were <see cref="LetGo"/> is computed again, instead of kept.
    /// </summary>
    internal bool Recomputes => Device.RecomputesActivations && Wanted.HasFlag(Wanted.Parameters);

    /// <summary>
    /// Says that <paramref name="activation"/> has been read forwards for the last time, and by convolutions alone, which need it
    /// backwards for the gradients of their weights only. Its memory is given back unless these are wanted, and even then where the device
    /// computes it again (<see cref="ComputeDevice.RecomputesActivations"/>). What no op knows how to compute again is kept.
    /// </summary>
    public void LetGo(Tensor activation)
    {
        if (_computed.TryGetValue(activation, out var computed)
            && (computed.Compute is not null || !_needed.Contains(activation) || !Wanted.HasFlag(Wanted.Parameters)))
            Release(activation);
    }

    /// <summary>
    /// Says that <paramref name="output"/> may be <see cref="LetGo"/>: <paramref name="compute"/>, null unless this tape
    /// <see cref="Recomputes"/>, writes the same bits into it again.
    /// </summary>
    internal void MayLetGo(Tensor output, Action? compute) => _computed[output] = (Device.Ledger.Layer, compute);

    /// <summary><paramref name="activation"/>, computed again if it was <see cref="LetGo"/>: for ops that read it backwards.</summary>
    internal Tensor Again(Tensor activation)
    {
        if (activation.Buffer.IsLive || !_computed.TryGetValue(activation, out var computed) || computed.Compute is not { } compute)
            return activation;
        AllocateAgain(activation);
        using (Device.Ledger.At(computed.Layer))
            compute();
        return activation;
    }

    /// <summary>
    /// Says that a backward pass has read <paramref name="input"/>: unless an op that is still to come needs it, its memory is free for the
    /// gradients, its own above all.
    /// </summary>
    internal void HasRead(Tensor input)
    {
        if (_readers.GetValueOrDefault(input) == 0 && _needed.Contains(input) && !_kept.Contains(input))
            Release(input);
    }
}
