using Deat.Engine;
using Deat.Nn;

namespace Deat.Benchmarks;

/// <summary>A direction of a convolution: Wanted.None is forward, Input dx, Parameters dw.</summary>
public sealed class EngineConvolution(
    ConvolutionShape shape, int batch, Wanted direction, ComputeDevice device, Precision precision = Precision.Float32)
    : EngineOp(KernelNames.Convolution(shape, direction), device, direction, precision)
{
    private Tensor _w = null!;

    /// <inheritdoc/>
    public override long Flops => shape.Flops(batch);

    /// <inheritdoc/>
    public override long Bytes => shape.Bytes(batch);

    /// <inheritdoc/>
    protected override Shape Input => new(batch, shape.Channels, shape.Size, shape.Size);

    /// <inheritdoc/>
    protected override Shape Output => new(batch, shape.Filters, shape.Size / shape.Stride, shape.Size / shape.Stride);

    /// <inheritdoc/>
    protected override void PrepareParameters() => _w = Parameter(new(shape.Filters, shape.Channels, shape.Window, shape.Window), 3);

    /// <inheritdoc/>
    protected override Tensor Forward(Tape tape, Tensor x) => Ops.Conv2d(tape, x, _w, shape.Stride, shape.Padding);
}

/// <summary>Batch normalisation and ReLU in training, forward, or backward to the input and both parameters.</summary>
public sealed class EngineBatchNormRelu(int channels, int size, int batch, bool backward, ComputeDevice device)
    : EngineOp(KernelNames.BatchNormRelu(channels, size, backward), device, backward ? Wanted.Both : Wanted.None)
{
    private BatchNormState _state = null!;

    // Forward reads x and writes y; backward reads x and dy and writes dx.
    /// <inheritdoc/>
    public override long Bytes => sizeof(float) * Input.Count * (backward ? 3 : 2);

    /// <inheritdoc/>
    protected override Shape Input => new(batch, channels, size, size);

    /// <inheritdoc/>
    protected override Shape Output => Input;

    /// <inheritdoc/>
    protected override void PrepareParameters() => _state = new BatchNormState
    {
        Gamma = Parameter(Shape.Vector(channels), 3),
        Beta = Parameter(Shape.Vector(channels), 4),
        RunningMean = Workspace.Plain<float>(Shape.Vector(channels), ElementType.Float32, new float[channels]),
        RunningVariance = Workspace.Plain<float>(Shape.Vector(channels), ElementType.Float32, new float[channels]),
    };

    /// <inheritdoc/>
    protected override Tensor Forward(Tape tape, Tensor x) => Ops.BatchNormRelu(tape, x, _state, training: true);
}

/// <summary>The fused adversarial step: magnitude, signed step, projection, next input.</summary>
public sealed class EngineLinfStep(int batch, ComputeDevice device) : EngineWork(KernelNames.LinfStep, device)
{
    private static readonly LinfBall Ball = new() { Epsilon = StepSettings.Epsilon, Alpha = StepSettings.ReplayAlpha };

    private Tensor _dz = null!;
    private Tensor _x = null!;
    private Tensor _delta = null!;
    private Tensor _z = null!;
    private Tensor _magnitude = null!;

    // Reads dz, x, delta, writes delta, z.
    /// <inheritdoc/>
    public override long Bytes => sizeof(float) * 5 * Images.Count;

    private Shape Images => new(batch, 3, 32, 32);

    /// <inheritdoc/>
    public override void Prepare()
    {
        (_dz, _x, _delta, _z) = (Numbers(Images, 1), Numbers(Images, 2), Numbers(Images, 3), Numbers(Images, 4));
        _x.CopyFrom<float>(RandomNumbers.Pixels(Images.Count, 2));
        _magnitude = Workspace.Plain(new Shape(batch, 1), ElementType.Float32);
        Ops.InitializeDelta(
            _delta, _x, DeltaInit.Uniform, StepSettings.Epsilon, clampPixels: true, new RandomKey(1, Purpose.Delta, 0, 0));
    }

    /// <inheritdoc/>
    public override void Run()
    {
        using Workspace scratch = new(Device, MemoryCategory.Activations);
        Ops.LinfStep(scratch, _dz, _x, _delta, _z, Ball, StepSettings.Normalization, _magnitude);
    }
}

/// <summary>SGD with momentum and weight decay over all parameters of the network.</summary>
public sealed class EngineSgd(int width, ComputeDevice device) : EngineWork(KernelNames.Sgd(width), device)
{
    private PreActResNet18 _model = null!;
    private Sgd _optimizer = null!;
    private long _bytes;

    /// <inheritdoc/>
    public override long Bytes => _bytes;

    /// <inheritdoc/>
    public override void Prepare()
    {
        _model = new PreActResNet18(width, 10);
        _model.Place(Device, ElementType.Float32, 1);
        _optimizer = new Sgd(_model, StepSettings.WeightDecay);
        // Reads weights, gradients and momentum, writes weights and momentum.
        _bytes = sizeof(float) * 5 * _model.Weights.Shape.Count;
        Ops.Fill(_model.Gradients, 1e-3);
        // The first step has a kernel of its own.
        Run();
    }

    /// <inheritdoc/>
    public override void Run() => _optimizer.Step(StepSettings.LearningRate, StepSettings.Momentum);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _optimizer?.Dispose();
        _model?.Dispose();
        base.Dispose(disposing);
    }
}
