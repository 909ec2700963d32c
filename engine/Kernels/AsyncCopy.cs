using System.Diagnostics.CodeAnalysis;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>Copies from global to shared memory that run while the work-item goes on: the instructions cp.async of PTX.</summary>
[ExcludeFromCodeCoverage]
internal static class AsyncCopy
{
    /// <summary>
    /// Starts copying sixteen bytes (cp.async.ca: through the L1 cache, where the taps of a window meet the same pixels again). With
    /// <paramref name="bytes"/> 0 instead of 16 zeros are written and nothing is read. On OpenCL it is done at once.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(CopyBody), Ptx = nameof(Intrinsics.GenerateCopy))]
    public static void Copy(ref Words4 shared, ref Words4 global, int bytes) => CopyBody(ref shared, ref global, bytes);

    /// <summary>
    /// Waits for this work-item's own copies (cp.async.wait_all). What others copied is there after a barrier that follows.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(WaitBody), OpenCL = nameof(Intrinsics.GenerateNothing), Ptx = nameof(Intrinsics.GenerateWait))]
    public static void Wait() => WaitBody();

    private static void CopyBody(ref Words4 shared, ref Words4 global, int bytes)
    {
        if (bytes > 0)
            shared = global;
        else
            shared = default;
    }

    private static void WaitBody()
    {
    }
}
