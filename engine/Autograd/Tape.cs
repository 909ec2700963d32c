namespace Deat.Engine;

/// <summary>An op that is about to run backwards. For tests and for watching.</summary>
/// <param name="Layer">Path of the layer that recorded it, such as "layer1.0.conv1"; empty outside a network.</param>
/// <param name="Input">Its first input.</param>
/// <param name="Gradient">The gradient of its output.</param>
public readonly record struct OpObservation(string Layer, Tensor Input, Tensor Gradient);

/// <summary>
/// Records ops and runs them backwards (reverse-mode differentiation). It owns every tensor made while it records, and it is
/// the only place where gradients meet and are added.
/// </summary>
/// <param name="device">Where everything happens.</param>
/// <param name="wanted">The gradients that <see cref="Backward(Tensor, Tensor)"/> computes.</param>
/// <param name="precision">In which numbers convolutions multiply.</param>
/// <exception cref="DeviceException">The device has no tensor cores for this precision.</exception>
public sealed partial class Tape(ComputeDevice device, Wanted wanted, Precision precision = Precision.Float32)
    : Workspace(device, MemoryCategory.Activations)
{
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<Tensor, Tensor> _gradients = [];
    private readonly HashSet<Tensor> _needed = [];
    private readonly HashSet<Tensor> _kept = [];
    private readonly HashSet<Tensor> _written = [];
    private readonly Dictionary<Tensor, int> _readers = [];
    private readonly Dictionary<object, (Direction Direction, Tensor Tensor)> _shared = [];
    private readonly Dictionary<Tensor, SliceSums> _sums = [];
    private readonly Dictionary<Tensor, NormalisedTensor> _normalised = [];
    private SplitQueue? _splits;
    private Tensor? _given;

    /// <summary>The gradients that <see cref="Backward(Tensor, Tensor)"/> computes.</summary>
    public Wanted Wanted { get; } = wanted;

    /// <summary>In which numbers convolutions multiply, forwards and backwards.</summary>
    public Precision Precision { get; } = device.Supporting(precision);

    /// <summary>Is told about each op before it runs backwards.</summary>
    public Action<OpObservation>? Observer { get; init; }

    /// <summary>Weight gradients that wait to be summed; none after <see cref="Backward(Tensor, Tensor)"/>.</summary>
    internal SplitQueue Splits => _splits ??= new SplitQueue(this);

    /// <summary>Marks an input whose gradient is wanted, if this tape wants inputs' gradients at all.</summary>
    public Tensor Watch(Tensor input)
    {
        if (Wanted.HasFlag(Wanted.Input))
        {
            _needed.Add(input);
            _kept.Add(input);
        }

        return input;
    }

    /// <summary>The gradient of a watched input after <see cref="Backward(Tensor, Tensor)"/>.</summary>
    /// <exception cref="InvalidOperationException">It was not watched, or no gradient reached it.</exception>
    public Tensor Gradient(Tensor input) => _kept.Contains(input) && _gradients.TryGetValue(input, out Tensor? gradient)
        ? gradient
        : throw new InvalidOperationException($"No gradient of {input.Shape}: watch it before the forward pass and run Backward.");

    /// <summary>
    /// Gradients of <paramref name="loss"/>, a tensor of one element, with respect to what is wanted. Parameters' gradients are
    /// overwritten by the first use on this tape and added to by later ones.
    /// </summary>
    public void Backward(Tensor loss)
    {
        Require.That(loss.Shape.Count == 1, "Backward", "a loss of one element", loss.Shape);
        Tensor one = Allocate(loss.Layout, loss.Type);
        Ops.Fill(one, 1);
        Backward(loss, one);
    }

    /// <summary>
    /// Gradients of sum(<paramref name="output"/> * <paramref name="gradient"/>) with respect to what is wanted: a part of a network
    /// backwards, as torch.autograd.grad with grad_outputs. What was recorded on the way is given back, step by step, except the output and
    /// watched inputs: a tape runs backwards once.
    /// </summary>
    /// <param name="output">What was recorded.</param>
    /// <param name="gradient">The upstream gradient, in the layout of <paramref name="output"/>.</param>
    public void Backward(Tensor output, Tensor gradient)
    {
        Require.That(gradient.Layout == output.Layout && gradient.Type == output.Type, "Backward", output.Layout, gradient.Layout);
        _gradients[output] = _given = gradient;
        for (int i = _nodes.Count - 1; i >= 0; i--)
        {
            Node node = _nodes[i];
            foreach (Tensor input in node.Inputs)
                _readers[input]--;
            if (!_gradients.TryGetValue(node.Output, out Tensor? upstream))
                continue;
            // Whoever read it has run backwards already, and no op reads its own output.
            if (node.Output != output && !_kept.Contains(node.Output))
                Release(node.Output);
            Observer?.Invoke(new OpObservation(node.Layer, Again(node.Inputs[0]), upstream));
            using (Device.Ledger.At(node.Layer))
                node.Backward(upstream);
            Forget(node.Output, upstream);
        }

        Splits.Sum();
        _nodes.Clear();
    }

    /// <summary>Whether a gradient of <paramref name="tensor"/> must be computed.</summary>
    internal bool Needs(Tensor tensor) =>
        _needed.Contains(tensor) || (tensor.Gradient is not null && Wanted.HasFlag(Wanted.Parameters));

    /// <summary>
    /// Records that <paramref name="output"/> was computed from <paramref name="inputs"/>; nothing if no input needs a gradient.
    /// The closure gets the output's gradient; for each input that <see cref="Needs"/> one it calls
    /// <see cref="Accumulate(Tensor, Tensor)"/> or <see cref="WriteGradient"/>.
    /// </summary>
    internal Tensor Record(Tensor output, ReadOnlySpan<Tensor> inputs, Action<Tensor> backward)
    {
        foreach (Tensor input in inputs)
        {
            if (Needs(input))
            {
                _needed.Add(output);
                Add(new Node(output, inputs.ToArray(), Device.Ledger.Layer, backward));
                break;
            }
        }

        return output;
    }

    /// <summary>Adds <paramref name="gradient"/> to that of an activation or input; the first is taken over as it is.</summary>
    internal void Accumulate(Tensor tensor, Tensor gradient)
    {
        if (!_gradients.TryGetValue(tensor, out Tensor? before))
        {
            _gradients[tensor] = gradient;
            return;
        }

        Drop(before);
        // An op that passes its gradient on unchanged leaves it with several tensors.
        _gradients.Remove(tensor);
        Tensor sum = _gradients.ContainsValue(before) ? Allocate(before.Layout, before.Type) : before;
        Ops.AddInto(sum, before, gradient, Direction.InputGradient);
        _gradients[tensor] = sum;
        ReleaseUnlessShared(gradient);
    }

    /// <summary>
    /// Lets <paramref name="write"/> compute a gradient and add it in one pass: it is given what was accumulated before, null if nothing
    /// was, and where the sum belongs. That may be the memory of what was before, or of <paramref name="upstream"/> if it is computed from
    /// that element by element.
    /// </summary>
    internal void Accumulate(Tensor tensor, Tensor? upstream, Action<Tensor?, Tensor> write)
    {
        _gradients.Remove(tensor, out Tensor? before);
        if (before is not null)
            Drop(before);
        Tensor sum = before is not null && !_gradients.ContainsValue(before) ? before
            : before is null && upstream is not null && IsLastOf(upstream) ? upstream
            : Allocate(tensor.Layout, tensor.Type);
        write(before, sum);
        if (sum == upstream)
            Drop(sum);
        _gradients[tensor] = sum;
    }

    /// <summary>
    /// Lets <paramref name="write"/> write the gradient of <paramref name="parameter"/>: straight to its place the first time, into
    /// memory that is then added the next times.
    /// </summary>
    internal void WriteGradient(Tensor parameter, Action<Tensor> write)
    {
        Tensor target = parameter.Gradient ?? throw new InvalidOperationException("Only parameters have a place for gradients.");
        if (_written.Add(parameter))
        {
            write(target);
            return;
        }

        Tensor term = Allocate(target.Layout, target.Type);
        write(term);
        Splits.Sum();
        Ops.AddInto(target, target, term, Direction.WeightGradient);
        Release(term);
    }

    /// <summary>
    /// What ops share on their way in one direction: made for the first that asks, and given back when one asks for another direction.
    /// </summary>
    internal Tensor Shared(object owner, Direction direction, Func<Tensor> make)
    {
        if (_shared.TryGetValue(owner, out (Direction Direction, Tensor Tensor) shared))
        {
            if (shared.Direction == direction)
                return shared.Tensor;
            Release(shared.Tensor);
        }

        Tensor made = make();
        _shared[owner] = (direction, made);
        return made;
    }

    /// <summary>Keeps sums of a tensor that was written, for who asks for them before it changes.</summary>
    internal void Keep(Tensor tensor, SliceSums sums) => _sums[tensor] = sums;

    /// <summary>
    /// The sums that are kept of a tensor, for what <paramref name="behind"/> says; null if there are none. Whoever takes them gives their
    /// memory back.
    /// </summary>
    internal SliceSums? Take(Tensor tensor, NormalisedTensor? behind = null)
    {
        if (!_sums.TryGetValue(tensor, out SliceSums? sums) || sums.Behind != behind)
            return null;
        _sums.Remove(tensor);
        return sums;
    }

    /// <summary>Says that <paramref name="output"/> was normalised from a tensor, so that sums of its gradient will be needed.</summary>
    internal void MarkNormalised(Tensor output, NormalisedTensor normalised) => _normalised[output] = normalised;

    /// <summary>What <paramref name="tensor"/> was normalised from, where sums of its gradient will be needed.</summary>
    internal NormalisedTensor? NormalisedFrom(Tensor tensor) => _normalised.GetValueOrDefault(tensor);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _nodes.Clear();
        _readers.Clear();
        Splits.Clear();
        _sums.Clear();
        _normalised.Clear();
        _computed.Clear();
        _shared.Clear();
        _gradients.Clear();
        base.Dispose(disposing);
    }

    private void Add(Node node)
    {
        _nodes.Add(node);
        foreach (Tensor input in node.Inputs)
            _readers[input] = _readers.GetValueOrDefault(input) + 1;
    }

    // Whether the op that has this gradient is the last to need it, and it is this tape's.
    private bool IsLastOf(Tensor upstream)
    {
        int holders = 0;
        foreach ((Tensor tensor, Tensor gradient) in _gradients)
            holders += gradient == upstream ? _kept.Contains(tensor) ? 2 : 1 : 0;
        return holders == 1 && upstream != _given;
    }

    // A gradient that was passed on unchanged (by Add, say) is still held for another tensor.
    private void ReleaseUnlessShared(Tensor gradient)
    {
        if (_gradients.ContainsValue(gradient))
            return;
        Drop(gradient);
        Release(gradient);
    }

    // Sums of what changes or goes are nobody's.
    private void Drop(Tensor changed)
    {
        if (_sums.Remove(changed, out SliceSums? sums))
            Release(sums.Partials);
    }

    private void Forget(Tensor output, Tensor gradient)
    {
        if (_kept.Contains(output))
            return;
        _gradients.Remove(output);
        ReleaseUnlessShared(gradient);
    }

    private sealed record Node(Tensor Output, Tensor[] Inputs, string Layer, Action<Tensor> Backward);
}
