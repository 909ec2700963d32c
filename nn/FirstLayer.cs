using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// A network whose first layer can be run without the rest: Forward is <see cref="Rest"/> of <see cref="First"/>. For methods that move the
/// input by the gradient at the first layer's output.
/// </summary>
public interface IFirstLayer
{
    /// <summary>The layer that sees the input.</summary>
    Module First { get; }

    /// <summary>All that follows it. It has no parameters of its own: they are the network's.</summary>
    Module Rest { get; }
}

/// <summary>A function of modules as a module without parameters.</summary>
/// <param name="compute">The function.</param>
internal sealed class ModuleOf(Func<Tape, Tensor, Tensor> compute) : Module
{
    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x) => compute(tape, x);
}
