using Deat.Engine;

namespace Deat.Nn;

/// <summary>Writes the initial values of one parameter. They are float32 on every device and for every element type.</summary>
/// <param name="key">Where in the stream of random numbers the parameter lies.</param>
/// <param name="values">The elements, in row-major order.</param>
public delegate void Initializer(RandomKey key, Span<float> values);

/// <summary>Initial values of parameters, as PyTorch's layers choose them.</summary>
public static class Init
{
    /// <summary>The same value everywhere: 1 and 0 for the scale and shift of a batch normalisation.</summary>
    public static Initializer Constant(float value) => (_, values) => values.Fill(value);

    /// <summary>
    /// Uniform in [-1/sqrt(fanIn), 1/sqrt(fanIn)): PyTorch's default for the weights of convolutions and linear layers, which it
    /// writes as kaiming_uniform with a = sqrt(5), and for the biases of linear layers. Source: torch.nn.init and
    /// reset_parameters; He, Zhang, Ren, Sun: Delving deep into rectifiers, ICCV 2015, section 2.2.
    /// </summary>
    /// <param name="fanIn">Inputs of one output: C * R * S of a convolution.</param>
    public static Initializer Uniform(int fanIn)
    {
        float bound = (float)(1 / Math.Sqrt(fanIn));
        return (key, values) => Draw(key, values, block => Array.ConvertAll(block, word => ((2 * Philox.Uniform(word)) - 1) * bound));
    }

    /// <summary>
    /// Normal with mean 0 and variance 2 / fanOut: kaiming_normal with mode = "fan_out" for layers before a ReLU, by Box and Muller.
    /// Source: torch.nn.init; He, Zhang, Ren, Sun, as above.
    /// </summary>
    /// <param name="fanOut">Outputs that one input has a part in: K * R * S of a convolution.</param>
    public static Initializer Normal(int fanOut)
    {
        double deviation = Math.Sqrt(2.0 / fanOut);
        return (key, values) => Draw(key, values, block => [.. Pair(block[0], block[1]), .. Pair(block[2], block[3])]);

        float[] Pair(uint radius, uint angle)
        {
            double length = deviation * Math.Sqrt(-2 * Math.Log((radius + 1.0) / 4294967296.0));
            (double sine, double cosine) = Math.SinCos(2 * Math.PI * angle / 4294967296.0);
            return [(float)(length * cosine), (float)(length * sine)];
        }
    }

    // Four values from four random words.
    private static void Draw(RandomKey key, Span<float> values, Func<uint[], float[]> four)
    {
        for (int i = 0; i < values.Length; i += 4)
        {
            UInt4 words = Philox.Words(key, (uint)i >> 2);
            float[] drawn = four([words.X, words.Y, words.Z, words.W]);
            drawn.AsSpan(0, Math.Min(4, values.Length - i)).CopyTo(values[i..]);
        }
    }
}
