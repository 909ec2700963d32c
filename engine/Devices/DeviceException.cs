namespace Deat.Engine;

/// <summary>A device is absent, refuses a kernel, ran out of memory or was lost. The message is one line for the user.</summary>
public sealed class DeviceException : Exception
{
    /// <summary>Creates the exception.</summary>
    public DeviceException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
