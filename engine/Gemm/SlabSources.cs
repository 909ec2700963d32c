using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// What one work-item does to bring slabs of x into shared memory: up to eight elements a slab, at places that depend on how x lies in
/// memory. It also walks the quad of y that the item brings, since both are of the same contracted place where y has no simple order.
/// </summary>
internal interface ISlabSource<TSelf>
    where TSelf : unmanaged, ISlabSource<TSelf>
{
    /// <summary>Whether the last slab of a split may have fewer places; the others are zeros then.</summary>
    static abstract bool TakesPartialSlabs { get; }

    /// <summary>The place of the quad of y.</summary>
    int Y { get; }

    /// <summary>
    /// For a tile that begins at <paramref name="row"/> and the slab at <paramref name="k"/>; at contracted place 0, the quad of y
    /// lies at <paramref name="y"/>.
    /// </summary>
    static abstract TSelf At(in Contraction g, int row, int k, int y, int item, int items);

    /// <summary>The same in the next slab.</summary>
    TSelf Next(in Contraction g, in GroupSchedule schedule);

    /// <summary>Whether the item's elements of a slab exist, from which on <paramref name="left"/> places are left.</summary>
    bool Exists(int left);

    Lane8<T> Load<T>(ArrayView<T> x, int items)
        where T : unmanaged, INumber<T>;

    void Store<T>(ArrayView<Quad<T>> slab, Lane8<T> values, int items)
        where T : unmanaged, INumber<T>;
}

/// <summary>A source that brings quads, to groups of any width.</summary>
internal interface IQuadSource;

/// <summary>
/// Quads along the contracted places, where those lie side by side in x and follow one another in y at equal distances: activations
/// with packed weights.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct AlongPlaces : ISlabSource<AlongPlaces>, IQuadSource
{
    private SlabCursor _cursor;

    private int _toSecond, _target;

    public static bool TakesPartialSlabs => false;

    public int Y { readonly get; private set; }

    public static AlongPlaces At(in Contraction g, int row, int k, int y, int item, int items)
    {
        int place = (item & 1) * Quad<float>.Width;
        int first = GroupTile.RowPlace(in g, row + (item >> 1));
        SlabCursor cursor = SlabCursor.At(in g, k + place);
        cursor.X += first;
        return new AlongPlaces
        {
            _cursor = cursor,
            _toSecond = GroupTile.RowPlace(in g, row + (item >> 1) + (items >> 1)) - first,
            _target = (place * GroupTile.Rows) + GroupTile.Swizzled(item >> 1, place),
            Y = y + SlabCursor.At(in g, k).Y + (item / (items / GroupTile.Slab) * g.YK3),
        };
    }

    public readonly AlongPlaces Next(in Contraction g, in GroupSchedule schedule)
    {
        AlongPlaces next = this;
        next._cursor = _cursor.Next(in g, in schedule);
        next.Y = Y + (GroupTile.Slab * g.YK3);
        return next;
    }

    public readonly bool Exists(int left) => left > 0;

    public readonly Lane8<T> Load<T>(ArrayView<T> x, int items)
        where T : unmanaged, INumber<T> => GroupTile.LoadQuads(x.Cast<Quad<T>>(), _cursor.X, _toSecond, items);

    public readonly void Store<T>(ArrayView<Quad<T>> slab, Lane8<T> values, int items)
        where T : unmanaged, INumber<T>
    {
        ArrayView<T> target = slab.Cast<T>().SubView(_target);
        target[0] = values.A;
        target[GroupTile.Rows] = values.B;
        target[2 * GroupTile.Rows] = values.C;
        target[3 * GroupTile.Rows] = values.D;
        if (items < GroupTile.SlabQuads)
        {
            target[items >> 1] = values.E;
            target[GroupTile.Rows + (items >> 1)] = values.F;
            target[(2 * GroupTile.Rows) + (items >> 1)] = values.G;
            target[(3 * GroupTile.Rows) + (items >> 1)] = values.H;
        }
    }
}

/// <summary>Quads along the rows, where those lie side by side in x: the weight gradient.</summary>
[ExcludeFromCodeCoverage]
internal struct AlongRows : ISlabSource<AlongRows>, IQuadSource
{
    private SlabCursor _cursor;

    private int _toSecond, _target;

    public static bool TakesPartialSlabs => false;

    public readonly int Y => _cursor.Y;

