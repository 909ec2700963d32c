using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>The work-item that runs a kernel.</summary>
[ExcludeFromCodeCoverage]
internal static class Item
{
    /// <summary>The index of this item among all of the launch. On the CPU accelerator groups have one item.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(IndexBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Index() => ItemWorkers.Item;

    /// <summary>The group of this item.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(GroupBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Group() => ItemWorkers.Item;

    /// <summary>The place of this item in its group.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(PlaceBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Place() => 0;

    /// <summary>Items of a group.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(GroupSizeBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GroupSize() => 1;

    private static int GroupBody() => Grid.IdxX;

    private static int IndexBody() => Grid.GlobalIndex.X;

    private static int PlaceBody() => ILGPU.Group.IdxX;

    private static int GroupSizeBody() => ILGPU.Group.DimX;
}
