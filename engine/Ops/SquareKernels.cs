using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>The kernels of the square attack.</summary>
[ExcludeFromCodeCoverage]
internal static class SquareKernels
{
    /// <summary>Linf: one image row an item, all its channels.</summary>
    public static void Recolour<T>(
        ArrayView<T> best, ArrayView<T> x, ArrayView<int> images, ArrayView<int> active, ArrayView<T> delta, T epsilon,
        PixelRange<T> range, RandomKey key, uint block, int side, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        int h = item - (n * layout.Shape.H);
        if (Real.Load(active, n) == 0)
            return;
        RandomKey own = new(key.Seed, key.Purpose, Real.Load(images, n), key.Batch);
        SquarePlace square = SquarePlace.Of(own, block, side, layout.Shape);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            T colour = SquarePlace.Signed(square.Signs, c, epsilon);
            int place = layout.Index(n, c, h, 0);
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
            {
                T value = square.Holds(h, w) ? range.Clamp(colour, Real.Load(x, place)) : Real.Load(best, place);
                Real.Store(delta, place, value);
            }
        }
    }

    /// <summary>L2, before the whole is brought to its length: one group an image, whose items take rows of one channel in turn.</summary>
    [GroupSize(GroupSum.LargestGroup, IsLargest = true)]
    public static void MoveLength<T>(
        ArrayView<T> best, ArrayView<int> images, ArrayView<int> active, ArrayView<T> moved, T epsilonSquared, T channelShare,
        SquarePattern<T> pattern, RandomKey key, uint block, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Group();
        if (n >= layout.Shape.N || Real.Load(active, n) == 0)
            return;
        RandomKey own = new(key.Seed, key.Purpose, Real.Load(images, n), key.Batch);
        SquarePlace square = SquarePlace.Of(own, block, pattern.Side, layout.Shape);
        T unused = epsilonSquared - Length(best, n, square, false, layout);
        T length = Length(best, n, square, true, layout);
        length += unused > T.Zero || T.IsNaN(unused) ? unused * channelShare : T.Zero;
        for (int c = 0; c < layout.Shape.C; c++)
        {
            T old = Reciprocal(GroupNorm.Of<T, EuclideanLength>(OldSquares(best, n, c, square, layout)));
            T sum = GroupNorm.Of<T, EuclideanLength>(NewSquares(best, n, c, old, square, pattern, layout));
            Write(best, moved, n, c, old, T.Sqrt(length) * Reciprocal(sum), square, pattern, layout);
        }
    }

    // Of nothing, nothing remains.
    private static T Reciprocal<T>(T length)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => length == T.Zero ? T.Zero : T.One / length;

    /// <summary>The sum of squares of an image's perturbation, or of what both squares hold of it.</summary>
    private static T Length<T>(ArrayView<T> best, int n, SquarePlace square, bool inSquares, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T total = T.Zero;
        int height = layout.Shape.H;
        for (int row = Item.Place(); row < layout.Shape.C * height; row += Item.GroupSize())
        {
            int c = row / height;
            int h = row - (c * height);
            int place = layout.Index(n, c, h, 0);
            T sum = T.Zero;
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
            {
                T value = Real.Load(best, place);
                if (!inSquares || square.Holds(h, w) || square.OtherHolds(h, w))
                    sum = Real.Fma(value, value, sum);
            }

            total += sum;
        }

        return GroupSum.Of<T, Lane1<T>>(new() { A = total }, 1).A;
    }

    private static T OldSquares<T>(ArrayView<T> best, int n, int c, SquarePlace square, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T total = T.Zero;
        for (int row = Item.Place(); row < square.Side; row += Item.GroupSize())
        {
            int place = layout.Index(n, c, square.Row + row, square.Column);
            for (int column = 0; column < square.Side; column++, place += layout.Block)
                total = Real.Fma(Real.Load(best, place), Real.Load(best, place), total);
        }

        return total;
    }

    private static T NewSquares<T>(
        ArrayView<T> best, int n, int c, T old, SquarePlace square, SquarePattern<T> pattern, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T total = T.Zero;
        for (int row = Item.Place(); row < square.Side; row += Item.GroupSize())
        {
            int place = layout.Index(n, c, square.Row + row, square.Column);
            for (int column = 0; column < square.Side; column++, place += layout.Block)
            {
                T value = New(Real.Load(best, place), c, old, row, column, square, pattern);
                total = Real.Fma(value, value, total);
            }
        }

        return total;
    }

    private static void Write<T>(
        ArrayView<T> best, ArrayView<T> moved, int n, int c, T old, T scale, SquarePlace square, SquarePattern<T> pattern, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int h = Item.Place(); h < layout.Shape.H; h += Item.GroupSize())
        {
            int place = layout.Index(n, c, h, 0);
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
            {
                T value = Real.Load(best, place);
                if (square.Holds(h, w))
                    value = New(value, c, old, h - square.Row, w - square.Column, square, pattern) * scale;
                else if (square.OtherHolds(h, w))
                    value = T.Zero;
                Real.Store(moved, place, value);
            }
        }
    }

    private static T New<T>(T value, int c, T old, int row, int column, SquarePlace square, SquarePattern<T> pattern)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T peaks = square.IsTurned ? pattern.At(column, row) : pattern.At(row, column);
        return Real.Fma(value, old, SquarePlace.Signed(square.Signs, c, peaks));
    }

    /// <summary>Stripes for Linf: one row of one channel an item, each column with a sign of its own that all rows share.</summary>
    public static void Stripes<T>(
        ArrayView<T> x, ArrayView<int> images, ArrayView<T> delta, T epsilon, PixelRange<T> range, RandomKey key, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        Shape shape = layout.Shape;
        if (item >= shape.N * shape.C)
            return;
        int n = item / shape.C;
        int c = item - (n * shape.C);
        RandomKey own = new(key.Seed, key.Purpose, Real.Load(images, n), key.Batch);
        for (int w = 0; w < shape.W; w++)
        {
            int element = (c * shape.W) + w;
            T stripe = BernoulliDraw.Draw(Philox.Words(own, (uint)element >> 2), element & 3) < 0 ? -epsilon : epsilon;
            for (int h = 0; h < shape.H; h++)
            {
                int place = layout.Index(n, c, h, w);
                Real.Store(delta, place, range.Clamp(stripe, Real.Load(x, place)));
            }
        }
    }

    /// <summary>Patterns side by side for L2: one image row an item, all its channels.</summary>
    public static void Tiles<T>(
        ArrayView<int> images, ArrayView<T> moved, SquarePattern<T> pattern, int margin, RandomKey key, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        Shape shape = layout.Shape;
        if (item >= shape.N * shape.H)
            return;
        int n = item / shape.H;
        int h = item - (n * shape.H);
        RandomKey own = new(key.Seed, key.Purpose, Real.Load(images, n), key.Batch);
        int tilesAbreast = shape.W / pattern.Side;
        int tileRow = h < margin ? shape.H : (h - margin) / pattern.Side;
        for (int w = 0; w < shape.W; w++)
        {
            int tileColumn = w < margin ? shape.W : (w - margin) / pattern.Side;
            bool inTile = tileRow < shape.H / pattern.Side && tileColumn < tilesAbreast;
            UInt4 words = Philox.Words(own, inTile ? (uint)((tileRow * tilesAbreast) + tileColumn) : 0u);
            int row = h - margin - (tileRow * pattern.Side);
            int column = w - margin - (tileColumn * pattern.Side);
            T peaks = !inTile ? T.Zero : words.X >> 31 != 0 ? pattern.At(column, row) : pattern.At(row, column);
            for (int c = 0; c < shape.C; c++)
                Real.Store(moved, layout.Index(n, c, h, w), inTile ? SquarePlace.Signed(words.Y, c, peaks) : T.Zero);
        }
    }

    public static void ToSphere<T>(
        ArrayView<T> moved, ArrayView<T> x, ArrayView<T> norms, ArrayView<int> active, ArrayView<T> delta, T radius,
        PixelRange<T> range, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        if (Real.Load(active, n) == 0)
            return;
        T norm = Real.Load(norms, n);
        T scale = norm == T.Zero ? T.Zero : radius / norm;
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int w = 0; w < layout.Shape.W; w++, place += layout.Block)
                Real.Store(delta, place, range.Clamp(Real.Load(moved, place) * scale, Real.Load(x, place)));
        }
    }
}
