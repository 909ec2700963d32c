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
    /// The index of this item among all of the launch; a kernel asks once. On the CPU accelerator, where groups have one item, it comes
    /// from the <see cref="ItemQueue"/>.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(IndexBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Index() => ItemQueue.Next();

    /// <summary>The group of a kernel whose groups are single items on CPU-like devices: there <see cref="Index"/>.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(GroupBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Group() => ItemQueue.Next();

    private static int GroupBody() => Grid.IdxX;

    private static int IndexBody() => Grid.GlobalIndex.X;
}
