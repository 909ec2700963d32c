namespace Deat.Tests;

/// <summary>
/// A reference value together with the size of the rounding error that a right kernel may make, in units of the element type's
/// rounding unit u. Inputs are exact (scale 0). Sums of many terms count the terms' sizes (the tolerance c * u * sum|ab|), not
/// the worst case over all orders of summation; everything else is propagated to first order.
/// </summary>
internal readonly record struct Scaled(double Value, double Scale)
{
    public static implicit operator Scaled(double exact) => new(exact, 0);

    public static Scaled operator +(Scaled a, Scaled b) => Round(a.Value + b.Value, a.Scale + b.Scale);

    public static Scaled operator -(Scaled a, Scaled b) => Round(a.Value - b.Value, a.Scale + b.Scale);

    public static Scaled operator *(Scaled a, Scaled b) =>
        Round(a.Value * b.Value, (Math.Abs(a.Value) * b.Scale) + (Math.Abs(b.Value) * a.Scale));

    public static Scaled operator /(Scaled a, Scaled b)
    {
        double quotient = a.Value / b.Value;
        return Round(quotient, (a.Scale + (Math.Abs(quotient) * b.Scale)) / Math.Abs(b.Value));
    }

    /// <summary>A number that the kernel gets rounded to its element type.</summary>
    public static Scaled Rounded(double value) => new(value, Math.Abs(value));

    public static Scaled Sqrt(Scaled a) => Round(Math.Sqrt(a.Value), a.Scale / (2 * Math.Sqrt(a.Value)));

    /// <summary>e^a; implementations scale the argument by log2(e) first, which costs another |a|.</summary>
    public static Scaled Exp(Scaled a) => Round(Math.Exp(a.Value), Math.Exp(a.Value) * (a.Scale + Math.Abs(a.Value)));

    /// <summary>ln a; implementations near 1 are exact to one u absolutely.</summary>
    public static Scaled Log(Scaled a) => Round(Math.Log(a.Value), (a.Scale / a.Value) + 1);

    private static Scaled Round(double value, double propagated) => new(value, propagated + Math.Abs(value));
}

/// <summary>A sum of many terms.</summary>
internal struct Sum
{
    private double _value;
    private double _scale;

    public static implicit operator Scaled(Sum sum) => new(sum._value, sum._scale);

    public void Add(double term)
    {
        _value += term;
        _scale += Math.Abs(term);
    }

    public void Add(Scaled term)
    {
        _value += term.Value;
        _scale += Math.Max(term.Scale, Math.Abs(term.Value));
    }
}
