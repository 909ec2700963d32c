namespace Deat.Engine;

/// <summary>How the size of an image's perturbation or gradient is measured, over all its elements.</summary>
public enum Norm
{
    /// <summary>The largest absolute value.</summary>
    Linf,

    /// <summary>The square root of the sum of squares.</summary>
    L2,

    /// <summary>The sum of absolute values.</summary>
    L1,
}
