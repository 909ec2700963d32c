using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>The devices that are measured.</summary>
public static class BenchmarkDevices
{
    /// <summary>The ids in <paramref name="chosen"/>, separated by commas; all usable ones where it is null.</summary>
    public static IEnumerable<string> Ids(string? chosen) =>
        chosen?.Split(',') ?? ComputeDevice.List().Where(listing => listing.IsUsable).Select(listing => listing.Id);

    /// <summary>Opens them.</summary>
    public static ComputeDevice[] Open(string? chosen) => [.. Ids(chosen).Select(ComputeDevice.Open)];
}
