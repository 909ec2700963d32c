using System.Diagnostics;
using System.Runtime.CompilerServices;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The devices that tests run on: opened once, shared by all tests, poisoned memory on.</summary>
[SetUpFixture]
public sealed class TestDevices
{
    /// <summary>
    /// Appended to the id of an OpenCL CPU: the same driver runs what GPUs get, thin work-items in groups of 128, and emulates the
    /// instructions of tensor cores.
    /// </summary>
    public const string AsGpu = " as GPU";

    private static readonly Dictionary<string, ComputeDevice> Opened = [];
    private static readonly Lazy<IReadOnlyList<DeviceListing>> Listed = new(ComputeDevice.List);

    private static int s_boundsViolations;

    /// <summary>
    /// Ids of all usable devices, for [ValueSource] and [TestCaseSource]; only those in DEAT_DEVICES, separated by commas, where it is set.
    /// </summary>
    public static IEnumerable<string> Ids => Listed.Value.Where(listing => listing.IsUsable && IsChosen(listing))
        .SelectMany(listing => IsOpenClCpu(listing) ? new[] { listing.Id, listing.Id + AsGpu } : [listing.Id]);

    /// <summary>Accesses beyond a view on the CPU accelerator so far.</summary>
    public static int BoundsViolations => s_boundsViolations;

    /// <summary>Whether devices opened from now on fill their memory with NaN and check its red zones.</summary>
    internal static bool Poison { get; set; } = true;

    public static ComputeDevice Get(string id)
    {
        if (!Opened.TryGetValue(id, out ComputeDevice? device))
        {
            Opened[id] = device = Open(id);
            device.Pool.Poison = Poison;
        }

        return device;
    }

    /// <summary>What <see cref="Get"/> was asked for.</summary>
    public static string IdOf(ComputeDevice device) => Opened.First(pair => pair.Value == device).Key;

    [OneTimeTearDown]
    public void Close()
    {
        foreach (ComputeDevice device in Opened.Values)
            device.Dispose();
        Opened.Clear();
        Assert.That(s_boundsViolations, Is.Zero, "accesses beyond a view on the CPU accelerator");
    }

    [ModuleInitializer]
    internal static void CountViolations()
    {
        // ILGPU asserts every index on the CPU accelerator; the default listener would end the process.
        Trace.Listeners.Clear();
        Trace.Listeners.Add(new CountingListener());
    }

    private static ComputeDevice Open(string id)
    {
        if (!id.EndsWith(AsGpu, StringComparison.Ordinal))
            return ComputeDevice.Open(id);
        DeviceListing listing = Listed.Value.First(listing => listing.Id == id[..^AsGpu.Length]);
        return ComputeDevice.Open(listing with { Traits = listing.Traits with { IsCpuLike = false, HasTensorCores = true } });
    }

    private static bool IsChosen(DeviceListing listing) =>
        Environment.GetEnvironmentVariable("DEAT_DEVICES")?.Split(',').Contains(listing.Id) ?? true;

    private static bool IsOpenClCpu(DeviceListing listing) => listing.Traits is { Backend: Backend.OpenCL, IsCpuLike: true };

    private sealed class CountingListener : TraceListener
    {
        public override void Fail(string? message, string? detailMessage) => Interlocked.Increment(ref s_boundsViolations);

        public override void Write(string? message)
        {
        }

        public override void WriteLine(string? message)
        {
        }
    }
}
