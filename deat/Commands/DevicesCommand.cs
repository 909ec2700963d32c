using System.CommandLine;
using Deat.Engine;

namespace Deat.Training;

/// <summary><c>deat devices</c>: every device, usable or refused with the reason, in order of preference.</summary>
internal static class DevicesCommand
{
    public static Command Create(Screen screen)
    {
        Command command = new("devices", "Lists what this machine can compute on, and what it cannot and why.");
        Option<bool> measure = new("--measure")
        {
            Description = "measure bandwidth, arithmetic and launches of each usable device, and tell which kernels it takes",
        };
        Option<string?> only = new("--device") { Description = "this device alone (default all)", HelpName = "id" };
        command.Options.Add(measure);
        command.Options.Add(only);
        command.SetAction(result => Show(screen, result.GetValue(measure), result.GetValue(only)));
        return command;
    }

    private static void Show(Screen screen, bool measure, string? only)
    {
        IReadOnlyList<DeviceListing> devices = ComputeDevice.List();
        DeviceListing? first = devices.FirstOrDefault(device => device.IsUsable);
        if (only is not null && devices.All(device => device.Id != only))
            throw new UsageException($"--device '{only}' is none of {string.Join(", ", devices.Select(device => device.Id))}");
        int width = devices.Max(device => device.Id.Length);
        foreach (DeviceListing device in devices.Where(device => only is null || device.Id == only))
        {
            DeviceTraits traits = device.Traits;
            string state = device == first ? "usable, --device auto takes it" : device.IsUsable ? "usable" : $"REFUSED: {device.Refusal}";
            screen.Line($"{device.Id.PadRight(width)}  {device.Name}: {state}");
            screen.Line($"{"".PadRight(width)}  {device.Driver}; {traits.Processors} processors, {DeviceText.Size(traits.MemoryBytes)}, "
                + $"float64 {YesNo(traits.HasFloat64)}, "
                + $"graphs {YesNo(traits.HasGraphs)}; {DeviceText.Compiler(traits.Backend)}");
            if (!measure || !device.IsUsable)
                continue;
            foreach (string line in Measured(device))
                screen.Line($"{"".PadRight(width)}  {line}");
        }

        foreach (string absence in ComputeDevice.Absences(devices))
            screen.Line(absence);
    }

    // A driver that fails does not keep the others from being measured.
    private static IReadOnlyList<string> Measured(DeviceListing listing)
    {
        try
        {
            using ComputeDevice device = ComputeDevice.Open(listing.Id);
            return
            [
                $"measured: {DeviceText.Peaks(DevicePeaks.Measure(device))}",
                .. KernelChoice.Of(device).Select(choice =>
                    $"{OptionTexts.Write(choice.Precision)} convolutions, {WorkPart.NameOf(choice.Direction)}: "
                    + $"{string.Join(" + ", choice.Kernels)} in {choice.Layers.Count} ({string.Join(", ", choice.Layers)})"),
            ];
        }
        catch (Exception e) when (DeviceException.Of(e) is DeviceException failure)
        {
            return [$"not measured: {failure.Message.ReplaceLineEndings(" ")}"];
        }
    }

    private static string YesNo(bool value) => value ? "yes" : "no";
}
