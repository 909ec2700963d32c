using Deat.Benchmarks;
using Deat.Engine;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Tensor = TorchSharp.torch.Tensor;

namespace Deat.Twins;

/// <summary>Work of libtorch, which is complete when a run returns.</summary>
internal abstract class TorchWork(string what, string who = TorchWork.Name) : Measured(what, who)
{
    public const string Name = "TorchSharp";

    public override bool IsBaseline => true;

    public sealed override void Run()
    {
        using var scope = NewDisposeScope();
        Work();
    }

    protected abstract void Work();

    /// <summary>Numbers in [-1, 1).</summary>
    protected static Tensor Numbers(params long[] extents) => rand(extents).mul_(2).sub_(1);
}

/// <summary>One op, forward as in training, or the gradients of some inputs alone; autograd skips those of the others.</summary>
internal abstract class TorchOp(string what, bool backward) : TorchWork(what)
{
    private Tensor[] wanted = [];
    private Tensor? y;
    private Tensor? dy;

    public sealed override void Prepare()
    {
        wanted = MakeInputs();
        foreach (Tensor input in wanted) input.requires_grad_();
        y = Forward();
        dy = Numbers(y.shape);
    }

    protected sealed override void Work()
    {
        if (backward)
            autograd.grad([y!], wanted, [dy!], retain_graph: true);
        else
            Forward();
    }

    /// <summary>Makes the inputs and returns those whose gradients are wanted.</summary>
    protected abstract Tensor[] MakeInputs();

    protected abstract Tensor Forward();

    protected override void Dispose(bool disposing)
    {
        y?.Dispose();
        dy?.Dispose();
        base.Dispose(disposing);
    }
}

internal sealed class TorchConvolution(ConvolutionShape shape, int batch, Wanted direction)
    : TorchOp(KernelNames.Convolution(shape, direction), direction != Wanted.None)
{
    private Tensor? x;
    private Tensor? w;

    public override long Flops => shape.Flops(batch);

    public override long Bytes => shape.Bytes(batch);

    protected override Tensor[] MakeInputs()
    {
        x = Numbers(batch, shape.Channels, shape.Size, shape.Size);
        w = Numbers(shape.Filters, shape.Channels, shape.Window, shape.Window);
        return direction switch
        {
            Wanted.Input => [x],
            Wanted.Parameters => [w],
            _ => [x, w],
        };
    }

    protected override Tensor Forward() =>
        functional.conv2d(x!, w!, strides: [shape.Stride, shape.Stride], padding: [shape.Padding, shape.Padding]);

    protected override void Dispose(bool disposing)
    {
        x?.Dispose();
        w?.Dispose();
        base.Dispose(disposing);
    }
}

internal sealed class TorchBatchNormRelu(int channels, int size, int batch, bool backward)
    : TorchOp(KernelNames.BatchNormRelu(channels, size, backward), backward)
{
    private Tensor? x;
    private Tensor? gamma;
    private Tensor? beta;
    private Tensor? mean;
    private Tensor? variance;

    protected override Tensor[] MakeInputs()
    {
        x = Numbers(batch, channels, size, size);
        (gamma, beta, mean, variance) = (Numbers(channels), Numbers(channels), zeros(channels), ones(channels));
        return [x, gamma, beta];
    }

    protected override Tensor Forward() =>
        functional.relu(functional.batch_norm(x!, mean!, variance!, gamma, beta, training: true));

    protected override void Dispose(bool disposing)
    {
        foreach (Tensor? tensor in (Tensor?[])[x, gamma, beta, mean, variance]) tensor?.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>The step of delta and the next normalised input; without the gradient magnitude.</summary>
internal sealed class TorchLinfStep(int batch) : TorchWork(KernelNames.LinfStep)
{
    private Tensor? x;
    private Tensor? delta;
    private Tensor? gradient;
    private Tensor? mean;
    private Tensor? std;

    public override void Prepare()
    {
        x = rand(batch, 3, 32, 32);
        gradient = Numbers(batch, 3, 32, 32);
        delta = LinfBall.UniformStart(x, StepSettings.Epsilon);
        (mean, std) = (Channels(StepSettings.Normalization.Mean), Channels(StepSettings.Normalization.Std));
    }

    protected override void Work()
    {
        using var frozen = no_grad();
        Tensor next = LinfBall.Step(delta!, gradient!, x!, StepSettings.ReplayAlpha, StepSettings.Epsilon);
        delta!.copy_(next);
        _ = (x! + delta - mean!) / std!;
    }

    protected override void Dispose(bool disposing)
    {
        foreach (Tensor? tensor in (Tensor?[])[x, delta, gradient, mean, std]) tensor?.Dispose();
        base.Dispose(disposing);
    }

    private static Tensor Channels(double[] values) => tensor(Array.ConvertAll(values, v => (float)v)).view(1, 3, 1, 1);
}

internal sealed class TorchSgd(int width) : TorchWork(KernelNames.Sgd(width))
{
    private Learner? learner;

    public override void Prepare()
    {
        learner = TorchStep.NewLearner(width);
        foreach (var parameter in learner.Network.parameters()) parameter.grad = full_like(parameter, 1e-3);
    }

    protected override void Work() => learner!.Update();

    protected override void Dispose(bool disposing)
    {
        learner?.Dispose();
        base.Dispose(disposing);
    }
}
