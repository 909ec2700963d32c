using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>The work-item that runs a kernel.</summary>
[ExcludeFromCodeCoverage]
internal static class Item
{
    /// <summary>
    /// The index of this item among all of the launch. On the CPU accelerator, where groups have one item, ILGPU 1.5.3's
    /// Grid.GlobalIndex takes 0.6 us: it reads nine numbers and looks up the text of an assertion for each.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(IndexBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Index() => Grid.IdxX;

    private static int IndexBody() => Grid.GlobalIndex.X;
}
