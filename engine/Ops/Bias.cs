using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// y[n,c,h,w] = x[n,c,h,w] + b[c]: what a convolution with bias adds. Its gradient passes to x unchanged;
    /// db[c] = sum over n, h, w of dy[n,c,h,w].
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    /// <param name="b">[1, C, 1, 1], plain</param>
    /// <exception cref="ArgumentException">Channels or types differ.</exception>
    public static Tensor Bias(Tape tape, Tensor x, Tensor b)
    {
        Require.That(b.Layout == Layout.Plain(Shape.Vector(x.Shape.C)), nameof(Bias), $"a bias of {x.Shape.C}", b.Layout);
        Require.That(b.Type == x.Type, nameof(Bias), x.Type, b.Type);
        int width = x.Device.Traits.LaneWidth(x.Layout.Block);
        Tensor y = tape.Allocate(x.Layout, x.Type);
        Dispatch.Run(x.Type, width, new BiasForward(x, b, y));
        return tape.Record(y, [x, b], dy =>
        {
            if (tape.Needs(x))
                tape.Accumulate(x, dy);
            if (tape.Needs(b))
                tape.WriteGradient(b, db => Dispatch.Run(x.Type, width, new BiasGradient(tape, dy, db)));
        });
    }

    private readonly record struct BiasForward(Tensor X, Tensor B, Tensor Y) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            bool fat = X.Device.Traits.IsCpuLike;
            PixelRuns runs = new(Y.Layout, TLane.Width, fat);
            long count = Y.Shape.Count;
            X.Device.Launch(
                BiasKernels.Add<T, TLane>, X.Device.Grid(runs.Items), new Cost(count, ((2 * count) + B.Shape.Count) * X.Type.Bytes()),
                X.View<TLane>(), B.View<TLane>(), Y.View<TLane>(), LanePlaces.Of(Y.Layout, TLane.Width, fat), runs);
        }
    }

    private readonly record struct BiasGradient(Tape Tape, Tensor Dy, Tensor Db) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Dy.Device;
            ChannelSlices slices = new(Dy.Layout, TLane.Width, device.Traits);
            Tensor partials = Tape.Scratch(new Shape(slices.Slices, Dy.Shape.C), Dy.Type);
            (int bytes, long count) = (Dy.Type.Bytes(), Dy.Shape.Count);
            device.Launch(
                BiasKernels.SliceSums<T, TLane>, slices.Grid<TLane>(device, sums: 1),
                new Cost(count, (count + partials.Shape.Count) * bytes, Direction.WeightGradient),
                Dy.View<TLane>(), partials.View<TLane>(), slices);
            device.Launch(
                BiasKernels.Gradient<T, TLane>, device.Grid(slices.Lanes),
                new Cost(partials.Shape.Count, (partials.Shape.Count + Db.Shape.Count) * bytes, Direction.WeightGradient),
                partials.View<TLane>(), Db.View<TLane>(), slices.Slices, slices.Lanes);
            Tape.Release(partials);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class BiasKernels
{
    public static void Add<T, TLane>(
        ArrayView<TLane> x, ArrayView<TLane> b, ArrayView<TLane> y, LanePlaces places, PixelRuns runs)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int item = Item.Index();
        if (item >= runs.Items)
            return;
        PixelRun run = runs.Run(item);
        for (int lane = 0; lane < runs.Lanes; lane++)
        {
            TLane bias = Real.Load(b, (run.Group * runs.Lanes) + lane);
            int place = places.Start(run.Image, run.Group, run.Row) + (run.Column * places.Column) + lane;
            for (int w = 0; w < runs.Columns; w++, place += places.Column)
                Real.Store(y, place, Real.Load(x, place) + bias);
        }
    }

    /// <summary>Sums of dy for each slice and lane.</summary>
    [GroupSize(GroupSum.LargestGroup, IsLargest = true)]
    public static void SliceSums<T, TLane>(ArrayView<TLane> dy, ArrayView<TLane> partials, ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int group = Item.Group();
        if (group >= slices.Groups)
            return;
        ChannelTask task = ChannelTask.At(in slices, group, Item.Place());
        for (int lane = task.Lane; lane < task.Lane + slices.LanesPerItem; lane++)
        {
            TLane own = TLane.Splat(T.Zero);
            if (lane < slices.Lanes)
                own = Sum<T, TLane>(dy, lane, in task, in slices);
            TLane sum = GroupSum.Of<T, TLane>(own, slices.LanesAbreast);
            if (task.Worker == 0 && lane < slices.Lanes)
                Real.Store(partials, (task.Slice * slices.Lanes) + lane, sum);
        }
    }

    /// <summary>One lane an item: the sum of its slices, in order.</summary>
    public static void Gradient<T, TLane>(ArrayView<TLane> partials, ArrayView<TLane> db, int slices, int lanes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int lane = Item.Index();
        if (lane >= lanes)
            return;
        TLane sum = TLane.Splat(T.Zero);
        for (int slice = 0; slice < slices; slice++)
            sum += Real.Load(partials, (slice * lanes) + lane);
        Real.Store(db, lane, sum);
    }

    private static TLane Sum<T, TLane>(ArrayView<TLane> dy, int lane, in ChannelTask task, in ChannelSlices slices)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        TLane sum = TLane.Splat(T.Zero);
        RowWalk walk = RowWalk.At(in slices, in task, lane);
        for (int row = task.Row; row < task.EndRow; row += slices.RowStep, walk = walk.Next(in slices))
        {
            for (int column = task.Column, place = walk.Place; column < slices.Columns;
                column += slices.ColumnStep, place += slices.ColumnStepPlaces)
                sum += Real.Load(dy, place);
        }

        return sum;
    }
}
