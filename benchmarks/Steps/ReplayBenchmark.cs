using BenchmarkDotNet.Attributes;
using Deat.Engine;
using Deat.Nn;

namespace Deat.Benchmarks;

/// <summary>One DEAT replay and one natural step of PreAct-ResNet-18: forward, backward, step of delta, SGD.</summary>
public class ReplayBenchmark : DeviceBenchmark
{
    private PreActResNet18 _model = null!;
    private Sgd _optimizer = null!;
    private Tensor _x = null!;
    private Tensor _delta = null!;
    private Tensor _z = null!;
    private Tensor _labels = null!;
    private Tensor _magnitude = null!;

    [Params(32)]
    public int Batch { get; set; }

    [Params(16, 64)]
    public int Width { get; set; }

    private static Normalization Normalization { get; } = new() { Mean = [0.4914, 0.4822, 0.4465], Std = [0.2471, 0.2435, 0.2616] };

    [Benchmark]
    public void Replay() => Run(Wanted.Both);

    [Benchmark]
    public void AttackPass() => Run(Wanted.Input);

    [Benchmark]
    public void NaturalStep() => Run(Wanted.Parameters);

    protected override void Prepare()
    {
        _model = new PreActResNet18(Width, 10);
        _model.Place(Opened, ElementType.Float32, 0);
        _optimizer = new Sgd(_model, 5e-4);
        Shape shape = new(Batch, 3, 32, 32);
        _x = Workspace.Activation<float>(shape, ElementType.Float32, [.. Numbers(shape.Count, 1).Select(Math.Abs)]);
        _delta = Workspace.Activation<float>(shape, ElementType.Float32, new float[shape.Count]);
        _z = Workspace.Activation(shape, ElementType.Float32);
        _labels = Workspace.Plain<int>(new Shape(Batch, 1), ElementType.Int32, [.. Enumerable.Range(0, Batch).Select(i => i % 10)]);
        _magnitude = Workspace.Plain(new Shape(Batch, 1), ElementType.Float32);
        Ops.AdversarialInput(_z, _x, _delta, Normalization);
    }

    protected override void Release()
    {
        _optimizer.Dispose();
        _model.Dispose();
    }

    private void Run(Wanted wanted)
    {
        using Tape tape = new(Opened, wanted);
        tape.Watch(_z);
        tape.Backward(Ops.CrossEntropy(tape, _model.Forward(tape, _z), _labels));
        if (wanted.HasFlag(Wanted.Input))
        {
            LinfBall ball = new() { Epsilon = 8.0 / 255, Alpha = 10.0 / 255 };
            Ops.LinfStep(tape, tape.Gradient(_z), _x, _delta, _z, ball, Normalization, _magnitude);
        }

        if (wanted.HasFlag(Wanted.Parameters))
            _optimizer.Step(0.01, 0.9);
        Opened.Synchronize();
    }
}
