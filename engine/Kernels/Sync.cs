using System.Diagnostics.CodeAnalysis;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>The barrier of the kernels.</summary>
[ExcludeFromCodeCoverage]
internal static class Sync
{
    /// <summary>
    /// Waits for the whole group and makes its writes to shared and global memory visible to it. ILGPU 1.5.3's own barrier
    /// fences global memory only on OpenCL, which is a race in every kernel that uses shared memory.
    /// </summary>
    public static void Barrier()
    {
        Wait();
        KeepOrder();
    }

    [IntrinsicImplementation]
    [DeviceBody(nameof(WaitBody), OpenCL = nameof(Intrinsics.GenerateBarrier))]
    private static void Wait()
    {
        // A group of the CPU accelerator is one item.
    }

    private static void WaitBody() => Group.Barrier();

    // At O2, ILGPU 1.5.3 moves a load whose value is carried round a loop behind the last memory operation of its block, and
    // nothing else stops it: a barrier there would come before the load that it is to follow (CodePlacement.cs compares with all
    // operations in between, but not with that last one). This is one more memory operation, of which no code is made.
    [IntrinsicImplementation]
    [DeviceBody(nameof(KeepOrder), OpenCL = nameof(Intrinsics.GenerateNothing), Ptx = nameof(Intrinsics.GenerateNothingPtx))]
    private static void KeepOrder()
    {
    }
}
