using Deat.Engine;

namespace Deat.Tests;

/// <summary>What an op does with a tensor that it is given.</summary>
internal enum Role
{
    /// <summary>An activation whose gradient is wanted.</summary>
    Input,

    /// <summary>An activation without a gradient.</summary>
    Activation,

    /// <summary>A plain tensor with a place for its gradient, a slice of an arena.</summary>
    Parameter,

    /// <summary>A plain tensor without a gradient, a slice of an arena.</summary>
    Plain,

    /// <summary>One number for each image, a slice of an epoch.</summary>
    PerImage,

    /// <summary>One integer for each image, a slice of an epoch.</summary>
    Index,

    /// <summary>Plain bytes.</summary>
    Bytes,
}

/// <summary>A tensor that an op is given; without values it is written before it is read.</summary>
internal sealed record Operand(string Name, Shape Shape, Role Role, double[]? Values = null);

/// <summary>The values that a reference computes from: those of the operands, and "dy".</summary>
internal sealed class Arguments(IReadOnlyDictionary<string, double[]> values)
{
    public double[] this[string name] => values[name];

    public double[]? Find(string name) => values.GetValueOrDefault(name);

    public double[] Dy => values["dy"];
}

/// <summary>The tensors of one run on a device.</summary>
internal sealed class OpScope(Tape tape, IReadOnlyDictionary<string, Tensor> tensors)
{
    public Tape Tape => tape;

    public Tensor this[string name] => tensors[name];

    public Tensor? Find(string name) => tensors.GetValueOrDefault(name);
}

/// <summary>One case of an op: its operands, how it is called, and what it must give.</summary>
internal sealed record OpCase
{
    public required string Geometry { get; init; }

    public required Operand[] Operands { get; init; }

    /// <summary>Calls the op; returns the result that has a gradient, if there is one.</summary>
    public required Func<OpScope, Tensor?> Run { get; init; }

    /// <summary>
    /// What must come out, from the mathematics: "y" for the result, the operand's name for an operand that is written, "d" and the
    /// operand's name for a gradient.
    /// </summary>
    public required Func<Arguments, Dictionary<string, Scaled[]>> Reference { get; init; }

    /// <summary>The shape of the result that has a gradient.</summary>
    public Shape? Result { get; init; }

    /// <summary>Allowed error in units of u * scale.</summary>
    public double Factor { get; init; } = 8;

    /// <summary>Whether an element's error is measured against the largest scale of its tensor instead of its own.</summary>
    public bool SharesScale { get; init; }

    /// <summary>What is not exact even in integer mode.</summary>
    public string[] Inexact { get; init; } = [];

    /// <summary>Operands in which a NaN may be planted; all inputs and parameters if null.</summary>
    public string[]? NaNs { get; init; }

    /// <summary>Whether a NaN input leaves the gradient open (a kink at NaN).</summary>
    public bool NaNGradientOpen { get; init; }

    /// <summary>Why an infinity may become a NaN or stay one; null where the kernel's text decides.</summary>
    public string? InfinityOpen { get; init; }

    /// <summary>
    /// Operands in which the result is linear, each with the others fixed: sum(y * dy) = sum(x * dx), in integer mode exactly but for
    /// what is inexact. An operand "b" is a bias, which both sides leave out.
    /// </summary>
    public string[] Adjoint { get; init; } = [];

    /// <summary>Stride and padding, where the case is a convolution.</summary>
    public (int Stride, int Padding)? Convolution { get; init; }

    /// <summary>A property of all that came out; the text of what is wrong, or null.</summary>
    public Func<IReadOnlyDictionary<string, double[]>, string?> Property { get; init; } = _ => null;
}

/// <summary>All that the generic tests know about an op.</summary>
internal sealed record OpSpec
{
    /// <summary>Name of the method of <see cref="Ops"/>.</summary>
    public required string Name { get; init; }

    /// <summary>Distinguishes entries of one op.</summary>
    public string Variant { get; init; } = "";

    public required Func<Draw, OpCase> Draw { get; init; }

    /// <summary>Whether the case has gradients to be checked by finite differences.</summary>
    public bool Differentiable { get; init; }

    /// <summary>How many usual cases one case weighs where a GPU's groups are simulated: small shapes take whole tiles too.</summary>
    public int SimulatedWeight { get; init; } = 1;

    /// <summary>Calls that must be refused.</summary>
    public (string What, Action<Tape> Call)[] Errors { get; init; } = [];

    public string Title => Variant.Length == 0 ? Name : $"{Name}, {Variant}";

    public override string ToString() => Title;
}
