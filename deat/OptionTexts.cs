using System.Globalization;
using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// Options as texts by name, without the dashes: the user's own, over those of a preset or of the run to resume. All numbers are
/// read and written with a point, whatever the machine's language.
/// </summary>
/// <param name="given">What the user wrote.</param>
/// <param name="preset">What holds where the user wrote nothing.</param>
public sealed class OptionTexts(IReadOnlyDictionary<string, string> given, IReadOnlyDictionary<string, string> preset)
{
    /// <summary>Whether the user wrote the option.</summary>
    public bool IsGiven(string name) => given.ContainsKey(name);

    /// <summary>The text of an option; null where neither the user nor the preset says anything.</summary>
    public string? Text(string name) => given.GetValueOrDefault(name) ?? preset.GetValueOrDefault(name);

    /// <summary>A whole number.</summary>
    /// <exception cref="UsageException">It is none, or outside the range.</exception>
    public int Integer(string name, int fallback, int least = 1, int most = int.MaxValue) => OptionalInteger(name, least, most) ?? fallback;

    /// <summary>A whole number; null where nothing is said.</summary>
    /// <exception cref="UsageException">It is none, or outside the range.</exception>
    public int? OptionalInteger(string name, int least = 1, int most = int.MaxValue)
    {
        if (Text(name) is not { } text)
            return null;
        bool isNumber = int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value);
        string range = most == int.MaxValue ? "on" : $"to {most}";
        return isNumber && value >= least && value <= most
            ? value
            : throw Refused(name, text, $"a whole number from {least} {range}");
    }

    /// <summary>Whole numbers from 0 on, separated by commas; null where nothing is said.</summary>
    /// <exception cref="UsageException">They are none.</exception>
    public IReadOnlyList<int>? OptionalIntegers(string name)
    {
        if (Text(name) is not { } text)
            return null;
        List<int> numbers = [];
        foreach (string part in text.Split(','))
            numbers.Add(int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                ? number
                : throw Refused(name, text, "a list of whole numbers such as 24,39"));
        return numbers;
    }

    /// <summary>A number in [least, most]; "inf" where most is infinite.</summary>
    /// <exception cref="UsageException">It is none, or outside the range.</exception>
    public double Number(string name, double fallback, double least = 0, double most = double.PositiveInfinity)
    {
        if (Text(name) is not { } text)
            return fallback;
        bool isNumber = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value);
        if (!isNumber && text is "inf" or "Infinity")
            (isNumber, value) = (true, double.PositiveInfinity);
        string range = double.IsInfinity(most)
            ? string.Create(CultureInfo.InvariantCulture, $"a number from {least} on")
            : string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}");
        return isNumber && value >= least && value <= most ? value : throw Refused(name, text, range);
    }

    /// <summary>A size in pixel range.</summary>
    /// <exception cref="UsageException">It cannot be understood, or is outside the range.</exception>
    public Pixels Size(string name, Pixels fallback, double most = 1) =>
        Text(name) is { } text ? Pixels.Parse(text, $"--{name}", most) : fallback;

    /// <summary>One of several words.</summary>
    /// <exception cref="UsageException">It is another.</exception>
    public string Choice(string name, string fallback, params string[] choices)
    {
        string text = Text(name) ?? fallback;
        return choices.Contains(text) ? text : throw Refused(name, text, $"one of {string.Join(", ", choices)}");
    }

    /// <summary>In which numbers convolutions multiply.</summary>
    /// <exception cref="UsageException">It is another word.</exception>
    public Precision Precision(string name, Precision fallback)
    {
        string chosen = Choice(name, Write(fallback), [.. Enum.GetValues<Precision>().Select(Write)]);
        return Enum.GetValues<Precision>().First(precision => Write(precision) == chosen);
    }

    /// <summary>on or off; null where nothing is said.</summary>
    /// <exception cref="UsageException">It is another word.</exception>
    public bool? Switch(string name) => Text(name) is null ? null : Choice(name, "on", "on", "off") == "on";

    /// <summary>A switch as it is written.</summary>
    public static string Write(bool value) => value ? "on" : "off";

    /// <summary>A precision as it is written.</summary>
    public static string Write(Precision precision) => precision switch
    {
        Engine.Precision.TensorFloat32 => "tf32",
        Engine.Precision.BFloat16 => "bf16",
        _ => "fp32",
    };

    /// <summary>A number as it is written.</summary>
    public static string Write(double value) =>
        double.IsPositiveInfinity(value) ? "inf" : value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A whole number as it is written.</summary>
    public static string Write(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static UsageException Refused(string name, string text, string expected) => new($"--{name} '{text}' is not {expected}");
}
