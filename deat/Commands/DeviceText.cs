using Deat.Engine;

namespace Deat.Training;

/// <summary>Devices in words.</summary>
internal static class DeviceText
{
    /// <summary>Such as <c>opencl:0, Tesla (driver): kernels are OpenCL C made by ILGPU, compiled by the device's driver</c>.</summary>
    public static string Describe(DeviceListing device) =>
        $"{device.Id}, {device.Name} ({device.Driver}): {Compiler(device.Traits.Backend)}";

    /// <summary>Who makes machine code of the kernels, which are written in C#.</summary>
    public static string Compiler(Backend backend) => backend switch
    {
        Backend.Cuda => "kernels are PTX made by ILGPU, compiled by NVIDIA's driver",
        Backend.OpenCL => "kernels are OpenCL C made by ILGPU, compiled by the device's driver",
        _ => "kernels are .NET methods, compiled by the .NET JIT",
    };

    /// <summary>Opens a device as options say, with what the environment asks to see of it, and shows which it is.</summary>
    /// <exception cref="UsageException">The user asks for graphs and there are none.</exception>
    public static ComputeDevice Open(string id, OptionTexts texts, Screen screen)
    {
        ComputeDevice device = ComputeDevice.Open(id);
        try
        {
            Configure(device, texts, screen);
            DebugOutput.Of(screen)?.Attach(device);
            screen.Line($"device {Describe(device.Listing)}");
            return device;
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Sets whether a device launches graphs and computes activations again, by <c>--graphs</c> and <c>--recompute</c>, and shows what the
    /// device has to say.
    /// </summary>
    /// <exception cref="UsageException">The user asks for graphs and there are none.</exception>
    public static void Configure(ComputeDevice device, OptionTexts texts, Screen screen)
    {
        bool? wanted = texts.Switch("graphs");
        device.UsesGraphs = wanted ?? true;
        device.RecomputesActivations = texts.Switch("recompute") ?? device.RecomputesActivations;
        device.Notices = text => screen.Line($"note: {text}");
        // A run that was begun with graphs goes on without, where there are none.
        if (wanted == true && texts.IsGiven("graphs") && !device.HasGraphs)
            throw new UsageException($"--graphs on conflicts with --device {device.Listing.Id}, which has no graphs");
    }

    /// <summary>What a device can do at most, in words.</summary>
    public static string Peaks(DevicePeaks peaks)
    {
        string Rate(double? value, string name) =>
            value is { } number ? FormattableString.Invariant($", {number:N0} GFLOP/s {name}") : "";
        return FormattableString.Invariant($"{peaks.GigabytesPerSecond:N1} GB/s, {peaks.GigaflopsPerSecond:N0} GFLOP/s float32")
            + Rate(peaks.TensorFloat32GigaflopsPerSecond, "TF32") + Rate(peaks.BFloat16GigaflopsPerSecond, "BF16")
            + FormattableString.Invariant($", {peaks.LaunchMicroseconds:N1} us a launch, {peaks.WaitMicroseconds:N1} us with a wait");
    }

    /// <summary>Bytes in words.</summary>
    public static string Size(long bytes) => FormattableString.Invariant($"{bytes / (double)(1 << 30):F1} GiB");
}
