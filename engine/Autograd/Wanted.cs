namespace Deat.Engine;

/// <summary>Which gradients a backward pass computes. What is not wanted is not computed.</summary>
[Flags]
public enum Wanted
{
    /// <summary>None: evaluation; nothing is recorded.</summary>
    None = 0,

    /// <summary>Gradients of the watched inputs: an attack.</summary>
    Input = 1,

    /// <summary>Gradients of the parameters: natural training.</summary>
    Parameters = 2,

    /// <summary>Both: FREE and DEAT, which attack and update with one pass.</summary>
    Both = Input | Parameters,
}
