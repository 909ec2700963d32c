using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// VGG with batch normalisation for images of 32x32, [N, C, 32, 32] to logits [N, classes, 1, 1]: five stages of 3x3 convolutions with
/// bias, each with batch normalisation and ReLU, at 1, 2, 4, 8 and 8 times the width, each stage followed by 2x2 max pooling; one linear
/// layer. At width 64 with three channels and ten classes VGG-16 has 14,728,266 parameters and VGG-19 20,040,522, named and ordered as in
/// PyTorch. Source: Simonyan, Zisserman: Very deep convolutional networks, ICLR 2015; vgg.py of TrustAI/DEAT.
/// </summary>
public sealed class Vgg : Sequential
{
    /// <summary>Rows and columns of an image.</summary>
    public const int Size = 32;

    /// <summary>Declares layers and fc1.</summary>
    /// <param name="depth">16 or 19.</param>
    /// <param name="width">Channels of the first layer; 64 is the reference.</param>
    /// <param name="classes">Number of logits.</param>
    /// <param name="channels">Channels of an image.</param>
    public Vgg(int depth, int width = 64, int classes = 10, int channels = 3)
    {
        int[] convolutions = depth switch
        {
            16 => [2, 2, 3, 3, 3],
            19 => [2, 2, 4, 4, 4],
            _ => throw new ArgumentOutOfRangeException(nameof(depth), depth, "16 or 19"),
        };
        int place = 0, inputs = channels;
        foreach ((int stage, int count) in convolutions.Index())
        {
            for (int i = 0; i < count; i++, place += 3)
            {
                int outputs = width << Math.Min(stage, 3);
                Then($"layers.{place}", new Conv2d(inputs, outputs, window: 3, stride: 1, padding: 1, bias: true));
                Then($"layers.{place + 1}", new BatchNorm2d(outputs, relu: true));
                inputs = outputs;
            }

            Then((tape, x) => Ops.MaxPool(tape, x, window: 2, stride: 2));
            place++;
        }

        Then("fc1", new Linear(inputs, classes));
    }
}
