using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// The small network for MNIST, [N, C, 28, 28] to logits [N, classes, 1, 1]: two 4x4 convolutions with bias and stride 2, to the width and
/// twice the width, and two linear layers, with ReLU between. At width 16 with one channel and ten classes it has 166,406 parameters, named
/// and ordered as in PyTorch. Source: mnist_net.py of locuslab/fast_adversarial.
/// </summary>
public sealed class MnistNet : Sequential
{
    /// <summary>Rows and columns of an image.</summary>
    public const int Size = 28;

    /// <summary>Declares 0, 2, 5 and 7.</summary>
    /// <param name="width">Channels of the first layer; 16 is the reference.</param>
    /// <param name="classes">Number of logits.</param>
    /// <param name="channels">Channels of an image.</param>
    public MnistNet(int width = 16, int classes = 10, int channels = 1)
    {
        const int Hidden = 100;
        Then("0", new Conv2d(channels, width, window: 4, stride: 2, padding: 1, bias: true));
        Then(Ops.Relu);
        Then("2", new Conv2d(width, 2 * width, window: 4, stride: 2, padding: 1, bias: true));
        Then(Ops.Relu);
        Then(Ops.Flatten);
        Then("5", new Linear(2 * width * (Size / 4) * (Size / 4), Hidden));
        Then(Ops.Relu);
        Then("7", new Linear(Hidden, classes));
    }
}
