using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// A part of a network with parameters and children, both named as in PyTorch and kept in the order of their declaration. The
/// outermost module is the model: it is placed on a device, owns the memory of all parameters below it and is disposed.
/// </summary>
public abstract class Module : IDisposable
{
    private readonly List<(string Name, StateEntry Entry)> _state = [];
    private readonly List<Module> _children = [];
    private string _name = "";
    private bool _training = true;
    private double _batchShare = 0.1;
    private Arena? _arena;

    /// <summary>
    /// Whether batch normalisation uses the statistics of the batch and updates its running ones (true, as at the start) or uses
    /// the running ones. Setting it sets all children's.
    /// </summary>
    public bool Training
    {
        get => _training;
        set
        {
            _training = value;
            foreach (Module child in _children)
                child.Training = value;
        }
    }

    /// <summary>
    /// The weight of a new batch in the running statistics of batch normalisations, 0.1 as at the start: PyTorch's momentum. With 1 / n at
    /// the n-th batch they become the mean over batches. Setting it sets all children's.
    /// </summary>
    public double BatchShare
    {
        get => _batchShare;
        set
        {
            _batchShare = value;
            foreach (Module child in _children)
                child.BatchShare = value;
        }
    }

    /// <summary>The device of the placed model.</summary>
    /// <exception cref="InvalidOperationException">The model was not placed.</exception>
    public ComputeDevice Device => Weights.Device;

    /// <summary>The element type of the placed model.</summary>
    /// <exception cref="InvalidOperationException">The model was not placed.</exception>
    public ElementType Type => Weights.Type;

    /// <summary>All trained parameters as one flat tensor [1, length, 1, 1]; zeros between them.</summary>
    /// <exception cref="InvalidOperationException">The model was not placed.</exception>
    public Tensor Weights => Arena.Weights;

    /// <summary>The gradients of <see cref="Weights"/>, element by element.</summary>
    /// <exception cref="InvalidOperationException">The model was not placed.</exception>
    public Tensor Gradients => Arena.Gradients;

    /// <summary>All running statistics as one flat tensor [1, length, 1, 1]; zeros between them.</summary>
    /// <exception cref="InvalidOperationException">The model was not placed.</exception>
    public Tensor Statistics => Arena.Statistics;

    internal Arena Arena => _arena ?? throw new InvalidOperationException("Place the model on a device before using it.");

    /// <summary>
    /// All parameters and counters with their full names, in PyTorch's order: a module's trained parameters, its running
    /// statistics, its counters, then its children.
    /// </summary>
    public IEnumerable<(string Name, StateEntry Entry)> State() =>
        _state.Concat(_children.SelectMany(child => child.State().Select(entry => ($"{child._name}.{entry.Name}", entry.Entry))));

    /// <summary>The trained parameters with their full names, in PyTorch's order.</summary>
    public IEnumerable<(string Name, Parameter Parameter)> Parameters()
    {
        foreach ((string name, StateEntry entry) in State())
            if (entry is Parameter { IsTrained: true } parameter)
                yield return (name, parameter);
    }

    /// <summary>All modules below this one, in the order of their declaration, with the paths that launches are counted under.</summary>
    public IEnumerable<(string Path, Module Module)> Descendants() => _children.SelectMany(child =>
        child.Descendants().Select(below => ($"{child._name}.{below.Path}", below.Module)).Prepend((child._name, child)));

    /// <summary>
    /// Allocates the parameters on <paramref name="device"/> and gives them their initial values, which follow from
    /// <paramref name="seed"/> and a parameter's position alone: the same float32 values on every device and for both types.
    /// </summary>
    /// <param name="device">Holds the model until it is disposed.</param>
    /// <param name="type">Float32 or Float64.</param>
    /// <param name="seed">The seed of the run.</param>
    /// <exception cref="InvalidOperationException">It was placed before, or is a part of a placed model.</exception>
    public void Place(ComputeDevice device, ElementType type, ulong seed)
    {
        if (_arena is not null)
            throw new InvalidOperationException("A model is placed once, as a whole.");
        _arena = new Arena([.. State().Select(entry => entry.Entry).OfType<Parameter>()], device, type, seed);
        _arena.PackTogether([.. WithDescendants().OfType<Conv2d>().Select(convolution => convolution.Placed)]);
    }

    /// <summary>The module's output for <paramref name="x"/>. All launches are counted under the module's path.</summary>
    /// <param name="tape">Records the ops and owns the results.</param>
    /// <param name="x">[N, C, H, W]</param>
    public Tensor Forward(Tape tape, Tensor x) => InPath(tape, () => Compute(tape, x));

    /// <summary>
    /// Sets the stream that dropout draws from in the passes that follow; the trainer does it for each minibatch, so that a run which is
    /// resumed drops the same.
    /// </summary>
    /// <param name="key">The random stream.</param>
    public void Reseed(RandomKey key)
    {
        foreach ((int layer, Module module) in WithDescendants().Index())
            module.Reseed(key, layer);
    }

    /// <summary>Gives the memory of a placed model back.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// What the user could change so that an array of another model fits: appended to the error, empty if there is nothing to say.
    /// </summary>
    /// <param name="name">The first entry that does not fit.</param>
    /// <param name="extents">Its extents in the state dictionary.</param>
    protected internal virtual string Hint(string name, IReadOnlyList<long> extents) => "";

    /// <summary>What <paramref name="compute"/> gives, its launches counted under the module's path.</summary>
    private protected Tensor InPath(Tape tape, Func<Tensor> compute)
    {
        if (_name.Length == 0)
            return compute();
        using (tape.Device.Ledger.Enter(_name))
            return compute();
    }

    /// <summary>Takes a stream of random numbers; nothing where there is nothing random.</summary>
    private protected virtual void Reseed(RandomKey key, int layer)
    {
    }

    /// <summary>The module's output: its ops and its children's <see cref="Forward"/>.</summary>
    protected abstract Tensor Compute(Tape tape, Tensor x);

    /// <summary>Declares a child. The name may be a path, such as "layer1.0".</summary>
    protected T Add<T>(string name, T child)
        where T : Module
    {
        child._name = name;
        _children.Add(child);
        return child;
    }

    /// <summary>Declares a parameter that the optimizer trains.</summary>
    protected Parameter AddParameter(string name, Initializer initialize, params int[] extents) =>
        AddEntry(name, new Parameter(isTrained: true, initialize, extents));

    /// <summary>Declares an array that the module itself keeps: a running statistic.</summary>
    protected Parameter AddStatistic(string name, Initializer initialize, params int[] extents) =>
        AddEntry(name, new Parameter(isTrained: false, initialize, extents));

    /// <summary>Declares a counter.</summary>
    protected Counter AddCounter(string name) => AddEntry(name, new Counter());

    /// <summary>Gives the memory of a placed model back.</summary>
    protected virtual void Dispose(bool disposing) => _arena?.Dispose();

    // Without the paths: each batch goes through all modules.
    private IEnumerable<Module> WithDescendants() => _children.SelectMany(child => child.WithDescendants()).Prepend(this);

    private T AddEntry<T>(string name, T entry)
        where T : StateEntry
    {
        _state.Add((name, entry));
        return entry;
    }
}
