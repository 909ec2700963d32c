using System.Reflection;

namespace Deat.Engine;

/// <summary>How many work-items a launch has, and in groups of what size.</summary>
/// <param name="Groups">Number of groups.</param>
/// <param name="GroupSize">Work-items per group.</param>
/// <param name="SharedBytes">Static shared memory that the kernel declares, bytes.</param>
internal readonly record struct LaunchGrid(int Groups, int GroupSize, int SharedBytes = 0);

/// <summary>What happens before every launch.</summary>
public sealed partial class ComputeDevice
{
    // Checks what OpenCL runtimes answer by aborting the process (group size, shared memory, memory of another device), counts the launch
    // with its exact price, and finds its launcher; null for a kernel that is not compiled.
    private Delegate? Prepare(Delegate kernel, LaunchGrid grid, Cost cost, bool ownsViews)
    {
        MethodInfo method = kernel.Method;
        if (grid.Groups < 1 || grid.GroupSize < 1 || grid.GroupSize > Traits.MaxGroupSize)
        {
            throw new DeviceException(
                $"kernel {method.Name}: {grid.Groups} groups of {grid.GroupSize}, '{Name}' allows {Traits.MaxGroupSize}");
        }

        if (grid.SharedBytes > Traits.SharedBytes)
        {
            throw new DeviceException(
                $"kernel {method.Name} needs {grid.SharedBytes:N0} B shared, '{Name}' allows {Traits.SharedBytes:N0}");
        }

        if (!ownsViews)
            throw new DeviceException($"kernel {method.Name} on '{Name}' was given a tensor of another device");
        if (!_launchers.TryGetValue(method, out Delegate? launcher)
            && KernelCatalog.FixedGroupSizeOf(method) is { } size && size != grid.GroupSize)
            throw new DeviceException($"kernel {method.Name} is written for groups of {size}, not {grid.GroupSize}");
        LedgerKey key = Ledger.Record(KernelCatalog.NameOf(method), cost);
        _timer?.Submit(key, cost, grid);
        return _recording is null ? launcher : Recorded(launcher);
    }

    private bool Owns<T>(T argument)
        where T : struct => ViewMemory<T>.Of is not { } of || of(argument) is not { } memory || memory.Accelerator == Accelerator;
}
