namespace Deat.Nn;

/// <summary>
/// WRN-depth-factor, [N, C, H, W] to logits [N, classes, 1, 1]: a 3x3 convolution, three layers of <see cref="WideBlock"/>s with 1, 2 and 4
/// times factor times the width and strides 1, 2, 2, batch normalisation, ReLU, global average pooling, a linear layer. At width 16 with
/// three channels and ten classes WRN-28-10 has 36,479,194 parameters and WRN-34-10 46,160,474, named and ordered as in PyTorch.
/// Convolutions start normally distributed and the last bias at 0, unlike PyTorch's default. Source: Zagoruyko, Komodakis: Wide residual
/// networks, BMVC 2016; wideresnet.py of TrustAI/DEAT and yaodongyu/TRADES, all of whose runs have no dropout.
/// </summary>
public sealed class WideResNet : Sequential
{
    /// <summary>Declares conv1, block1.layer to block3.layer, bn1 and fc.</summary>
    /// <param name="depth">Layers along the longest way but the shortcuts: 10, 16, 22, 28, 34, ...</param>
    /// <param name="factor">How many times wider than the width.</param>
    /// <param name="width">Channels of the first layer; 16 is the reference.</param>
    /// <param name="classes">Number of logits.</param>
    /// <param name="channels">Channels of an image.</param>
    /// <param name="dropout">The rate of dropout in each block.</param>
    public WideResNet(int depth, int factor, int width = 16, int classes = 10, int channels = 3, double dropout = 0)
    {
        if (depth < 10 || depth % 6 != 4)
            throw new ArgumentOutOfRangeException(nameof(depth), depth, "4 more than a multiple of 6, and at least 10");
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        int inputs = width;
        Then("conv1", WideBlock.Convolution(channels, width, window: 3, stride: 1, normalised: true));
        for (int layer = 0; layer < 3; layer++)
            for (int block = 0; block < (depth - 4) / 6; block++)
            {
                int outputs = (width * factor) << layer;
                Then($"block{layer + 1}.layer.{block}", new WideBlock(inputs, outputs, layer > 0 && block == 0 ? 2 : 1, dropout));
                inputs = outputs;
            }

        Then("bn1", new BatchNorm2d(inputs, relu: true));
        Then(Engine.Ops.GlobalAveragePool);
        Then("fc", new Linear(inputs, classes, bias: Init.Constant(0)));
    }
}
