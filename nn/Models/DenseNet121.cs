namespace Deat.Nn;

/// <summary>
/// DenseNet-121, [N, C, H, W] to logits [N, classes, 1, 1]: a 3x3 convolution to twice the growth, 6, 12, 24 and 16
/// <see cref="DenseBlock"/>s with a <see cref="DenseTransition"/> to half of the channels between, batch normalisation, ReLU, global
/// average pooling, a linear layer. At growth 12 with three channels and ten classes it has 1,000,618 parameters, named and ordered as in
/// PyTorch.
/// Source: Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, CVPR 2017; densenet.py of TrustAI/DEAT.
/// </summary>
public sealed class DenseNet121 : Sequential
{
    /// <summary>Declares conv1, dense1 to dense4 with trans1 to trans3 between, bn and linear.</summary>
    /// <param name="growth">Channels that each block adds; 12 is the paper's.</param>
    /// <param name="classes">Number of logits.</param>
    /// <param name="channels">Channels of an image.</param>
    public DenseNet121(int growth = 12, int classes = 10, int channels = 3)
    {
        int planes = 2 * growth;
        Then("conv1", new Conv2d(channels, planes, window: 3, stride: 1, padding: 1));
        foreach ((int layer, int count) in ((int[])[6, 12, 24, 16]).Index())
        {
            if (layer > 0)
            {
                Then($"trans{layer}", new DenseTransition(planes, planes / 2));
                planes /= 2;
            }

            for (int block = 0; block < count; block++, planes += growth)
                Then($"dense{layer + 1}.{block}", new DenseBlock(planes, growth));
        }

        Then("bn", new BatchNorm2d(planes, relu: true));
        Then(Engine.Ops.GlobalAveragePool);
        Then("linear", new Linear(planes, classes));
    }
}
