using System.CommandLine;
using Deat.Engine;

namespace Deat.Training;

/// <summary><c>deat devices</c>: every device, usable or refused with the reason, in order of preference.</summary>
internal static class DevicesCommand
{
    public static Command Create(Screen screen)
    {
        Command command = new("devices", "Lists what this machine can compute on, and what it cannot and why.");
        command.SetAction(_ => Show(screen));
        return command;
    }

    private static void Show(Screen screen)
    {
        IReadOnlyList<DeviceListing> devices = ComputeDevice.List();
        DeviceListing? first = devices.FirstOrDefault(device => device.IsUsable);
        int width = devices.Max(device => device.Id.Length);
        foreach (DeviceListing device in devices)
        {
            DeviceTraits traits = device.Traits;
            string state = device == first ? "usable, --device auto takes it" : device.IsUsable ? "usable" : $"REFUSED: {device.Refusal}";
            screen.Line($"{device.Id.PadRight(width)}  {device.Name}: {state}");
            screen.Line($"{"".PadRight(width)}  {device.Driver}; {traits.Processors} processors, {DeviceText.Size(traits.MemoryBytes)}, "
                + $"float64 {YesNo(traits.HasFloat64)}, "
                + $"graphs {YesNo(traits.HasGraphs)}; {DeviceText.Compiler(traits.Backend)}");
        }

        foreach (string absence in ComputeDevice.Absences(devices))
            screen.Line(absence);
    }

    private static string YesNo(bool value) => value ? "yes" : "no";
}
