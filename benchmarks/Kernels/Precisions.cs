using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>Precisions by the names that <c>deat train --precision</c> takes.</summary>
public static class Precisions
{
    private static readonly Dictionary<string, Precision> Names = new()
    {
        ["fp32"] = Precision.Float32,
        ["tf32"] = Precision.TensorFloat32,
        ["bf16"] = Precision.BFloat16,
    };

    private static IReadOnlyList<Precision> Parse(string names) => [.. names.Split(',').Select(name =>
        Names.TryGetValue(name, out Precision precision)
            ? precision
            : throw new ArgumentException($"no precision {name}: {string.Join(", ", Names.Keys)}"))];

    /// <summary>The name of <paramref name="precision"/>.</summary>
    public static string NameOf(Precision precision) => Names.First(pair => pair.Value == precision).Key;

    /// <summary>
    /// Each device in each precision of <paramref name="names"/>, separated by commas; says on standard error what a device has not.
    /// </summary>
    /// <exception cref="ArgumentException">One is not known.</exception>
    public static (ComputeDevice Device, Precision Precision)[] Lanes(IEnumerable<ComputeDevice> devices, string names) =>
        [.. devices.SelectMany(device => Parse(names).Where(precision => IsSupported(device, precision)), (device, one) => (device, one))];

    private static bool IsSupported(ComputeDevice device, Precision precision)
    {
        try
        {
            device.Supporting(precision);
            return true;
        }
        catch (DeviceException e)
        {
            Console.Error.WriteLine(e.Message);
            return false;
        }
    }
}
