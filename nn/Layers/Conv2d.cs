using Deat.Engine;

namespace Deat.Nn;

/// <summary>A convolution, as torch.nn.Conv2d: [N, C, H, W] to [N, K, P, Q].</summary>
public sealed class Conv2d : Module
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly int _stride;
    private readonly int _padding;
    private readonly bool _normalised;

    /// <summary>Declares weight [K, C, R, R] and, on request, bias [K].</summary>
    /// <param name="inputs">Channels C.</param>
    /// <param name="outputs">Filters K.</param>
    /// <param name="window">Rows and columns of a filter, R.</param>
    /// <param name="stride">Pixels from one output to the next.</param>
    /// <param name="padding">Zero rows and columns on each side.</param>
    /// <param name="bias">Whether a bias is added.</param>
    /// <param name="normalised">Whether a batch normalisation takes the result, which then can be given its moments.</param>
    /// <param name="initialize">How the weights start; as PyTorch's default if null.</param>
    public Conv2d(
        int inputs, int outputs, int window, int stride, int padding, bool bias = false, bool normalised = false,
        Initializer? initialize = null)
    {
        (_stride, _padding, _normalised) = (stride, padding, normalised);
        Initializer usual = Init.Uniform(inputs * window * window);
        _weight = AddParameter("weight", initialize ?? usual, outputs, inputs, window, window);
        _bias = bias ? AddParameter("bias", usual, outputs) : null;
    }

    /// <summary>The weights, where they begin among those of the model, and the stride.</summary>
    internal (Tensor W, int Start, int Stride) Placed => (_weight.Value, _weight.Start, _stride);

    /// <summary>The convolution of <paramref name="x"/>, which nobody reads after it (<see cref="Tape.LetGo"/>).</summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    /// <param name="plus">What is added to the result, [N, K, P, Q]; null if nothing.</param>
    public Tensor Consume(Tape tape, Tensor x, Tensor? plus = null)
    {
        Tensor y = InPath(tape, () => Compute(tape, x, plus));
        tape.LetGo(x);
        return y;
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x) => Compute(tape, x, plus: null);

    private Tensor Compute(Tape tape, Tensor x, Tensor? plus)
    {
        Tensor y = Ops.Conv2d(tape, x, _weight.Value, _stride, _padding, plus: plus, normalised: _normalised && Training);
        return _bias is null ? y : Ops.Bias(tape, y, _bias.Value);
    }
}
