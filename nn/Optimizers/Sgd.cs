using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// Stochastic gradient descent with momentum and weight decay over all parameters of a model, in one launch. The formula is
/// that of torch.optim.SGD without dampening: d = g + weightDecay * w; m = d in the first step, momentum * m + d later;
/// w -= learningRate * m.
/// </summary>
public sealed class Sgd : IDisposable
{
    /// <summary>Begins the names of the optimizer's entries in a checkpoint.</summary>
    public const string Prefix = "optimizer.";

    private readonly Module _model;
    private readonly double _weightDecay;
    private readonly Workspace _workspace;
    private readonly Tensor _momentum;
    private readonly Counter _steps = new();

    /// <summary>An optimizer that has made no step.</summary>
    /// <param name="model">The placed model; it must outlive the optimizer's last step.</param>
    /// <param name="weightDecay">Added to each gradient, times the weight: also to those of batch norms and biases, as in PyTorch.</param>
    public Sgd(Module model, double weightDecay)
    {
        (_model, _weightDecay) = (model, weightDecay);
        _workspace = new Workspace(model.Device, MemoryCategory.Optimizer);
        _momentum = _workspace.Plain(model.Weights.Shape, model.Type);
        Ops.Fill(_momentum, 0);
    }

    /// <summary>Steps made so far.</summary>
    public long Steps => _steps.Value;

    /// <summary>Moves the weights against <see cref="Module.Gradients"/>.</summary>
    /// <param name="learningRate">This step's learning rate.</param>
    /// <param name="momentum">This step's momentum, in [0, 1].</param>
    public void Step(double learningRate, double momentum)
    {
        Ledger ledger = _model.Device.Ledger;
        using (ledger.In(Phase.Optimizer, ledger.Iteration))
            Ops.SgdStep(_model.Weights, _model.Gradients, _momentum, learningRate, momentum, _weightDecay, first: Steps == 0);
        _steps.Value++;
    }

    /// <summary>
    /// What a resumed run needs: the momentum of each parameter as "optimizer." and its name, and the number of steps as
    /// "optimizer.steps".
    /// </summary>
    public IReadOnlyList<NamedArray> StateDict() => StateDicts.Collect(State(), _model.Type, [_momentum], _ => _momentum);

    /// <summary>Takes over what <see cref="StateDict"/> gave.</summary>
    /// <exception cref="StateFileException">An entry is missing, unknown, of another shape or type; nothing changes.</exception>
    public void LoadStateDict(IReadOnlyList<NamedArray> arrays)
    {
        (string Name, StateEntry Entry)[] state = [.. State()];
        StateDicts.Check(state, _model.Type, arrays, (_, _) => "");
        StateDicts.Distribute(state, arrays, [_momentum], _ => _momentum);
    }

    /// <inheritdoc/>
    public void Dispose() => _workspace.Dispose();

    private IEnumerable<(string Name, StateEntry Entry)> State() => _model.Parameters()
        .Select(parameter => (Prefix + parameter.Name, (StateEntry)parameter.Parameter))
        .Append((Prefix + "steps", _steps));
}
