using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using EngineNetwork = Deat.Nn.PreActResNet18;

namespace Deat.Twins;

/// <summary>The engine's passes over one batch of random images, in float32.</summary>
internal abstract class EngineStep(string device, int batchSize, int width) : IStep
{
    private const double LearningRate = 0.01;
    private const double Momentum = 0.9;
    private const double WeightDecay = 5e-4;

    private ComputeDevice? opened;
    private Workspace? workspace;
    private Module? model;
    private Sgd? optimizer;
    private AdversarialPass? pass;

    public string Name => $"{Kind} (DEAT.Native, {device})";

    protected abstract string Kind { get; }

    protected abstract double Alpha { get; }

    public void Prepare()
    {
        opened = ComputeDevice.Open(device);
        workspace = new Workspace(opened, MemoryCategory.Data);
        model = new EngineNetwork(width, 10);
        model.Place(opened, ElementType.Float32, seed: 1);
        model.Training = true;
        optimizer = new Sgd(model, WeightDecay);
        var batch = Minibatch.Allocate(workspace, new Shape(batchSize, 3, 32, 32), ElementType.Float32);
        var random = new Random(1);
        batch.X.CopyFrom<float>([.. Enumerable.Range(0, (int)batch.X.Shape.Count).Select(_ => random.NextSingle())]);
        batch.Labels.CopyFrom<int>([.. Enumerable.Range(0, batchSize).Select(_ => random.Next(10))]);
        pass = new AdversarialPass(
            model, Losses.CrossEntropy, new Normalization { Mean = GoldenSetting.ChannelMean, Std = GoldenSetting.ChannelStd })
        {
            Batch = batch,
            Ball = new Engine.LinfBall { Epsilon = TorchStep.Epsilon, Alpha = Alpha },
            Update = () => optimizer.Step(LearningRate, Momentum),
        };
        Start(pass, key: 0);
        RunOnce();
    }

    public void RunOnce()
    {
        Run(pass!);
        opened!.Synchronize();
    }

    public void Dispose()
    {
        optimizer?.Dispose();
        model?.Dispose();
        workspace?.Dispose();
        opened?.Dispose();
    }

    protected abstract void Run(AdversarialPass pass);

    protected static void Start(AdversarialPass pass, int key)
    {
        Ops.InitializeDelta(
            pass.Batch.Delta, pass.Batch.X, DeltaInit.Uniform, TorchStep.Epsilon, clampPixels: true,
            new RandomKey(1, Purpose.Delta, 0, key));
        pass.Start();
    }
}

/// <summary>One replay of DEAT and FREE, with the gradient magnitude, which the fused step gives away.</summary>
internal sealed class EngineReplay(string device, int batchSize, int width) : EngineStep(device, batchSize, width)
{
    protected override string Kind => "replay";

    protected override double Alpha => 10 / 255.0;

    protected override void Run(AdversarialPass pass) => InnerLoops.Replay(pass, 1);
}

/// <summary>A PGD-7 training step: seven passes without gradients of weights and one that trains.</summary>
internal sealed class EnginePgd(string device, int batchSize, int width) : EngineStep(device, batchSize, width)
{
    private const int AttackSteps = 7;
    private int runs;

    protected override string Kind => "pgd7, input gradients only";

    protected override double Alpha => 2 / 255.0;

    protected override void Run(AdversarialPass pass)
    {
        Start(pass, ++runs);
        InnerLoops.AttackThenUpdate(pass, AttackSteps);
    }
}
