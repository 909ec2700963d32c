using System.Runtime.InteropServices;

namespace Deat.Engine;

/// <summary>What part of training a launch belongs to.</summary>
public enum Phase
{
    /// <summary>Loading, initialisation.</summary>
    Setup,

    /// <summary>Batches: gathering, augmentation, the starting perturbation.</summary>
    Data,

    /// <summary>A pass that only serves the attack.</summary>
    Attack,

    /// <summary>A pass whose weight gradient is used.</summary>
    Update,

    /// <summary>Sign step, projection, clamp.</summary>
    Step,

    /// <summary>The weight update.</summary>
    Optimizer,

    /// <summary>Validation and test.</summary>
    Evaluation,

    /// <summary>Measurements of the loss surface that change nothing.</summary>
    Probe,
}

/// <summary>Which derivative a launch computes.</summary>
public enum Direction
{
    /// <summary>The value itself.</summary>
    Forward,

    /// <summary>The gradient of an input.</summary>
    InputGradient,

    /// <summary>The gradient of a parameter.</summary>
    WeightGradient,
}

/// <summary>The price of one launch, exact by construction: what the algorithm needs, not what a tile wastes.</summary>
/// <param name="Flops">Floating-point operations; a fused multiply-add counts two.</param>
/// <param name="Bytes">Bytes that must be read and written once.</param>
/// <param name="Direction">Which derivative.</param>
public readonly record struct Cost(long Flops, long Bytes, Direction Direction = Direction.Forward);

/// <summary>What the ledger counts by.</summary>
/// <param name="Phase">Part of training.</param>
/// <param name="Iteration">Adversarial iteration, from 0.</param>
/// <param name="Layer">Path of the layer, such as "layer1.0.conv1"; empty outside a network.</param>
/// <param name="Kernel">Class, name and type arguments of the kernel, such as "AddKernels.Sum&lt;Single, Lane1&gt;".</param>
/// <param name="Direction">Which derivative.</param>
public readonly record struct LedgerKey(Phase Phase, int Iteration, string Layer, string Kernel, Direction Direction);

/// <summary>Sums over launches.</summary>
/// <param name="Launches">Number of launches.</param>
/// <param name="Flops">Floating-point operations.</param>
/// <param name="Bytes">Bytes read and written.</param>
public readonly record struct LedgerEntry(long Launches, long Flops, long Bytes);

/// <summary>
/// Counts every launch by phase, adversarial iteration, layer, kernel and direction. Always on. The context (phase, iteration,
/// layer) is set by whoever knows it: trainer, attacks, modules; the tape restores a layer's path for its backward pass.
/// </summary>
public sealed class Ledger
{
    private readonly Dictionary<LedgerKey, LedgerEntry> _entries = [];
    private readonly Dictionary<(string Layer, string Name), string> _paths = [];
    private Dictionary<LedgerKey, LedgerEntry>? _recorded;

    /// <summary>The current phase.</summary>
    public Phase Phase { get; set; }

    /// <summary>The current adversarial iteration.</summary>
    public int Iteration { get; set; }

    /// <summary>The path of the current layer.</summary>
    public string Layer { get; set; } = "";

    /// <summary>Floating-point operations so far, whatever they were counted under.</summary>
    public long Flops { get; private set; }

    /// <summary>All counts so far.</summary>
    public IReadOnlyDictionary<LedgerKey, LedgerEntry> Entries => _entries;

    /// <summary>The sum over the entries that <paramref name="filter"/> takes; over all without one.</summary>
    public LedgerEntry Total(Func<LedgerKey, bool>? filter = null) => _entries
        .Where(entry => filter?.Invoke(entry.Key) ?? true)
        .Aggregate(default(LedgerEntry), (sum, entry) =>
            new(sum.Launches + entry.Value.Launches, sum.Flops + entry.Value.Flops, sum.Bytes + entry.Value.Bytes));

    /// <summary>Sets phase and iteration until the result is disposed.</summary>
    public Scope In(Phase phase, int iteration = 0)
    {
        Scope scope = new(this);
        (Phase, Iteration) = (phase, iteration);
        return scope;
    }

    /// <summary>Appends <paramref name="name"/> to the layer's path until the result is disposed.</summary>
    public Scope Enter(string name)
    {
        Scope scope = new(this);
        if (!_paths.TryGetValue((Layer, name), out string? path))
            _paths[(Layer, name)] = path = Layer.Length == 0 ? name : $"{Layer}.{name}";
        Layer = path;
        return scope;
    }

    /// <summary>Sets the layer's whole path until the result is disposed.</summary>
    internal Scope At(string path)
    {
        Scope scope = new(this);
        Layer = path;
        return scope;
    }

    /// <summary>Forgets all counts.</summary>
    public void Clear()
    {
        _entries.Clear();
        Flops = 0;
    }

    /// <summary>Counts a launch.</summary>
    /// <returns>What it was counted under.</returns>
    internal LedgerKey Record(string kernel, Cost cost)
    {
        LedgerKey key = new(Phase, Iteration, Layer, kernel, cost.Direction);
        Add(key, new LedgerEntry(1, cost.Flops, cost.Bytes));
        return key;
    }

    /// <summary>Counts what is launched from now on for itself: it is recorded and does not run.</summary>
    internal void BeginRecording() => _recorded = [];

    /// <summary>What was counted since <see cref="BeginRecording"/>.</summary>
    internal KeyValuePair<LedgerKey, LedgerEntry>[] EndRecording()
    {
        KeyValuePair<LedgerKey, LedgerEntry>[] counts = [.. _recorded!];
        _recorded = null;
        return counts;
    }

    /// <summary>Counts recorded launches, which run once more, under the current iteration.</summary>
    internal void Record(ReadOnlySpan<KeyValuePair<LedgerKey, LedgerEntry>> counts)
    {
        foreach ((LedgerKey key, LedgerEntry count) in counts)
            Add(key with { Iteration = Iteration }, count);
    }

    private void Add(LedgerKey key, LedgerEntry count)
    {
        Flops += _recorded is null ? count.Flops : 0;
        ref LedgerEntry entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_recorded ?? _entries, key, out _);
        entry = new(entry.Launches + count.Launches, entry.Flops + count.Flops, entry.Bytes + count.Bytes);
    }

    /// <summary>Puts the context back when disposed.</summary>
    public readonly struct Scope : IDisposable, IEquatable<Scope>
    {
        private readonly Ledger _ledger;
        private readonly (Phase Phase, int Iteration, string Layer) _before;

        internal Scope(Ledger ledger) => (_ledger, _before) = (ledger, (ledger.Phase, ledger.Iteration, ledger.Layer));

        /// <inheritdoc/>
        public void Dispose() => (_ledger.Phase, _ledger.Iteration, _ledger.Layer) = _before;

        /// <inheritdoc/>
        public bool Equals(Scope other) => ReferenceEquals(_ledger, other._ledger) && _before == other._before;

        /// <inheritdoc/>
        public override bool Equals(object? obj) => obj is Scope other && Equals(other);

        /// <inheritdoc/>
        public override int GetHashCode() => _before.GetHashCode();

        /// <summary>Equality of ledger and context.</summary>
        public static bool operator ==(Scope left, Scope right) => left.Equals(right);

        /// <summary>Inequality of ledger or context.</summary>
        public static bool operator !=(Scope left, Scope right) => !left.Equals(right);
    }
}
