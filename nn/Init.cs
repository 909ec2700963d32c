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
        return (key, values) =>
        {
            for (int i = 0; i < values.Length; i += 4)
            {
                UInt4 words = Philox.Words(key, (uint)i >> 2);
                ReadOnlySpan<uint> block = [words.X, words.Y, words.Z, words.W];
                for (int lane = 0; lane < Math.Min(4, values.Length - i); lane++)
                    values[i + lane] = ((2 * Philox.Uniform(block[lane])) - 1) * bound;
            }
        };
    }
}
