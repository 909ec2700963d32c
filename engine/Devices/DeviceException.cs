using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;

namespace Deat.Engine;

/// <summary>A device is absent, refuses a kernel, ran out of memory or was lost. The message is one line for the user.</summary>
public sealed class DeviceException : Exception
{
    /// <summary>Creates the exception.</summary>
    public DeviceException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>
    /// What a driver failed to do, in its words, where <paramref name="exception"/> is ILGPU's of that; any other exception as it is. A
    /// kernel's failure shows wherever the host next asks the driver for something.
    /// </summary>
    public static Exception Of(Exception exception) => exception switch
    {
        CLException opencl => new DeviceException($"the OpenCL driver failed: {opencl.Error}", opencl),
        AcceleratorException driver => new DeviceException($"the driver failed: {driver.Message}", driver),
        _ => exception,
    };
}
