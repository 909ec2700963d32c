using Deat.Benchmarks;
using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>A training step of libtorch: a network of some width, one batch of random images.</summary>
internal abstract class TorchStep(string what, string who, int batchSize, int width) : TorchWork(what, who)
{
    private Learner? learner;
    private Tensor? x;
    private Tensor? labels;

    protected Learner Learner => learner!;

    protected Tensor X => x!;

    protected Tensor Labels => labels!;

    /// <summary>A new network with its optimizer.</summary>
    public static Learner NewLearner(int width) => new(
        new PreActResNet18(width), Array.ConvertAll(GoldenSetting.ChannelMean, v => (float)v),
        Array.ConvertAll(GoldenSetting.ChannelStd, v => (float)v));

    public sealed override void Prepare()
    {
        learner = NewLearner(width);
        learner.Network.train();
        x = rand(batchSize, 3, 32, 32);
        labels = randint(0, 10, [batchSize], ScalarType.Int64);
        PrepareMore();
    }

    protected virtual void PrepareMore()
    {
    }

    protected override void Dispose(bool disposing)
    {
        learner?.Dispose();
        x?.Dispose();
        labels?.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>
/// One replay of DEAT and FREE: forward, backward to the input and all weights, step of delta, SGD. The gradient magnitude, which only an
/// epoch's last replays need, is left out.
/// </summary>
internal sealed class TorchReplay(int batchSize, int width) : TorchStep(StepSettings.Replay, Name, batchSize, width)
{
    private Tensor? delta;

    protected override void PrepareMore() => delta = LinfBall.UniformStart(X, StepSettings.Epsilon);

    protected override void Work()
    {
        Tensor leaf = delta!.detach().requires_grad_();
        Learner.Backward(X + leaf, Labels);
        using Tensor next = LinfBall.Step(leaf, leaf.grad!, X, StepSettings.ReplayAlpha, StepSettings.Epsilon);
        delta.copy_(next);
        Learner.Update();
    }

    protected override void Dispose(bool disposing)
    {
        delta?.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>A PGD-7 training step: seven attack steps and one pass that trains, eight passes in all.</summary>
/// <param name="batchSize">Images.</param>
/// <param name="width">Width of the network; 64 is full.</param>
/// <param name="inputOnly">
/// Attack steps compute the gradient of the input alone. Otherwise they call backward() on the loss, as such code is usually written,
/// which computes and discards the gradients of the weights.
/// </param>
internal sealed class TorchPgd(int batchSize, int width, bool inputOnly)
    : TorchStep(StepSettings.Pgd, inputOnly ? $"{Name}, input gradients only" : Name, batchSize, width)
{
    protected override void Work()
    {
        Tensor delta = LinfBall.UniformStart(X, StepSettings.Epsilon);
        for (int step = 0; step < StepSettings.PgdSteps; step++)
        {
            using var scope = NewDisposeScope();
            delta = LinfBall.Step(delta, Gradient(delta), X, StepSettings.PgdAlpha, StepSettings.Epsilon).MoveToOuterDisposeScope();
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

/// <summary>A training step without an adversary.</summary>
internal sealed class TorchNatural(int batchSize, int width) : TorchStep(StepSettings.Natural, Name, batchSize, width)
{
    protected override void Work()
    {
        Learner.Backward(X, Labels);
        Learner.Update();
    }
}
