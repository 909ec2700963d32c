using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// Weight gradients: rows are channels at one tap, columns are filters, both side by side at one pixel, over which is contracted. Rows are
/// the first operand: fragment F(4i + j) is rows 16i to + 15 by columns 8j to + 7. Lane (g, t) brings rows 16i + 2g and + 1 and
/// columns 8j + g, of words t and t + 4 of each step, and holds the sums of these rows, columns 8j + 2t and + 1.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct PixelOrder : ITensorOrder
{
    // Item i copies chunk i % 32 of words i / 32 + 4n of x, and chunk i % 16 of y: of words i / 16 + 8n, or, where it packs pairs, of words
    // t and t + 4 of steps i / 64 + 2n, with t = i / 16 % 4.
    public static ItemPlaces Places(in TensorContraction g, in TensorTask task, int perWord)
    {
        int item = Group.IdxX;
        int x = TensorRow.At(in g, task.FirstRow + ((item & 31) * 4)).X;
        int column = task.FirstColumn + ((item & 15) * 4);
        column = column < g.Columns ? column : 0;
        int y = g.YOrigin + ((column >> 4) * g.YTile) + (item & 3);
        int word = item >> 5;
        int yWord = perWord == 1 ? item >> 4 : ((item >> 6) * TensorTile.StepWords) + ((item >> 4) & 3);
        int yStep = perWord == 1 ? 8 : 4;
        ItemPlaces places = perWord == 1 ? WordPlaces(item) : PairPlaces(item);
        places.X0 = x + g.XBox(perWord * word);
        places.X1 = x + g.XBox(perWord * (word + 4));
        places.X2 = x + g.XBox(perWord * (word + 8));
        places.X3 = x + g.XBox(perWord * (word + 12));
        places.X4 = x + g.XBox(perWord * (word + 16));
        places.X5 = x + g.XBox(perWord * (word + 20));
        places.X6 = x + g.XBox(perWord * (word + 24));
        places.X7 = x + g.XBox(perWord * (word + 28));
        places.Y0 = y + g.YBox(perWord * yWord);
        places.Y1 = y + g.YBox(perWord * (yWord + yStep));
        places.Y2 = y + g.YBox(perWord * (yWord + 16));
        places.Y3 = y + g.YBox(perWord * (yWord + 16 + yStep));
        places.XFirst = x;
        places.YZero = column >> 2;
        return places;
    }

    public static void Copy(
        ArrayView<Words4> x, ArrayView<Words4> y, ArrayView<Words4> shared, int stage, in ItemPlaces places, in TensorSlab slab)
    {
        int left = slab.Limit - (Group.IdxX >> 5);
        ArrayView<Words4> from = x.SubView(slab.X), to = shared.SubView(stage + places.XTo);
        AsyncCopy.Copy(ref to[0], ref from[places.X0], left > 0 ? 16 : 0);
        AsyncCopy.Copy(ref to[128], ref from[places.X1], left > 4 ? 16 : 0);
        AsyncCopy.Copy(ref to[256], ref from[places.X2], left > 8 ? 16 : 0);
        AsyncCopy.Copy(ref to[384], ref from[places.X3], left > 12 ? 16 : 0);
        AsyncCopy.Copy(ref to[512], ref from[places.X4], left > 16 ? 16 : 0);
        AsyncCopy.Copy(ref to[640], ref from[places.X5], left > 20 ? 16 : 0);
        AsyncCopy.Copy(ref to[768], ref from[places.X6], left > 24 ? 16 : 0);
        AsyncCopy.Copy(ref to[896], ref from[places.X7], left > 28 ? 16 : 0);
        left = slab.Limit - (Group.IdxX >> 4);
        from = y.SubView(slab.Y);
        to = shared.SubView(stage + places.YTo);
        AsyncCopy.Copy(ref to[0], ref from[places.Y0], left > 0 ? 16 : 0);
        AsyncCopy.Copy(ref to[128], ref from[places.Y1], left > 8 ? 16 : 0);
        AsyncCopy.Copy(ref to[256], ref from[places.Y2], left > 16 ? 16 : 0);
        AsyncCopy.Copy(ref to[384], ref from[places.Y3], left > 24 ? 16 : 0);
    }

    public static LoadedChunks Load(
        ArrayView<Words4> x, ArrayView<Words4> y, ArrayView<Words4> shared, int stage, in TensorContraction g,
        in ItemPlaces places, in TensorSlab slab, int half)
    {
        ArrayView<Words4> from = x.SubView(slab.X), next = x.SubView(slab.X + g.XNext);
        int left = slab.Limit - (half * 32) - ((Group.IdxX >> 5) * 2);
        LoadedChunks chunks = default;
        (chunks.P0, chunks.Q0) = LoadPair(from, next, left > 0 ? (half == 0 ? places.X0 : places.X4) : places.XFirst);
        (chunks.P1, chunks.Q1) = LoadPair(from, next, left > 8 ? (half == 0 ? places.X1 : places.X5) : places.XFirst);
        (chunks.P2, chunks.Q2) = LoadPair(from, next, left > 16 ? (half == 0 ? places.X2 : places.X6) : places.XFirst);
        (chunks.P3, chunks.Q3) = LoadPair(from, next, left > 24 ? (half == 0 ? places.X3 : places.X7) : places.XFirst);
        left = slab.Limit - (half * 32) - ((Group.IdxX >> 6) * 16) - (((Group.IdxX >> 4) & 3) * 2);
        next = y.SubView(g.YNext);
        (chunks.Y0, chunks.Z0) = LoadPair(y, next, left > 0 ? slab.Y + (half == 0 ? places.Y0 : places.Y2) : places.YZero);
        (chunks.Y1, chunks.Z1) = LoadPair(y, next, left > 8 ? slab.Y + (half == 0 ? places.Y1 : places.Y3) : places.YZero);
        return chunks;
    }

    public static void Store<TPrecision>(ArrayView<Words4> shared, int stage, in ItemPlaces places, in LoadedChunks chunks, int half)
        where TPrecision : unmanaged, ITensorPrecision
    {
        ArrayView<Words4> first = shared.SubView(stage + places.XTo), second = shared.SubView(stage + places.XToNext);
        int at = half * 512;
        (first[at], second[at]) = Rows(Pack<TPrecision>(chunks.P0, chunks.Q0), Pack<TPrecision>(chunks.P1, chunks.Q1));
        (first[at + 256], second[at + 256]) = Rows(Pack<TPrecision>(chunks.P2, chunks.Q2), Pack<TPrecision>(chunks.P3, chunks.Q3));
        (first, second) = (shared.SubView(stage + places.YTo), shared.SubView(stage + places.YToNext));
        at = half * 256;
        (first[at], second[at]) = Columns(Pack<TPrecision>(chunks.Y0, chunks.Z0), Pack<TPrecision>(chunks.Y1, chunks.Z1));
    }

    public static WarpTile Multiply<TPrecision>(WarpTile c, ArrayView<Words4> shared, int stage, in ItemPlaces places, int half)
        where TPrecision : unmanaged, ITensorPrecision => TPrecision.PerWord == 1
            ? MultiplyWords<TPrecision>(c, shared, stage, in places, half)
            : MultiplyPairs<TPrecision>(c, shared, stage, in places, half);

    public static void Put(ArrayView<Words4> output, in TensorContraction g, in TensorTask task, in WarpTile c)
    {
        int item = Group.IdxX;
        int row = task.FirstRow + TensorTile.WarpRow(item) + (TensorTile.Group(item) * 2);
        int column = task.FirstColumn + TensorTile.WarpColumn(item) + (TensorTile.Quad(item) * 2);
        ArrayView<Words2> pairs = output.Cast<Words2>();
        PutRows(pairs, in g, in task, row, column, c.F0, c.F1, c.F2, c.F3);
        PutRows(pairs, in g, in task, row + 16, column, c.F4, c.F5, c.F6, c.F7);
        PutRows(pairs, in g, in task, row + 32, column, c.F8, c.F9, c.F10, c.F11);
        PutRows(pairs, in g, in task, row + 48, column, c.F12, c.F13, c.F14, c.F15);
    }

    private static void PutRows(
        ArrayView<Words2> output, in TensorContraction g, in TensorTask task, int row, int column,
        Fragment c, Fragment d, Fragment e, Fragment f)
    {
        if (row >= g.Rows)
            return;
        int upper = TensorRow.At(in g, row).O + (task.Split * g.OSplit);
        int lower = TensorRow.At(in g, row + 1).O + (task.Split * g.OSplit);
        PutColumns(output, in g, upper, lower, column, c);
        PutColumns(output, in g, upper, lower, column + 8, d);
        PutColumns(output, in g, upper, lower, column + 16, e);
        PutColumns(output, in g, upper, lower, column + 24, f);
    }

    private static void PutColumns(ArrayView<Words2> output, in TensorContraction g, int upper, int lower, int column, Fragment c)
    {
        if (column >= g.Columns)
            return;
        int place = ((column >> 4) * g.OTile) + (column & 15);
        Real.Store(output, (upper + place) >> 1, new Words2 { A = (int)Interop.FloatAsInt(c.C0), B = (int)Interop.FloatAsInt(c.C1) });
        Real.Store(output, (lower + place) >> 1, new Words2 { A = (int)Interop.FloatAsInt(c.C2), B = (int)Interop.FloatAsInt(c.C3) });
    }

    // Words as they are copied: in words of y and in pairs of words of x.
    private static ItemPlaces WordPlaces(int item)
    {
        int quad = TensorTile.Quad(item);
        int row = TensorTile.WarpRow(item) + (TensorTile.Group(item) * 2);
        int column = TensorTile.WarpColumn(item) + TensorTile.Group(item);
        return new()
        {
            XTo = TensorTile.WordChunk(item >> 5, item & 31),
            YTo = TensorTile.ColumnChunk(item >> 4, item & 15),
            XFrom = (TensorTile.WordChunk(quad, row >> 2) * 2) + ((row & 3) >> 1),
            XFromNext = (TensorTile.WordChunk(quad, (row >> 2) + 4) * 2) + ((row & 3) >> 1),
            YFrom0 = (TensorTile.ColumnChunk(quad, column >> 2) * 4) + (column & 3),
            YFrom1 = (TensorTile.ColumnChunk(quad, (column >> 2) + 2) * 4) + (column & 3),
            YFrom2 = (TensorTile.ColumnChunk(quad, (column >> 2) + 4) * 4) + (column & 3),
            YFrom3 = (TensorTile.ColumnChunk(quad, (column >> 2) + 6) * 4) + (column & 3),
        };
    }

    // Words t and t + 4 side by side: in pairs of words of y.
    private static ItemPlaces PairPlaces(int item)
    {
        int quad = TensorTile.Quad(item);
        int x = (TensorTile.WarpRow(item) / 2) + TensorTile.Group(item);
        int y = TensorTile.WarpColumn(item) + TensorTile.Group(item);
        return new()
        {
            XTo = TensorTile.RowPair(0, item >> 5, (item & 31) * 2),
            XToNext = TensorTile.RowPair(0, item >> 5, ((item & 31) * 2) + 1),
            YTo = TensorTile.ColumnPair(item >> 6, (item >> 4) & 3, (item & 15) * 2),
            YToNext = TensorTile.ColumnPair(item >> 6, (item >> 4) & 3, ((item & 15) * 2) + 1),
            XFrom = TensorTile.RowPair(0, quad, x),
            XFromNext = TensorTile.RowPair(0, quad, x + 8),
            YFrom0 = (TensorTile.ColumnPair(0, quad, y >> 1) * 2) + (y & 1),
            YFrom1 = (TensorTile.ColumnPair(0, quad, (y >> 1) + 4) * 2) + (y & 1),
            YFrom2 = (TensorTile.ColumnPair(0, quad, (y >> 1) + 8) * 2) + (y & 1),
            YFrom3 = (TensorTile.ColumnPair(0, quad, (y >> 1) + 12) * 2) + (y & 1),
        };
    }

    // From one word to the next there are 64 pairs of x, and 64 words of y; all words of a lane have the same swizzle.
    private static WarpTile MultiplyWords<TPrecision>(WarpTile c, ArrayView<Words4> shared, int stage, in ItemPlaces places, int half)
        where TPrecision : unmanaged, ITensorPrecision
    {
        ArrayView<Words2> x = shared.Cast<Words2>().SubView(stage * 2);
        ArrayView<int> y = shared.Cast<int>().SubView(stage * 4);
        ArrayView<Words2> even = x.SubView(places.XFrom), odd = x.SubView(places.XFromNext);
        ArrayView<int> y0 = y.SubView(places.YFrom0), y1 = y.SubView(places.YFrom1);
        ArrayView<int> y2 = y.SubView(places.YFrom2), y3 = y.SubView(places.YFrom3);
        int at = half * 1024;
        LeftWords a = new() { M0 = Left(even, at), M1 = Left(odd, at), M2 = Left(even, at + 16), M3 = Left(odd, at + 16) };
        RightWords b = new() { M0 = Right(y0, at), M1 = Right(y1, at), M2 = Right(y2, at), M3 = Right(y3, at) };
        c = TPrecision.Multiply(c, a, b, 4);
        at += 512;
        a = new() { M0 = Left(even, at), M1 = Left(odd, at), M2 = Left(even, at + 16), M3 = Left(odd, at + 16) };
        b = new() { M0 = Right(y0, at), M1 = Right(y1, at), M2 = Right(y2, at), M3 = Right(y3, at) };
        return TPrecision.Multiply(c, a, b, 4);
    }

    private static WarpTile MultiplyPairs<TPrecision>(WarpTile c, ArrayView<Words4> shared, int stage, in ItemPlaces places, int half)
        where TPrecision : unmanaged, ITensorPrecision
    {
        ArrayView<Words4> x = shared.SubView(stage);
        ArrayView<Words2> y = shared.Cast<Words2>().SubView(stage * 2);
        ArrayView<Words4> even = x.SubView(places.XFrom), odd = x.SubView(places.XFromNext);
        ArrayView<Words2> y0 = y.SubView(places.YFrom0), y1 = y.SubView(places.YFrom1);
        ArrayView<Words2> y2 = y.SubView(places.YFrom2), y3 = y.SubView(places.YFrom3);
        int at = half * 512;
        LeftWords a = new() { M0 = even[at], M1 = odd[at], M2 = even[at + 16], M3 = odd[at + 16] };
        RightWords b = new() { M0 = y0[at], M1 = y1[at], M2 = y2[at], M3 = y3[at] };
        c = TPrecision.Multiply(c, a, b, 4);
        at += 256;
        a = new() { M0 = even[at], M1 = odd[at], M2 = even[at + 16], M3 = odd[at + 16] };
        b = new() { M0 = y0[at], M1 = y1[at], M2 = y2[at], M3 = y3[at] };
        return TPrecision.Multiply(c, a, b, 4);
    }

    private static Words4 Left(ArrayView<Words2> x, int place)
    {
        Words2 a = x[place], b = x[place + 256];
        return new() { A = a.A, B = a.B, C = b.A, D = b.B };
    }

    private static Words2 Right(ArrayView<int> y, int place) => new() { A = y[place], B = y[place + 256] };

    private static (Words4 First, Words4 Second) LoadPair(ArrayView<Words4> view, ArrayView<Words4> next, int index) =>
        (Real.Load(view, index), Real.Load(next, index));

    // Two rows at word t, the same at t + 4.
    private static (Words4 First, Words4 Second) Rows(Words4 t, Words4 u) =>
        (new() { A = t.A, B = t.B, C = u.A, D = u.B }, new() { A = t.C, B = t.D, C = u.C, D = u.D });

    // A column at words t and t + 4, the same of the next column.
    private static (Words4 First, Words4 Second) Columns(Words4 t, Words4 u) =>
        (new() { A = t.A, B = u.A, C = t.B, D = u.B }, new() { A = t.C, B = u.C, C = t.D, D = u.D });

    private static Words4 Pack<TPrecision>(Words4 p, Words4 q)
        where TPrecision : unmanaged, ITensorPrecision => new()
        {
            A = TPrecision.Pack(p.A, q.A),
            B = TPrecision.Pack(p.B, q.B),
            C = TPrecision.Pack(p.C, q.C),
            D = TPrecision.Pack(p.D, q.D),
        };
}
