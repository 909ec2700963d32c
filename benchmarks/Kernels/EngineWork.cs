using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>Work of the engine on a device, its convolutions in the given precision, launched as graphs or kernel by kernel.</summary>
public abstract class EngineWork(string what, ComputeDevice device, Precision precision = Precision.Float32, bool graphs = false)
    : Measured(what, NameOf(device, precision, graphs))
{
    /// <summary>Where it happens.</summary>
    protected ComputeDevice Device { get; } = device;

    /// <summary>In which convolutions multiply.</summary>
    protected Precision Precision { get; } = precision;

    /// <summary>Whether passes that repeat are launched as graphs.</summary>
    protected bool Graphs { get; } = graphs;

    /// <summary>Owns what is there from <see cref="Measured.Prepare"/> on.</summary>
    protected Workspace Workspace { get; } = new(device, MemoryCategory.Data);

    /// <inheritdoc/>
    public override void Finish() => Device.Synchronize();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Workspace.Dispose();
        base.Dispose(disposing);
    }

    private static string NameOf(ComputeDevice device, Precision precision, bool graphs)
    {
        string name = device.Listing.Id + (precision == Precision.Float32 ? "" : $" {Precisions.NameOf(precision)}");
        return graphs ? name + " graphs" : name;
    }

    /// <summary>An activation of float32 numbers in [-1, 1) that follow from <paramref name="seed"/>.</summary>
    protected Tensor Numbers(Shape shape, ulong seed) =>
        Workspace.Activation<float>(shape, ElementType.Float32, RandomNumbers.Signed(shape.Count, seed));

    /// <summary>A parameter of such numbers with a place for its gradient.</summary>
    protected Tensor Parameter(Shape shape, ulong seed) =>
        Workspace.Plain<float>(shape, ElementType.Float32, RandomNumbers.Signed(shape.Count, seed))
            .WithGradient(Workspace.Plain(shape, ElementType.Float32));
}

/// <summary>
/// One op with one input, forward as in training, or backward alone: then the forward passes are run before the clock starts.
/// </summary>
public abstract class EngineOp(string what, ComputeDevice device, Wanted backward, Precision precision = Precision.Float32)
    : EngineWork(what, device, precision)
{
    private readonly List<Tape> _tapes = [];
    private readonly Queue<(Tape Tape, Tensor Y)> _waiting = [];
    private Tensor _x = null!;
    private Tensor _dy = null!;

    /// <inheritdoc/>
    public sealed override void Prepare()
    {
        (_x, _dy) = (Numbers(Input, 1), Numbers(Output, 2));
        PrepareParameters();
    }

    /// <inheritdoc/>
    public sealed override void Before(int runs)
    {
        Clear();
        for (int i = 0; i < runs && backward != Wanted.None; i++)
            _waiting.Enqueue(RunForward(backward));
        Device.Synchronize();
    }

    /// <inheritdoc/>
    public sealed override void Run()
    {
        if (backward == Wanted.None)
        {
            RunForward(Wanted.Both);
            return;
        }

        (Tape tape, Tensor y) = _waiting.Dequeue();
        tape.Backward(y, _dy);
    }

    /// <summary>The shape of the input.</summary>
    protected abstract Shape Input { get; }

    /// <summary>The shape of the output.</summary>
    protected abstract Shape Output { get; }

    /// <summary>Makes the parameters.</summary>
    protected abstract void PrepareParameters();

    /// <summary>The op.</summary>
    protected abstract Tensor Forward(Tape tape, Tensor x);

    /// <inheritdoc/>
    protected sealed override void Dispose(bool disposing)
    {
        Clear();
        base.Dispose(disposing);
    }

    private (Tape Tape, Tensor Y) RunForward(Wanted wanted)
    {
        Tape tape = new(Device, wanted, Precision);
        _tapes.Add(tape);
        return (tape, Forward(tape, tape.Watch(_x)));
    }

    private void Clear()
    {
        _waiting.Clear();
        _tapes.ForEach(tape => tape.Dispose());
        _tapes.Clear();
    }
}
