using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class DeviceListingTests
{
    private static readonly DeviceListing[] Machine =
    [
        Listing("cuda:0", Backend.Cuda) with { Refusal = "too old" }, Listing("cuda:1", Backend.Cuda),
        Listing("opencl:1", Backend.OpenCL), Listing("opencl:0", Backend.OpenCL), Listing("cpu", Backend.Cpu),
    ];

    /// <summary>What the machine must have: a list such as "cpu,oclgrind,browser" in DEAT_REQUIRE_DEVICES, as the gate sets it.</summary>
    [Test]
    public void RequiredDevicesArePresent()
    {
        (string Name, bool IsThere)[] tools = [("oclgrind", Oclgrind.IsInstalled), ("browser", PictureFilesTests.HasBrowser)];
        string[] present = [.. TestDevices.Ids, .. tools.Where(tool => tool.IsThere).Select(tool => tool.Name)];
        string? required = Environment.GetEnvironmentVariable("DEAT_REQUIRE_DEVICES");
        if (string.IsNullOrEmpty(required))
            Assert.Ignore($"DEAT_REQUIRE_DEVICES requires nothing; here are {string.Join(", ", present)}, the rest is skipped");
        IEnumerable<string> missing = required.Split(',').Where(name => !present.Any(id => id == name || id.StartsWith(name + ":")));
        Assert.That(missing, Is.Empty, $"present: {string.Join(", ", present)}");
    }

    [Test]
    public void DevicesAreListedInOrderOfPreference()
    {
        IReadOnlyList<DeviceListing> devices = ComputeDevice.List();
        Assert.That(devices.Select(device => device.Id), Is.Unique.And.All.Match(@"^((cuda|opencl):\d+|cpu)$"));
        int[] ranks = [.. devices.Select(device => device switch
        {
            { Traits.Backend: Backend.Cuda } => 0,
            { Traits: { Backend: Backend.OpenCL, IsCpuLike: false } } => 1,
            { Traits.Backend: Backend.OpenCL } => 2,
            _ => 3,
        })];
        Assert.That(ranks, Is.Ordered);
        Assert.That(devices[^1].Id, Is.EqualTo("cpu"));
        foreach (DeviceListing device in devices)
            Assert.That(device.Id.Split(':')[0], Is.EqualTo(device.Traits.Backend.ToString()).IgnoreCase);
        Assert.That(devices.Where(device => !device.IsUsable).Select(device => device.Refusal), Is.All.Not.Empty);
    }

    [TestCase("auto", "cuda:1")]
    [TestCase("cuda:1", "cuda:1")]
    [TestCase("opencl", "opencl:0")]
    [TestCase("opencl:1", "opencl:1")]
    [TestCase("cpu", "cpu")]
    public void AnIdFindsItsDevice(string id, string expected) => Assert.That(DeviceCatalog.Find(Machine, id).Id, Is.EqualTo(expected));

    [TestCase("cuda:2")]
    [TestCase("opencl:2")]
    [TestCase("vulkan")]
    [TestCase("CPU")]
    [TestCase("")]
    public void AnAbsentDeviceIsAnErrorThatNamesThePresent(string id) => Assert.That(
        () => DeviceCatalog.Find(Machine, id),
        Throws.TypeOf<DeviceException>().With.Message.EqualTo(
            $"no device matches --device {id}. Available: cuda:1 (name of cuda:1), opencl:1 (name of opencl:1), "
            + "opencl:0 (name of opencl:0), cpu (name of cpu)"));

    [TestCase("cuda")]
    [TestCase("cuda:0")]
    public void ARefusedDeviceIsAnErrorThatSaysWhy(string id) => Assert.That(
        () => DeviceCatalog.Find(Machine, id),
        Throws.TypeOf<DeviceException>().With.Message.StartWith(
            "device cuda:0 'name of cuda:0' cannot be used: too old. Available: cuda:1"));

    // ILGPU itself would hand out its CPU accelerator.
    [TestCase("cuda:99")]
    [TestCase("opencl:99")]
    public void OpeningNeverFallsBack(string id) => Assert.That(
        () => ComputeDevice.Open(id),
        Throws.TypeOf<DeviceException>()
            .With.Message.StartWith($"no device matches --device {id}. Available: ").And.Message.Contains("cpu ("));

    [Test]
    public void WhatIsListedOpens([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        Assert.That(id, Does.StartWith(device.Listing.Id));
        Assert.That(device.Accelerator.AcceleratorType.ToString(), Is.EqualTo(device.Traits.Backend.ToString()).IgnoreCase);
    }

    [Test]
    public void AbsencesSayWhatIsMissing()
    {
        IReadOnlyList<string> lines = ComputeDevice.Absences([]);
        Assert.That(lines, Has.Count.EqualTo(2));
        string cuda = Loads("libcuda.so.1") ? "driver library loaded, 0 devices" : "libcuda.so.1 not found";
        string opencl = Loads("libOpenCL.so.1") ? "library loaded, 0 devices: no driver in" : "library not found";
        Assert.That(lines[0], Does.StartWith($"CUDA: {cuda}"));
        Assert.That(lines[1], Does.StartWith($"OpenCL: {opencl}"));
        Assert.That(ComputeDevice.Absences(Machine), Is.Empty);
        Assert.That(ComputeDevice.Absences([Listing("cpu", Backend.Cpu), Listing("cuda:0", Backend.Cuda)]), Is.EqualTo(lines.Skip(1)));

        static bool Loads(string library) => NativeLibrary.TryLoad(library, out _);
    }

    [Test]
    public void ADriverThatIsGoneIsNamedAndItsDeviceIsNotReplaced()
    {
        string deat = Path.Combine(TestContext.CurrentContext.TestDirectory, "deat.dll");
        (string, string)[] noDriver = [("OCL_ICD_VENDORS", "/nonexistent"), ("OPENCL_VENDOR_PATH", "/nonexistent")];
        (int code, string output) = ChildProcess.Run([deat, "devices"], noDriver);
        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Match("OpenCL: library (loaded, 0 devices|not found)").And.Contain("cpu"));
        (code, output) = ChildProcess.Run([deat, "train", "--device", "opencl:0"], noDriver);
        Assert.That(code, Is.EqualTo(3), output);
        Assert.That(Regex.IsMatch(output, @"no device matches --device opencl:0\. Available: .*cpu"), output);
    }

    private static DeviceListing Listing(string id, Backend backend) => new(id, "name of " + id, "driver", new DeviceTraits
    {
        Backend = backend,
        IsCpuLike = backend == Backend.Cpu,
        Processors = 1,
        WarpSize = 1,
        MaxGroupSize = 1,
        SharedBytes = 1,
        MemoryBytes = 1,
        HasFloat64 = true,
        HasGenericAddressSpace = true,
    }, null);
}
