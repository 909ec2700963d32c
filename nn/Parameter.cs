using Deat.Engine;

namespace Deat.Nn;

/// <summary>What a state dictionary keeps of a module under one name.</summary>
public abstract class StateEntry
{
    /// <summary>The extents as PyTorch writes them, empty for a scalar.</summary>
    public abstract IReadOnlyList<int> Extents { get; }
}

/// <summary>
/// An array of a module that lives on the device of the placed model: trained by the optimizer (weights, biases) or kept by the
/// module itself (running statistics).
/// </summary>
public sealed class Parameter : StateEntry
{
    private Tensor? _value;

    internal Parameter(bool isTrained, Initializer initialize, int[] extents)
    {
        (IsTrained, Initialize, Extents) = (isTrained, initialize, extents);
        Shape = extents switch
        {
            [int c] => Shape.Vector(c),
            [int n, int c] => new Shape(n, c),
            [int n, int c, int h, int w] => new Shape(n, c, h, w),
            _ => throw new ArgumentException($"Parameters have 1, 2 or 4 extents, not {extents.Length}.", nameof(extents)),
        };
        if (extents.Any(extent => extent < 1))
            throw new ArgumentException($"A parameter cannot be {Shape}.", nameof(extents));
    }

    /// <summary>Whether the optimizer trains it: it has a gradient.</summary>
    public bool IsTrained { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<int> Extents { get; }

    /// <summary>The extents as the engine's ops take them: [K, C, R, S], [K, C, 1, 1] or [1, C, 1, 1].</summary>
    public Shape Shape { get; }

    /// <summary>The elements on the device.</summary>
    /// <exception cref="InvalidOperationException">The model was not placed.</exception>
    public Tensor Value => _value ?? throw new InvalidOperationException("Place the model on a device before using its parameters.");

    internal Initializer Initialize { get; }

    /// <summary>The first element in the flat tensor that holds it.</summary>
    internal int Start { get; private set; }

    internal void Bind(Tensor value, int start)
    {
        if (_value is not null)
            throw new InvalidOperationException("A model is placed once, as a whole.");
        (_value, Start) = (value, start);
    }
}

/// <summary>A 64-bit integer of a module that lives on the host: how many batches a batch normalisation has seen.</summary>
public sealed class Counter : StateEntry
{
    /// <summary>The count.</summary>
    public long Value { get; set; }

    /// <inheritdoc/>
    public override IReadOnlyList<int> Extents { get; } = [];
}
