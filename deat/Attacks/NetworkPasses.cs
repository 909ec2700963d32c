using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

/// <summary>What was asked of a network.</summary>
/// <param name="Forwards">Forward passes of a minibatch.</param>
/// <param name="Backwards">Backward passes of a minibatch, each of them full or with respect to the input only.</param>
/// <param name="ForwardImages">Images in the forward passes, those that fill up a batch included.</param>
/// <param name="BackwardImages">The same in the backward passes.</param>
public readonly record struct PassCounts(long Forwards, long Backwards, long ForwardImages, long BackwardImages)
{
    /// <summary>Both together.</summary>
    public static PassCounts operator +(PassCounts a, PassCounts b) => new(
        a.Forwards + b.Forwards, a.Backwards + b.Backwards, a.ForwardImages + b.ForwardImages, a.BackwardImages + b.BackwardImages);

    /// <summary>What came after <paramref name="b"/>.</summary>
    public static PassCounts operator -(PassCounts a, PassCounts b) => new(
        a.Forwards - b.Forwards, a.Backwards - b.Backwards, a.ForwardImages - b.ForwardImages, a.BackwardImages - b.BackwardImages);

    internal static PassCounts Of(int images, int forwards, int backwards) =>
        new(forwards, backwards, (long)forwards * images, (long)backwards * images);
}

/// <summary>
/// The door to a network: whoever wants a forward or backward pass over a minibatch comes here, and is counted. Passes over the same
/// tensors become a graph where the device uses graphs. Dispose it before the model and the minibatches.
/// </summary>
/// <param name="model">The network; its mode is that of the moment.</param>
public sealed class NetworkPasses(Module model) : IDisposable
{
    private const int MaxPasses = 64;

    private readonly Dictionary<(Loss Loss, Minibatch Batch, Wanted Wanted, Precision Precision, bool Training), RepeatedPass> _passes = [];

    /// <summary>
    /// Whether a gradient is that of each image's own loss, whatever the batch, instead of that of the loss, which may be a mean. The
    /// number of images must be a power of two, so that the one is exactly the other times a number.
    /// </summary>
    public bool OfEachImage { get; init; }

    /// <summary>The passes so far.</summary>
    public PassCounts Counts { get; private set; }

    /// <summary>A forward pass at z, and the backward pass for what is wanted.</summary>
    /// <param name="loss">What is computed and differentiated.</param>
    /// <param name="batch">The minibatch.</param>
    /// <param name="wanted">The gradients to compute.</param>
    /// <param name="precision">In which numbers convolutions multiply.</param>
    /// <param name="discarded">Whether the gradients of parameters are computed too, which nobody uses: to see what that costs.</param>
    public PassResult Run(
        Loss loss, Minibatch batch, Wanted wanted, Precision precision = Precision.Float32, bool discarded = false)
    {
        Count(batch, loss.Forwards, wanted == Wanted.None ? 0 : 1);
        return PassOver(loss, batch, wanted, precision, discarded ? wanted | Wanted.Parameters : wanted).Run();
    }

    /// <summary>Counts passes that took another way.</summary>
    public void Count(Minibatch batch, int forwards, int backwards) => Counts += PassCounts.Of(batch.Count, forwards, backwards);

    /// <summary>Gives the graphs of the passes back.</summary>
    public void Dispose()
    {
        foreach (RepeatedPass pass in _passes.Values)
            pass.Dispose();
        _passes.Clear();
    }

    // Radius, step size and learning rate are not among what makes a pass another one: the steps of delta and weights come after it.
    private RepeatedPass PassOver(Loss loss, Minibatch batch, Wanted wanted, Precision precision, Wanted computed)
    {
        (Loss, Minibatch, Wanted, Precision, bool) key = (loss, batch, wanted, precision, model.Training);
        if (_passes.TryGetValue(key, out RepeatedPass? known))
            return known;
        // Whoever makes a new batch each time repeats nothing.
        if (_passes.Count == MaxPasses)
            Dispose();
        ComputeDevice device = batch.X.Device;
        RepeatedPass pass = new(device, () => new Tape(device, computed, precision), tape =>
        {
            tape.Watch(batch.Z);
            Tensor value = loss.Of(tape, model, batch);
            if (wanted != Wanted.None)
                Backward(tape, value, batch);
            return new PassResult(value, wanted.HasFlag(Wanted.Input) ? tape.Gradient(batch.Z) : null);
        });
        _passes.Add(key, pass);
        return pass;
    }

    private void Backward(Tape tape, Tensor value, Minibatch batch)
    {
        Tensor upstream = tape.Allocate(value.Layout, value.Type);
        Ops.Fill(upstream, OfEachImage ? batch.Count : 1);
        tape.Backward(value, upstream);
    }
}
