using Deat.Engine;

namespace Deat.Nn;

/// <summary>A linear layer with bias, y = x * weight^T + bias, as torch.nn.Linear: [N, C, 1, 1] to [N, K, 1, 1].</summary>
public sealed class Linear : Module
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;

    /// <summary>Declares weight [K, C] and bias [K].</summary>
    /// <param name="inputs">Features C.</param>
    /// <param name="outputs">Outputs K.</param>
    /// <param name="bias">How the bias starts; as PyTorch's default if null.</param>
    public Linear(int inputs, int outputs, Initializer? bias = null)
    {
        _weight = AddParameter("weight", Init.Uniform(inputs), outputs, inputs);
        _bias = AddParameter("bias", bias ?? Init.Uniform(inputs), outputs);
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x) => Ops.Linear(tape, x, _weight.Value, _bias.Value);
}
