using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

/// <summary>The barrier of the kernels.</summary>
[ExcludeFromCodeCoverage]
internal static class Sync
{
    /// <summary>
    /// Waits for the whole group and makes its writes to shared and global memory visible to it. ILGPU 1.5.3's own barrier
    /// fences global memory only on OpenCL, which is a race in every kernel that uses shared memory.
    /// </summary>
    [ILGPU.IR.Intrinsics.IntrinsicImplementation]
    [DeviceBody(nameof(BarrierBody), OpenCL = nameof(Intrinsics.GenerateBarrier))]
    public static void Barrier() => Group.Barrier();

    private static void BarrierBody() => Group.Barrier();
}
