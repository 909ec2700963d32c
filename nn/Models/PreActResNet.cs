namespace Deat.Nn;

/// <summary>
/// PreAct-ResNet, [N, C, H, W] to logits [N, classes, 1, 1]: a 3x3 convolution, four layers of blocks with 1, 2, 4 and 8 times the width
/// and strides 1, 2, 2, 2, batch normalisation, ReLU, global average pooling, a linear layer. At width 64 with three channels and ten
/// classes it has 11,172,170 parameters at depth 18, 21,280,330 at 34 and 23,513,162 at 50, named and ordered as in PyTorch. Source:
/// preact_resnet.py of locuslab/fast_adversarial and TrustAI/DEAT.
/// </summary>
public class PreActResNet : Sequential
{
    /// <summary>Declares conv1, layer1 to layer4, bn and linear.</summary>
    /// <param name="depth">18 or 34, of <see cref="PreActBlock"/>s, or 50, of <see cref="PreActBottleneck"/>s.</param>
    /// <param name="width">Channels of the first layer; 64 is the reference, less is for small machines.</param>
    /// <param name="classes">Number of logits.</param>
    /// <param name="channels">Channels of an image.</param>
    public PreActResNet(int depth, int width = 64, int classes = 10, int channels = 3)
    {
        int[] blocks = depth switch
        {
            18 => [2, 2, 2, 2],
            34 or 50 => [3, 4, 6, 3],
            _ => throw new ArgumentOutOfRangeException(nameof(depth), depth, "18, 34 or 50"),
        };
        int inputs = width;
        Then("conv1", new Conv2d(channels, width, window: 3, stride: 1, padding: 1, normalised: true));
        foreach ((int layer, int count) in blocks.Index())
            for (int block = 0; block < count; block++)
            {
                (int planes, int stride) = (width << layer, layer > 0 && block == 0 ? 2 : 1);
                int outputs = depth == 50 ? PreActBottleneck.Expansion * planes : planes;
                Then($"layer{layer + 1}.{block}", depth == 50
                    ? new PreActBottleneck(inputs, planes, stride)
                    : new PreActBlock(inputs, planes, stride));
                inputs = outputs;
            }

        Then("bn", new BatchNorm2d(inputs, relu: true));
        Then(Engine.Ops.GlobalAveragePool);
        Then("linear", new Linear(inputs, classes));
    }
}

/// <summary><see cref="PreActResNet"/> of depth 18, which most of the paper's results are of.</summary>
/// <param name="width">Channels of the first layer.</param>
/// <param name="classes">Number of logits.</param>
public sealed class PreActResNet18(int width = 64, int classes = 10) : PreActResNet(18, width, classes);
