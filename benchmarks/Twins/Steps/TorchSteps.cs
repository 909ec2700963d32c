using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>What the steps are run on: a network of some width, one batch of random images.</summary>
internal abstract class TorchStep(int batchSize, int width) : IStep
{
    public const double Epsilon = 8 / 255.0;

    private Learner? learner;
    private Tensor? x;
    private Tensor? labels;

    public abstract string Name { get; }

    protected Learner Learner => learner!;

    protected Tensor X => x!;

    protected Tensor Labels => labels!;

    public void Prepare()
    {
        manual_seed(1);
        learner = new Learner(
            new PreActResNet18(width), Array.ConvertAll(GoldenSetting.ChannelMean, v => (float)v),
            Array.ConvertAll(GoldenSetting.ChannelStd, v => (float)v));
        learner.Network.train();
        x = rand(batchSize, 3, 32, 32);
        labels = randint(0, 10, [batchSize], ScalarType.Int64);
        PrepareMore();
        RunOnce();
    }

    public void RunOnce()
    {
        using var scope = NewDisposeScope();
        Run();
    }

    public virtual void Dispose()
    {
        learner?.Dispose();
        x?.Dispose();
        labels?.Dispose();
    }

    protected virtual void PrepareMore()
    {
    }

    protected abstract void Run();
}

/// <summary>
/// One replay of DEAT and FREE: forward, backward to the input and all weights, step of delta, SGD. The gradient magnitude, which only an
/// epoch's last replays need, is left out.
/// </summary>
internal sealed class TorchReplay(int batchSize, int width) : TorchStep(batchSize, width)
{
    private const double Alpha = 10 / 255.0;
    private Tensor? delta;

    public override string Name => "replay (TorchSharp)";

    public override void Dispose()
    {
        base.Dispose();
        delta?.Dispose();
    }

    protected override void PrepareMore() => delta = LinfBall.UniformStart(X, Epsilon);

    protected override void Run()
    {
        Tensor leaf = delta!.detach().requires_grad_();
        Learner.Backward(X + leaf, Labels);
        using Tensor next = LinfBall.Step(leaf, leaf.grad!, X, Alpha, Epsilon);
        delta.copy_(next);
        Learner.Update();
    }
}

/// <summary>A PGD-7 training step: seven attack steps and one pass that trains, eight passes in all.</summary>
/// <param name="batchSize">Images.</param>
/// <param name="width">Width of the network; 64 is full.</param>
/// <param name="inputOnly">
/// Attack steps compute the gradient of the input alone. Otherwise they call backward() on the loss, as such code is usually written,
/// which computes and discards the gradients of the weights.
/// </param>
internal sealed class TorchPgd(int batchSize, int width, bool inputOnly) : TorchStep(batchSize, width)
{
    private const double Alpha = 2 / 255.0;
    private const int AttackSteps = 7;

    public override string Name => inputOnly ? "pgd7, input gradients only (TorchSharp)" : "pgd7 (TorchSharp)";

    protected override void Run()
    {
        Tensor delta = LinfBall.UniformStart(X, Epsilon);
        for (int step = 0; step < AttackSteps; step++)
        {
            using var scope = NewDisposeScope();
            delta = LinfBall.Step(delta, Gradient(delta), X, Alpha, Epsilon).MoveToOuterDisposeScope();
        }

        Learner.Backward(X + delta, Labels);
        Learner.Update();
    }

    private Tensor Gradient(Tensor delta)
    {
        if (inputOnly) return Learner.InputGradient(X, delta, Labels);
        Tensor leaf = delta.detach().requires_grad_();
        Learner.Backward(X + leaf, Labels);
        return leaf.grad!;
    }
}