    public static AlongRows At(in Contraction g, int row, int k, int y, int item, int items)
    {
        int itemsPerPlace = items / GroupTile.Slab;
        int place = item / itemsPerPlace;
        int first = item % itemsPerPlace * Quad<float>.Width;
        int x = GroupTile.QuadPlace(in g, row + first);
        SlabCursor cursor = SlabCursor.At(in g, k + place);
        cursor.X += x;
        cursor.Y += y;
        return new AlongRows
        {
            _cursor = cursor,
            _toSecond = GroupTile.QuadPlace(in g, row + first + (itemsPerPlace * Quad<float>.Width)) - x,
            _target = (place * GroupTile.RowQuads) + (GroupTile.Swizzled(first, place) / Quad<float>.Width),
        };
    }

    public readonly AlongRows Next(in Contraction g, in GroupSchedule schedule)
    {
        AlongRows next = this;
        next._cursor = _cursor.Next(in g, in schedule);
        return next;
    }

    public readonly bool Exists(int left) => left > 0;

    public readonly Lane8<T> Load<T>(ArrayView<T> x, int items)
        where T : unmanaged, INumber<T> => GroupTile.LoadQuads(x.Cast<Quad<T>>(), _cursor.X, _toSecond, items);

    public readonly void Store<T>(ArrayView<Quad<T>> slab, Lane8<T> values, int items)
        where T : unmanaged, INumber<T>
    {
        ArrayView<Quad<T>> target = slab.SubView(_target);
        target[0] = new Quad<T> { A = values.A, B = values.B, C = values.C, D = values.D };
        if (items < GroupTile.SlabQuads)
            target[items / GroupTile.Slab] = new Quad<T> { A = values.E, B = values.F, C = values.G, D = values.H };
    }
}

/// <summary>Single elements: any counts and distances, such as images with three channels. Eight rows an item, in narrow groups.</summary>
[ExcludeFromCodeCoverage]
internal struct Singly : ISlabSource<Singly>
{
    private SlabCursor _cursor;

    private int _to1, _to2, _to3, _to4, _to5, _to6, _to7, _place, _target;

    public static bool TakesPartialSlabs => true;

    public readonly int Y => _cursor.Y;

    public static Singly At(in Contraction g, int row, int k, int y, int item, int items)
    {
        int place = item >> 4;
        int first = row + (item & 15);
        int x = GroupTile.RowPlace(in g, first);
        SlabCursor cursor = SlabCursor.At(in g, k + place);
        cursor.X += x;
        cursor.Y += y;
        return new Singly
        {
            _cursor = cursor,
            _to1 = GroupTile.RowPlace(in g, first + 16) - x,
            _to2 = GroupTile.RowPlace(in g, first + 32) - x,
            _to3 = GroupTile.RowPlace(in g, first + 48) - x,
            _to4 = GroupTile.RowPlace(in g, first + 64) - x,
            _to5 = GroupTile.RowPlace(in g, first + 80) - x,
            _to6 = GroupTile.RowPlace(in g, first + 96) - x,
            _to7 = GroupTile.RowPlace(in g, first + 112) - x,
            _place = place,
            _target = (place * GroupTile.Rows) + GroupTile.Swizzled(item & 15, place),
        };
    }

    public readonly Singly Next(in Contraction g, in GroupSchedule schedule)
    {
        Singly next = this;
        next._cursor = _cursor.Next(in g, in schedule);
        return next;
    }

    public readonly bool Exists(int left) => left > _place;

    public readonly Lane8<T> Load<T>(ArrayView<T> x, int items)
        where T : unmanaged, INumber<T> => new()
        {
            A = Real.Load(x, _cursor.X),
            B = Real.Load(x, _cursor.X + _to1),
            C = Real.Load(x, _cursor.X + _to2),
            D = Real.Load(x, _cursor.X + _to3),
            E = Real.Load(x, _cursor.X + _to4),
            F = Real.Load(x, _cursor.X + _to5),
            G = Real.Load(x, _cursor.X + _to6),
            H = Real.Load(x, _cursor.X + _to7),
        };

    public readonly void Store<T>(ArrayView<Quad<T>> slab, Lane8<T> values, int items)
        where T : unmanaged, INumber<T>
    {
        // The exchanged halves are 16 rows.
        ArrayView<T> even = slab.Cast<T>().SubView(_target), odd = slab.Cast<T>().SubView(_target ^ 16);
        even[0] = values.A;
        odd[0] = values.B;
        even[32] = values.C;
        odd[32] = values.D;
        even[64] = values.E;
        odd[64] = values.F;
        even[96] = values.G;
        odd[96] = values.H;
    }
}
