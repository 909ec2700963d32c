using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

/// <summary>The kernels of <see cref="TensorContraction"/>: a group computes 128 rows by 64 columns with tensor cores.</summary>
[ExcludeFromCodeCoverage]
internal static class TensorCoreKernels
{
    /// <summary>
    /// All slabs of one tile. While a stage of shared memory is multiplied, the next slab arrives in the other one: TF32 by asynchronous
    /// copies, BF16 through registers where it is packed, in two halves so that these need not hold all of it.
    /// </summary>
    public static void Contract<TPrecision, TOrder>(
        ArrayView<Words4> x, ArrayView<Words4> y, ArrayView<Words4> output, TensorContraction g)
        where TPrecision : unmanaged, ITensorPrecision
        where TOrder : unmanaged, ITensorOrder
    {
        TensorTask task = TensorTask.At(in g, Grid.IdxX);
        WarpTile sums = default;
        if (g.Numbers > 0)
            sums = Sum<TPrecision, TOrder>(x, y, in g, in task);
        TOrder.Put(output, in g, in task, in sums);
    }

    private static WarpTile Sum<TPrecision, TOrder>(ArrayView<Words4> x, ArrayView<Words4> y, in TensorContraction g, in TensorTask task)
        where TPrecision : unmanaged, ITensorPrecision
        where TOrder : unmanaged, ITensorOrder
    {
        ArrayView<Words4> shared = SharedMemory.Allocate<Words4>(TensorTile.SharedChunks);
        ItemPlaces places = TOrder.Places(in g, in task, TPrecision.PerWord).Pinned();
        TensorSlab slab = TensorSlab.At(in g, task.FirstSlab);
        Fill<TPrecision, TOrder>(x, y, shared, in g, in places, in slab);
        WarpTile sums = default;
        int stage = 0;
        for (int i = task.FirstSlab + 1; i < task.EndSlab; i++)
        {
            AsyncCopy.Wait();
            Sync.Barrier();
            slab = slab.Next(in g);
            int next = TensorTile.StageChunks - stage;
            if (TPrecision.PerWord == 1)
            {
                TOrder.Copy(x, y, shared, next, in places, in slab);
                sums = TOrder.Multiply<TPrecision>(sums, shared, stage, in places, 0);
                sums = TOrder.Multiply<TPrecision>(sums, shared, stage, in places, 1);
            }
            else
            {
                LoadedChunks chunks = TOrder.Load(x, y, shared, next, in g, in places, in slab, 0);
                sums = TOrder.Multiply<TPrecision>(sums, shared, stage, in places, 0);
                TOrder.Store<TPrecision>(shared, next, in places, in chunks, 0);
                chunks = TOrder.Load(x, y, shared, next, in g, in places, in slab, 1);
                sums = TOrder.Multiply<TPrecision>(sums, shared, stage, in places, 1);
                TOrder.Store<TPrecision>(shared, next, in places, in chunks, 1);
            }

            stage = next;
        }

        AsyncCopy.Wait();
        Sync.Barrier();
        for (int half = 0; half < 2; half++)
            sums = TOrder.Multiply<TPrecision>(sums, shared, stage, in places, half);
        return sums;
    }

    /// <summary>One item: one place of <see cref="TensorWeights"/> at all taps.</summary>
    public static void Pack<TPrecision>(ArrayView<int> weights, ArrayView<Words4> packed, TensorWeights order)
        where TPrecision : unmanaged, ITensorPrecision
    {
        int item = Item.Index();
        if (item >= order.Items)
            return;
        TensorWeightPlace place = TensorWeightPlace.At(in order, item);
        PackedWeights w = order.Weights;
        int target = place.Target;
        for (int first = 0; first < w.Step * w.Step; first++)
        {
            int firstRow = first / w.Step;
            int firstColumn = first - (firstRow * w.Step);
            for (int r = firstRow; r < w.Rows; r += w.Step)
            {
                for (int s = firstColumn; s < w.Columns; s += w.Step)
                {
                    int tap = (r * w.Columns) + s;
                    Real.Store(packed, target, new Words4
                    {
                        A = Word<TPrecision>(weights, in w, tap, place.Output, place.Input),
                        B = Word<TPrecision>(weights, in w, tap, place.Output + 1, place.Input),
                        C = Word<TPrecision>(weights, in w, tap, place.Output, place.Input + TPrecision.PerWord),
                        D = Word<TPrecision>(weights, in w, tap, place.Output + 1, place.Input + TPrecision.PerWord),
                    });
                    target += order.TapChunks;
                }
            }
        }
    }

    private static void Fill<TPrecision, TOrder>(
        ArrayView<Words4> x, ArrayView<Words4> y, ArrayView<Words4> shared, in TensorContraction g, in ItemPlaces places,
        in TensorSlab slab)
        where TPrecision : unmanaged, ITensorPrecision
        where TOrder : unmanaged, ITensorOrder
    {
        if (TPrecision.PerWord == 1)
        {
            TOrder.Copy(x, y, shared, 0, in places, in slab);
            return;
        }

        LoadedChunks chunks = TOrder.Load(x, y, shared, 0, in g, in places, in slab, 0);
        TOrder.Store<TPrecision>(shared, 0, in places, in chunks, 0);
        chunks = TOrder.Load(x, y, shared, 0, in g, in places, in slab, 1);
        TOrder.Store<TPrecision>(shared, 0, in places, in chunks, 1);
    }

    private static int Word<TPrecision>(ArrayView<int> weights, in PackedWeights w, int tap, int output, int input)
        where TPrecision : unmanaged, ITensorPrecision
    {
        if (output >= w.Outputs || input >= w.Inputs)
            return 0;
        int first = (output * w.OutputStride) + (input * w.InputStride) + tap;
        int second = input + 1 < w.Inputs ? first + w.InputStride : first;
        return TPrecision.Pack(Real.Load(weights, first), Real.Load(weights, second));
    }
}
