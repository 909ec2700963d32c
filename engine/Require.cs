using System.Runtime.CompilerServices;

namespace Deat.Engine;

/// <summary>The one way ops refuse their arguments: op, expected, actual.</summary>
internal static class Require
{
    /// <summary>Throws unless <paramref name="condition"/> holds.</summary>
    /// <exception cref="ArgumentException">The condition does not hold.</exception>
    public static void That<TExpected, TActual>(
        bool condition, string op, TExpected expected, TActual actual, [CallerArgumentExpression(nameof(condition))] string text = "")
    {
        if (!condition)
            throw new ArgumentException($"{op}: expected {expected}, got {actual} ({text}).");
    }
}
