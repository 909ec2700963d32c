using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Deat.Engine;

/// <summary>
/// Division by a number known on the host: n / d = n * magic / 2^shift with magic = ceil(2^shift / d), exact for 0 &lt;= n &lt; 2^31
/// (Granlund and Montgomery, Division by Invariant Integers using Multiplication, 1994). GPUs divide integers in some twenty instructions.
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly struct Divisor
{
    private readonly long _magic;
    private readonly int _shift;

    public Divisor(int value)
    {
        Value = value;
        _shift = 31 + BitOperations.Log2((uint)value) + (BitOperations.IsPow2(value) ? 0 : 1);
        _magic = ((1L << _shift) + value - 1) / value;
    }

    public int Value { get; }

    /// <summary>n / Value, rounded down.</summary>
    public int Quotient(int n) => (int)((n * _magic) >> _shift);

    /// <summary>What of n is left beside the quotient.</summary>
    public int Rest(int n, int quotient) => n - (quotient * Value);
}
