using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Deat.Engine;
using ILGPU;

namespace Deat.Tests;

/// <summary>
/// A sound kernel over shared memory and copies of it with one planted fault each. Each is a kernel of its own name, because
/// that is what Oclgrind reports.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class MutantKernels
{
    public const int GroupSize = 16;
    public const int Groups = 2;
    public const int Tiles = 3;

    private enum Fault
    {
        None,
        GlobalWritePastEnd,
        GlobalReadPastEnd,
        SharedWritePastEnd,
        NoBarrierAfterWriting,
        NoBarrierAfterReading,
        UninitializedShared,
        DivergentBarrier,
        AccumulatesWithoutAtomic,
        OneCellFromAllGroups,
    }

    public static void Sound(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) => MirrorSums(x, sums, total, Fault.None);

    public static void GlobalWritePastEnd(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.GlobalWritePastEnd);

    public static void GlobalReadPastEnd(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.GlobalReadPastEnd);

    public static void SharedWritePastEnd(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.SharedWritePastEnd);

    public static void NoBarrierAfterWriting(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.NoBarrierAfterWriting);

    public static void NoBarrierAfterReading(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.NoBarrierAfterReading);

    public static void UninitializedShared(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.UninitializedShared);

    public static void DivergentBarrier(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.DivergentBarrier);

    public static void AccumulatesWithoutAtomic(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.AccumulatesWithoutAtomic);

    public static void OneCellFromAllGroups(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total) =>
        MirrorSums(x, sums, total, Fault.OneCellFromAllGroups);

    /// <summary>Launches those that are named, each on tensors of its own.</summary>
    public static void Launch(ComputeDevice device, IEnumerable<string> names)
    {
        foreach (MethodInfo kernel in names.Select(name => typeof(MutantKernels).GetMethod(name)!))
            Launch(device, kernel.CreateDelegate<Action<ArrayView<float>, ArrayView<float>, ArrayView<float>>>());
    }

    /// <summary>The sums of one launch, and the total.</summary>
    public static (float[] Sums, float Total) Launch(
        ComputeDevice device, Action<ArrayView<float>, ArrayView<float>, ArrayView<float>> kernel)
    {
        using Workspace workspace = new(device, MemoryCategory.Data);
        float[] values = [.. Enumerable.Range(0, GroupSize * Tiles).Select(i => (float)i)];
        Tensor x = workspace.Plain<float>(new Shape(1, values.Length), ElementType.Float32, values);
        Tensor sums = workspace.Plain<float>(new Shape(Groups, GroupSize), ElementType.Float32, new float[Groups * GroupSize]);
        Tensor total = workspace.Plain<float>(new Shape(1, 1), ElementType.Float32, [0]);
        device.Launch(kernel, new LaunchGrid(Groups, GroupSize), default, x.View<float>(), sums.View<float>(), total.View<float>());
        return (sums.ToArray<float>(), total.ToArray<float>()[0]);
    }

    // Each item sums, over all tiles, the element that its mirror image in the group has loaded.
    private static void MirrorSums(ArrayView<float> x, ArrayView<float> sums, ArrayView<float> total, Fault fault)
    {
        ArrayView<float> tile = SharedMemory.Allocate<float>(GroupSize);
        int item = Group.IdxX;
        float sum = 0;
        for (int t = 0; t < Tiles; t++)
        {
            int from = (t * GroupSize) + item + (fault == Fault.GlobalReadPastEnd ? 1 : 0);
            if (fault != Fault.UninitializedShared || item > 0)
                tile[item + (fault == Fault.SharedWritePastEnd ? 1 : 0)] = x[from];
            if (fault == Fault.DivergentBarrier)
            {
                if (item < GroupSize / 2)
                    Sync.Barrier();
            }
            else if (fault != Fault.NoBarrierAfterWriting)
            {
                Sync.Barrier();
            }

            sum += tile[GroupSize - 1 - item];
            if (fault != Fault.NoBarrierAfterReading)
                Sync.Barrier();
        }

        sums[Grid.GlobalIndex.X + (fault == Fault.GlobalWritePastEnd ? 1 : 0)] = sum;
        if (fault == Fault.AccumulatesWithoutAtomic)
            total[0] += sum;
        if (fault == Fault.OneCellFromAllGroups && item == 0)
            total[0] = Grid.IdxX;
    }
}
