using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// Moves the weights of each layer along their gradient by a part gamma of their norm, and back to the same bits: see
/// <see cref="Ops.PerturbLayers"/>. Layers are the weights of convolutions and linear layers; biases and batch normalisations stay, as in
/// the code of Wu et al. (csdongxian/AWP).
/// </summary>
public sealed class WeightPerturbation : IDisposable
{
    private readonly Module _model;
    private readonly double _gamma;
    private readonly Workspace _workspace;
    private readonly WeightLayers _layers;
    private readonly Tensor _before;

    /// <summary>A perturbation of a model.</summary>
    /// <param name="model">The placed model; it must outlive the perturbation.</param>
    /// <param name="gamma">The part of a layer's norm.</param>
    public WeightPerturbation(Module model, double gamma)
    {
        (_model, _gamma) = (model, gamma);
        _workspace = new Workspace(model.Device, MemoryCategory.Optimizer);
        _before = _workspace.Plain(model.Weights.Shape, model.Type);
        _layers = new WeightLayers(_workspace, [.. model.Parameters()
            .Where(entry => entry.Parameter.Extents.Count > 1)
            .Select(entry => (entry.Parameter.Start, (int)entry.Parameter.Shape.Count))]);
    }

    /// <summary>Moves the weights along <see cref="Module.Gradients"/>.</summary>
    public void Perturb()
    {
        Ops.Keep(_model.Weights, _before);
        Ops.PerturbLayers(_workspace, _model.Weights, _model.Gradients, _layers, _gamma);
    }

    /// <summary>Brings the weights back to where they were.</summary>
    public void Restore() => Ops.Keep(_before, _model.Weights);

    /// <inheritdoc/>
    public void Dispose() => _workspace.Dispose();
}
