using System.Globalization;

namespace Deat.Training;

/// <summary>
/// A size in pixel range [0,1], such as epsilon or a step size, together with what the user wrote. <c>8</c> and any number from
/// 1 on counts grey levels of 255, <c>8/255</c> is a quotient, and <c>0.031</c> below 1 is a fraction of the range.
/// </summary>
/// <param name="Value">The size in pixel range [0,1].</param>
/// <param name="Text">How it was written, for the log: <c>8/255</c>.</param>
public readonly record struct Pixels(double Value, string Text)
{
    private const double Levels = 255;

    /// <summary>Reads <c>8</c>, <c>8/255</c> or <c>0.031</c>, with a point whatever the machine's language.</summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="option">The option it was written for, such as <c>--epsilon</c>, for the message.</param>
    /// <param name="most">The largest size; the radius of a ball in L2 may be larger than the range of a pixel.</param>
    /// <exception cref="UsageException">The text is none of these, or the size is not from 0 to the largest.</exception>
    public static Pixels Parse(string text, string option, double most = 1)
    {
        var parts = text.Split('/');
        if (parts.Length > 2 || !TryNumber(parts[0], out var number))
            throw Refused(text, option, "is not a number");
        var (value, written) = (number, text.Trim());
        if (parts.Length == 2)
            value = TryNumber(parts[1], out var divisor) && divisor > 0
                ? number / divisor
                : throw Refused(text, option, "is not a quotient");
        else if (number >= 1)
            (value, written) = (number / Levels, $"{written}/{Levels}");
        return value >= 0 && value <= most
            ? new Pixels(value, written)
            : throw Refused(text, option, $"is {value:0.######}, outside {(most == 1 ? "the pixel range " : "")}0 to {most}");
    }

    /// <summary>What was understood: <c>8/255 = 0.031373</c>, or <c>0.031 = 7.905/255</c>.</summary>
    public override string ToString() => Text.Contains('/')
        ? string.Create(CultureInfo.InvariantCulture, $"{Text} = {Value:0.######}")
        : string.Create(CultureInfo.InvariantCulture, $"{Text} = {Value * Levels:0.###}/{Levels}");

    private static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);

    private static UsageException Refused(string text, string option, string reason) =>
        new($"{option} '{text}' {reason}; write pixels (8), a quotient (8/255) or a fraction below 1 (0.031)");
}
