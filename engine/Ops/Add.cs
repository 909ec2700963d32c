using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>a + b, element by element: the sum at the end of a residual block. Its gradient passes to both unchanged.</summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="a">[N, C, H, W]</param>
    /// <param name="b">[N, C, H, W], in the same layout</param>
    public static Tensor Add(Tape tape, Tensor a, Tensor b)
    {
        Tensor y = tape.Allocate(a.Layout, a.Type);
        AddInto(y, a, b, Direction.Forward);
        return tape.Record(y, [a, b], dy =>
        {
            if (tape.Needs(a))
                tape.Accumulate(a, dy);
            if (tape.Needs(b))
                tape.Accumulate(b, dy);
        });
    }

    /// <summary>sum += term, element by element.</summary>
    /// <param name="sum">[N, C, H, W]; updated</param>
    /// <param name="term">[N, C, H, W], in the same layout</param>
    public static void AddTo(Tensor sum, Tensor term) => AddInto(sum, sum, term, Direction.WeightGradient);

    /// <summary>y = a + b; y may be a or b.</summary>
    internal static void AddInto(Tensor y, Tensor a, Tensor b, Direction direction)
    {
        Require.That(a.Layout == b.Layout && a.Type == b.Type, nameof(Add), a.Layout, b.Layout);
        Require.That(a.Layout == y.Layout && a.Type == y.Type, nameof(Add), a.Layout, y.Layout);
        Dispatch.Run(a.Type, a.Device.Traits.LaneWidth(a.Layout.Length), new AddLaunch(y, a, b, direction));
    }

    private readonly record struct AddLaunch(Tensor Y, Tensor A, Tensor B, Direction Direction) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (LaunchGrid grid, int chunk) = Chunks(Y, TLane.Width);
            long count = Y.Shape.Count;
            Y.Device.Launch(
                AddKernels.Sum<T, TLane>, grid, new Cost(count, 3 * count * Y.Type.Bytes(), Direction),
                A.View<TLane>(), B.View<TLane>(), Y.View<TLane>(), chunk);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class AddKernels
{
    // The border is added too: zero plus zero.
    public static void Sum<T, TLane>(ArrayView<TLane> a, ArrayView<TLane> b, ArrayView<TLane> y, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < y.IntLength ? start + chunk : y.IntLength;
        for (int i = start; i < end; i++)
            Real.Store(y, i, Real.Load(a, i) + Real.Load(b, i));
    }
}
