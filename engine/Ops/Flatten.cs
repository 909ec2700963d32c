using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>All values of an image as channels, in the order c, h, w, as torch.flatten(x, 1).</summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    /// <returns>[N, C H W, 1, 1]</returns>
    public static Tensor Flatten(Tape tape, Tensor x)
    {
        Tensor y = tape.Activation(new Shape(x.Shape.N, checked(x.Shape.C * x.Shape.Pixels)), x.Type);
        Dispatch.Run(x.Type, width: 1, new FlattenLaunch(x, y, Direction.Forward));
        return tape.Record(y, [x], dy =>
        {
            Tensor dx = tape.Allocate(x.Layout, x.Type);
            Dispatch.Run(x.Type, width: 1, new FlattenLaunch(dx, dy, Direction.InputGradient));
            tape.Accumulate(x, dx);
        });
    }

    /// <summary>Forward from pixels to values, backward from values to pixels.</summary>
    private readonly record struct FlattenLaunch(Tensor Pixels, Tensor Values, Direction Direction) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Pixels.Device.Launch(
                Direction == Direction.Forward ? FlattenKernels.Flatten<T> : FlattenKernels.InputGradient<T>,
                Pixels.Device.Grid(Pixels.Shape.N * Pixels.Shape.C * Pixels.Shape.H),
                new Cost(0, 2 * Pixels.Shape.Count * Pixels.Type.Bytes(), Direction),
                Pixels.View<T>(), Values.View<T>(), new DirectLayout(Pixels.Layout));
    }
}

// One row of one channel an item. Values of one pixel lie in order, whatever the block.
[ExcludeFromCodeCoverage]
internal static class FlattenKernels
{
    public static void Flatten<T>(ArrayView<T> x, ArrayView<T> y, DirectLayout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.N * layout.C * layout.H)
            return;
        int place = Place(item, in layout);
        for (int w = 0; w < layout.W; w++, place += layout.Column)
            Real.Store(y, (item * layout.W) + w, Real.Load(x, place));
    }

    public static void InputGradient<T>(ArrayView<T> dx, ArrayView<T> dy, DirectLayout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.N * layout.C * layout.H)
            return;
        int place = Place(item, in layout);
        for (int w = 0; w < layout.W; w++, place += layout.Column)
            Real.Store(dx, place, Real.Load(dy, (item * layout.W) + w));
    }

    private static int Place(int row, in DirectLayout layout)
    {
        int plane = row / layout.H;
        int image = plane / layout.C;
        return layout.Index(image, plane - (image * layout.C), row - (plane * layout.H), 0);
    }
}
