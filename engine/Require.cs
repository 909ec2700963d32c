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

    /// <summary>The same; <paramref name="expected"/> becomes a text only where it is needed.</summary>
    /// <exception cref="ArgumentException">The condition does not hold.</exception>
    public static void That<TActual>(
        bool condition, string op, [InterpolatedStringHandlerArgument(nameof(condition))] ref Unless expected, TActual actual,
        [CallerArgumentExpression(nameof(condition))] string text = "")
    {
        if (!condition)
            throw new ArgumentException($"{op}: expected {expected.ToString()}, got {actual} ({text}).");
    }

    /// <summary>An interpolated string that is not made where a condition holds.</summary>
    [InterpolatedStringHandler]
    public ref struct Unless
    {
        private DefaultInterpolatedStringHandler _text;

        public Unless(int literals, int values, bool condition, out bool isNeeded)
        {
            isNeeded = !condition;
            if (isNeeded)
                _text = new DefaultInterpolatedStringHandler(literals, values);
        }

        public void AppendLiteral(string value) => _text.AppendLiteral(value);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public override string ToString() => _text.ToStringAndClear();
    }
}
