using System.Runtime.InteropServices;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class EnergyMeterTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void PackagesAreAddedAndTheirCountersMayBeginAnew()
    {
        Zone("intel-rapl:0", "package-0", 9_000_000, 10_000_000);
        Zone("intel-rapl:1", "package-1", 1_000_000, 10_000_000);
        Zone("intel-rapl:2", "psys", 0, 10_000_000);
        EnergyMeter meter = EnergyMeter.Powercap(_folder.Path);
        Assert.That(meter.Source, Is.EqualTo("RAPL, 2 package(s), all that runs on them"));
        Assert.That(meter.Joules, Is.Zero);
        Zone("intel-rapl:0", "package-0", 500_000, 10_000_000);
        Zone("intel-rapl:1", "package-1", 1_250_000, 10_000_000);
        Zone("intel-rapl:2", "psys", 5_000_000, 10_000_000);
        Assert.That(meter.Joules, Is.EqualTo(1.75));
        Zone("intel-rapl:0", "package-0", 600_000, 10_000_000);
        Assert.That(meter.Joules, Is.EqualTo(1.85));
    }

    [Test]
    public void AMachineThatDoesNotTellHasNoJoules()
    {
        Assert.That(EnergyMeter.Powercap(_folder["absent"]), Has.Property("Joules").Null.And.Property("Source").StartsWith("n/a"));
        Assert.That(EnergyMeter.Powercap(_folder.Path).Joules, Is.Null);
        Zone("intel-rapl:0", "package-0", 0, 1);
        File.WriteAllText(_folder["intel-rapl:0/energy_uj"], "no number");
        Assert.That(EnergyMeter.Powercap(_folder.Path).Source, Is.EqualTo("n/a: the RAPL counters cannot be read"));
        Assert.That(EnergyMeter.Nvml(null, "0").Joules, Is.Null);
    }

    [Test]
    public void AGpuIsFoundByItsAddress()
    {
        NvmlCalls calls = NvmlCalls.Of(DriverLibrary.Load(
            """
            #include <string.h>
            static int ready = 0;
            static unsigned long long energy = 1000;
            int nvmlInit_v2(void) { ready = 1; return 0; }
            int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **device)
            {
                *device = (void *)0x112233445566;
                return ready && strcmp(id, "0000:17:00.0") == 0 ? 0 : 6;
            }
            int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *millijoules)
            {
                *millijoules = energy;
                energy += 2500;
                return device == (void *)0x112233445566 ? 0 : 3;
            }
            """))!;
        EnergyMeter meter = EnergyMeter.Nvml(calls, "0000:17:00.0");
        Assert.That((meter.Source, meter.Joules), Is.EqualTo(("NVML, the whole GPU", 2.5)));
        Assert.That(EnergyMeter.Nvml(calls, "0000:18:00.0").Joules, Is.Null);
        Assert.That(NvmlCalls.Of(NativeLibrary.GetMainProgramHandle()), Is.Null, "a library without the calls");
    }

    private void Zone(string folder, string name, long energy, long range)
    {
        Directory.CreateDirectory(_folder[folder]);
        File.WriteAllText(_folder[$"{folder}/name"], name + "\n");
        File.WriteAllText(_folder[$"{folder}/energy_uj"], $"{energy}\n");
        File.WriteAllText(_folder[$"{folder}/max_energy_range_uj"], $"{range}\n");
    }
}
