using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// A network whose layers run one after another, as torch.nn.Sequential with names: its constructor is its definition. The first layer can
/// be run without the rest.
/// </summary>
public abstract class Sequential : Module, IFirstLayer
{
    private readonly List<Module> _layers = [];

    /// <summary>No layers yet.</summary>
    protected Sequential() => Rest = new ModuleOf((tape, x) => Run(tape, x, first: 1));

    /// <inheritdoc/>
    public Module First => _layers[0];

    /// <inheritdoc/>
    public Module Rest { get; }

    /// <summary>The next layer, named as in PyTorch.</summary>
    protected void Then(string name, Module layer) => _layers.Add(Add(name, layer));

    /// <summary>What happens next without parameters.</summary>
    protected void Then(Func<Tape, Tensor, Tensor> op) => _layers.Add(new ModuleOf(op));

    /// <inheritdoc/>
    protected override Tensor Compute(Tape tape, Tensor x) => Run(tape, x, first: 0);

    /// <inheritdoc/>
    protected internal override string Hint(string name, IReadOnlyList<long> extents)
    {
        string[] weights = [.. Parameters().Where(entry => entry.Parameter.Extents.Count > 1).Select(entry => entry.Name)];
        return (extents, name == weights[0], name == weights[^1]) switch
        {
            ([long width, _, _, _], true, _) => $"--width {width}?",
            ([long classes, _], _, true) => $"{classes} classes?",
            _ => "",
        };
    }

    private Tensor Run(Tape tape, Tensor x, int first)
    {
        Tensor given = x;
        foreach (Module layer in _layers.Skip(first))
            x = layer is Conv2d convolution && x != given ? convolution.Consume(tape, x) : layer.Forward(tape, x);
        return x;
    }
}
