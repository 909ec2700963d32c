using Deat.Engine;
using Deat.Nn;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>A training step of PreAct-ResNet-18 on one batch of random images, as <c>deat train</c> does it.</summary>
public abstract class EngineStep(
    string what, double alpha, int batchSize, int width, ComputeDevice device, Precision precision, bool graphs)
    : EngineWork(what, device, precision, graphs)
{
    private Sgd _optimizer = null!;
    private int _runs;

    /// <summary>The network.</summary>
    protected PreActResNet18 Model { get; private set; } = null!;

    /// <summary>What the step is made of; its batch is there from <see cref="Prepare"/> on.</summary>
    protected AdversarialPass Pass { get; private set; } = null!;

    /// <inheritdoc/>
    public sealed override void Prepare()
    {
        Model = new PreActResNet18(width, 10);
        Model.Place(Device, ElementType.Float32, seed: 1);
        _optimizer = new Sgd(Model, StepSettings.WeightDecay);
        // The first step has a kernel of its own.
        Ops.Fill(Model.Gradients, 0);
        _optimizer.Step(0, StepSettings.Momentum);
        Minibatch batch = Minibatch.Allocate(Workspace, new Shape(batchSize, 3, 32, 32), ElementType.Float32);
        batch.X.CopyFrom<float>(RandomNumbers.Pixels(batch.X.Shape.Count, 1));
        batch.Labels.CopyFrom<int>([.. RandomNumbers.Pixels(batchSize, 2).Select(value => (int)(10 * value))]);
        Pass = new AdversarialPass(Model, Losses.CrossEntropy, StepSettings.Normalization)
        {
            Batch = batch,
            Ball = new LinfBall { Epsilon = StepSettings.Epsilon, Alpha = alpha },
            UpdatePrecision = Precision,
            AttackPrecision = Precision,
            Update = () => _optimizer.Step(StepSettings.LearningRate, StepSettings.Momentum),
        };
        Start(Pass);
        // The first run of a pass compiles, the second makes a graph of it.
        for (int run = 0; Graphs && run < 2; run++)
            Run();
    }

    /// <inheritdoc/>
    public sealed override void Run()
    {
        // Those who take turns with this one on the device may want it the other way.
        Device.UsesGraphs = Graphs;
        Run(Pass);
    }

    /// <summary>The step.</summary>
    protected abstract void Run(AdversarialPass pass);

    /// <summary>A new uniform start.</summary>
    protected void Start(AdversarialPass pass) =>
        pass.Start(DeltaInit.Uniform, StepSettings.Epsilon, clampPixels: true, new RandomKey(1, Purpose.Delta, 0, _runs++));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Pass?.Dispose();
        _optimizer?.Dispose();
        Model?.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>One replay of DEAT and FREE, with the gradient magnitude, which the fused step gives away.</summary>
public sealed class EngineReplay(
    int batch, int width, ComputeDevice device, Precision precision = Precision.Float32, bool graphs = false)
    : EngineStep(StepSettings.Replay, StepSettings.ReplayAlpha, batch, width, device, precision, graphs)
{
    /// <inheritdoc/>
    protected override void Run(AdversarialPass pass) => InnerLoops.Replay.Run(pass, 1);
}

/// <summary>A PGD-7 training step: a start, seven passes without gradients of weights and one that trains.</summary>
public sealed class EnginePgd(
    int batch, int width, ComputeDevice device, Precision precision = Precision.Float32, bool graphs = false)
    : EngineStep(StepSettings.Pgd, StepSettings.PgdAlpha, batch, width, device, precision, graphs)
{
    /// <inheritdoc/>
    protected override void Run(AdversarialPass pass)
    {
        Start(pass);
        InnerLoops.Attack.Run(pass, StepSettings.PgdSteps);
    }
}

/// <summary>A training step without an adversary.</summary>
public sealed class EngineNatural(
    int batch, int width, ComputeDevice device, Precision precision = Precision.Float32, bool graphs = false)
    : EngineStep(StepSettings.Natural, 0, batch, width, device, precision, graphs)
{
    /// <inheritdoc/>
    protected override void Run(AdversarialPass pass) => InnerLoops.Attack.Run(pass, 0);
}
