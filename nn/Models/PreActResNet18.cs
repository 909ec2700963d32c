using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// PreAct-ResNet-18 for images of three channels, [N, 3, H, W] to logits [N, classes, 1, 1]: a 3x3 convolution, four layers of
/// two <see cref="PreActBlock"/>s with 1, 2, 4 and 8 times the width and strides 1, 2, 2, 2, batch normalisation, ReLU, global average
/// pooling, a linear layer. At width 64 and ten classes it has 11,172,170 parameters and 107 state entries, named and ordered as
/// in PyTorch. Source: preact_resnet.py of locuslab/fast_adversarial and TrustAI/DEAT.
/// </summary>
public sealed class PreActResNet18 : Module, IFirstLayer
{
    private readonly Conv2d _conv1;
    private readonly PreActBlock[] _blocks;
    private readonly BatchNorm2d _bn;
    private readonly Linear _linear;

    /// <summary>Declares conv1, layer1 to layer4, bn and linear.</summary>
    /// <param name="width">Channels of the first layer; 64 is the reference, less is for small machines.</param>
    /// <param name="classes">Number of logits.</param>
    public PreActResNet18(int width = 64, int classes = 10)
    {
        _conv1 = Add("conv1", new Conv2d(3, width, window: 3, stride: 1, padding: 1));
        _blocks =
        [
            Add("layer1.0", new PreActBlock(width, width, stride: 1)),
            Add("layer1.1", new PreActBlock(width, width, stride: 1)),
            Add("layer2.0", new PreActBlock(width, 2 * width, stride: 2)),
            Add("layer2.1", new PreActBlock(2 * width, 2 * width, stride: 1)),
            Add("layer3.0", new PreActBlock(2 * width, 4 * width, stride: 2)),
            Add("layer3.1", new PreActBlock(4 * width, 4 * width, stride: 1)),
            Add("layer4.0", new PreActBlock(4 * width, 8 * width, stride: 2)),
            Add("layer4.1", new PreActBlock(8 * width, 8 * width, stride: 1)),
        ];
        _bn = Add("bn", new BatchNorm2d(8 * width, relu: true));
        _linear = Add("linear", new Linear(8 * width, classes));
        Rest = new ModuleOf(Continue);
    }

    /// <inheritdoc/>
    public Module First => _conv1;

    /// <inheritdoc/>
    public Module Rest { get; }

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x) => Continue(tape, _conv1.Forward(tape, x));

    /// <inheritdoc/>
    protected internal override string Hint(string name, IReadOnlyList<long> extents) => (name, extents) switch
    {
        ("conv1.weight", [long width, 3, 3, 3]) => $"--width {width}?",
        ("linear.weight", [long classes, _]) => $"{classes} classes?",
        _ => "",
    };

    private Tensor Continue(Tape tape, Tensor x)
    {
        foreach (PreActBlock block in _blocks)
            x = block.Forward(tape, x);
        return _linear.Forward(tape, Ops.GlobalAveragePool(tape, _bn.Forward(tape, x)));
    }
}
