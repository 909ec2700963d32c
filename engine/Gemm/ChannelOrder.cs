using System.Diagnostics.CodeAnalysis;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// Convolutions and input gradients: rows are pixels, whose contracted channels lie side by side, and y are <see cref="TensorWeights"/>,
/// packed as the instruction wants them. Weights are its first operand and pixels the second: fragments F0 to F7 are 16 columns by 8
/// rows each, F8 to F15 the other 16 columns. Lane (g, t) brings rows 8j + g, of words 16h + 4t to + 3 in half h, and
/// holds the sums of rows 8j + 2t and + 1, columns 4g to 4g + 3.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct ChannelOrder : ITensorOrder
{
    public static ItemPlaces Places(in TensorContraction g, in TensorTask task, int perWord)
    {
        int item = Group.IdxX;
        int row = task.FirstRow + (item >> 3);
        int within = (item & 7) * perWord;
        int lower = g.YOrigin + (task.FirstColumn / TensorTile.WarpColumns * g.YTile) + item;
        int warpRow = TensorTile.WarpRow(item) + TensorTile.Group(item);
        int upper = task.FirstColumn + TensorTile.WarpColumns < g.Columns ? lower + g.YTile : lower;
        return new ItemPlaces
        {
            X0 = TensorRow.At(in g, row).X + within,
            X1 = TensorRow.At(in g, row + 16).X + within,
            X2 = TensorRow.At(in g, row + 32).X + within,
            X3 = TensorRow.At(in g, row + 48).X + within,
            X4 = TensorRow.At(in g, row + 64).X + within,
            X5 = TensorRow.At(in g, row + 80).X + within,
            X6 = TensorRow.At(in g, row + 96).X + within,
            X7 = TensorRow.At(in g, row + 112).X + within,
            Y0 = lower,
            Y1 = upper,
            XTo = TensorTile.RowChunk(item >> 3, item & 7),
            YTo = TensorTile.XChunks + item,
            XFrom = TensorTile.RowChunk(warpRow, TensorTile.Quad(item)),
            XFromNext = TensorTile.RowChunk(warpRow, 4 + TensorTile.Quad(item)),
            YFrom0 = TensorTile.XChunks + (TensorTile.WarpColumn(item) / TensorTile.WarpColumns * TensorTile.PanelChunks) + (item & 31),
        };
    }

    public static void Copy(
        ArrayView<Words4> x, ArrayView<Words4> y, ArrayView<Words4> shared, int stage, in ItemPlaces places, in TensorSlab slab)
    {
        ArrayView<Words4> from = x.SubView(slab.X - Beyond(in slab, 1)), to = shared.SubView(stage + places.XTo);
        AsyncCopy.Copy(ref to[0], ref from[places.X0], 16);
        AsyncCopy.Copy(ref to[128], ref from[places.X1], 16);
        AsyncCopy.Copy(ref to[256], ref from[places.X2], 16);
        AsyncCopy.Copy(ref to[384], ref from[places.X3], 16);
        AsyncCopy.Copy(ref to[512], ref from[places.X4], 16);
        AsyncCopy.Copy(ref to[640], ref from[places.X5], 16);
        AsyncCopy.Copy(ref to[768], ref from[places.X6], 16);
        AsyncCopy.Copy(ref to[896], ref from[places.X7], 16);
        CopyWeights(y, shared, stage, in places, in slab);
    }

    public static LoadedChunks Load(
        ArrayView<Words4> x, ArrayView<Words4> y, ArrayView<Words4> shared, int stage, in TensorContraction g,
        in ItemPlaces places, in TensorSlab slab, int half)
    {
        LoadedChunks chunks = default;
        ArrayView<Words4> from = x.SubView(slab.X - Beyond(in slab, 2));
        (chunks.P0, chunks.Q0) = LoadPair(from, half == 0 ? places.X0 : places.X4);
        (chunks.P1, chunks.Q1) = LoadPair(from, half == 0 ? places.X1 : places.X5);
        (chunks.P2, chunks.Q2) = LoadPair(from, half == 0 ? places.X2 : places.X6);
        (chunks.P3, chunks.Q3) = LoadPair(from, half == 0 ? places.X3 : places.X7);
        if (half == 0)
            CopyWeights(y, shared, stage, in places, in slab);
        return chunks;
    }

    public static void Store<TPrecision>(ArrayView<Words4> shared, int stage, in ItemPlaces places, in LoadedChunks chunks, int half)
        where TPrecision : unmanaged, ITensorPrecision
    {
        ArrayView<Words4> to = shared.SubView(stage + places.XTo);
        int at = half * 512;
        to[at] = Pack<TPrecision>(chunks.P0, chunks.Q0);
        to[at + 128] = Pack<TPrecision>(chunks.P1, chunks.Q1);
        to[at + 256] = Pack<TPrecision>(chunks.P2, chunks.Q2);
        to[at + 384] = Pack<TPrecision>(chunks.P3, chunks.Q3);
    }

    public static WarpTile Multiply<TPrecision>(WarpTile c, ArrayView<Words4> shared, int stage, in ItemPlaces places, int half)
        where TPrecision : unmanaged, ITensorPrecision
    {
        ArrayView<Words4> x = shared.SubView(stage + (half == 0 ? places.XFrom : places.XFromNext));
        ArrayView<Words4> y = shared.SubView(stage + places.YFrom0);
        int at = half * 128;
        Words4 x0 = x[0], x1 = x[64], x2 = x[128], x3 = x[192], x4 = x[256], x5 = x[320], x6 = x[384], x7 = x[448];
        LeftWords w = new() { M0 = y[at], M1 = y[at + 32] };
        RightWords pixels = new RightWords
        {
            M0 = new Words2 { A = x0.A, B = x0.B },
            M1 = new Words2 { A = x1.A, B = x1.B },
            M2 = new Words2 { A = x2.A, B = x2.B },
            M3 = new Words2 { A = x3.A, B = x3.B },
            M4 = new Words2 { A = x4.A, B = x4.B },
            M5 = new Words2 { A = x5.A, B = x5.B },
            M6 = new Words2 { A = x6.A, B = x6.B },
            M7 = new Words2 { A = x7.A, B = x7.B },
        };
        c = TPrecision.Multiply(c, w, pixels, 8);
        w = new() { M0 = y[at + 64], M1 = y[at + 96] };
        pixels = new RightWords
        {
            M0 = new Words2 { A = x0.C, B = x0.D },
            M1 = new Words2 { A = x1.C, B = x1.D },
            M2 = new Words2 { A = x2.C, B = x2.D },
            M3 = new Words2 { A = x3.C, B = x3.D },
            M4 = new Words2 { A = x4.C, B = x4.D },
            M5 = new Words2 { A = x5.C, B = x5.D },
            M6 = new Words2 { A = x6.C, B = x6.D },
            M7 = new Words2 { A = x7.C, B = x7.D },
        };
        return TPrecision.Multiply(c, w, pixels, 8);
    }

    public static void Put(ArrayView<Words4> output, in TensorContraction g, in TensorTask task, in WarpTile c)
    {
        int item = Group.IdxX;
        int column = task.FirstColumn + TensorTile.WarpColumn(item) + (TensorTile.Group(item) * 4);
        if (column >= g.Columns)
            return;
        int place = ((column >> 4) * g.OTile) + (column & 15) + (task.Split * g.OSplit);
        int row = task.FirstRow + TensorTile.WarpRow(item) + (TensorTile.Quad(item) * 2);
        Put(output, in g, place, row, c.F0, c.F8);
        Put(output, in g, place, row + 8, c.F1, c.F9);
        Put(output, in g, place, row + 16, c.F2, c.F10);
        Put(output, in g, place, row + 24, c.F3, c.F11);
        Put(output, in g, place, row + 32, c.F4, c.F12);
        Put(output, in g, place, row + 40, c.F5, c.F13);
        Put(output, in g, place, row + 48, c.F6, c.F14);
        Put(output, in g, place, row + 56, c.F7, c.F15);
    }

    // Columns 4g and 4g + 1 are rows g and g + 8 of the first fragment, 4g + 2 and + 3 of the second.
    private static void Put(ArrayView<Words4> output, in TensorContraction g, int place, int row, Fragment c, Fragment d)
    {
        if (row < g.Rows)
            Real.Store(output, (place + TensorRow.At(in g, row).O) >> 2, Bits(c.C0, c.C2, d.C0, d.C2));
        if (row + 1 < g.Rows)
            Real.Store(output, (place + TensorRow.At(in g, row + 1).O) >> 2, Bits(c.C1, c.C3, d.C1, d.C3));
    }

    private static Words4 Bits(float a, float b, float c, float d) => new()
    {
        A = (int)Interop.FloatAsInt(a),
        B = (int)Interop.FloatAsInt(b),
        C = (int)Interop.FloatAsInt(c),
        D = (int)Interop.FloatAsInt(d),
    };

    private static Words4 Pack<TPrecision>(Words4 p, Words4 q)
        where TPrecision : unmanaged, ITensorPrecision => new()
        {
            A = TPrecision.Pack(p.A, p.B),
            B = TPrecision.Pack(p.C, p.D),
            C = TPrecision.Pack(q.A, q.B),
            D = TPrecision.Pack(q.C, q.D),
        };

    // A stage has two panels, which lie one after the other; item copies chunks item and item + 128 of each.
    private static void CopyWeights(
        ArrayView<Words4> y, ArrayView<Words4> shared, int stage, in ItemPlaces places, in TensorSlab slab)
    {
        ArrayView<Words4> from = y.SubView(slab.Y), to = shared.SubView(stage + places.YTo);
        AsyncCopy.Copy(ref to[0], ref from[places.Y0], 16);
        AsyncCopy.Copy(ref to[128], ref from[places.Y0 + 128], 16);
        AsyncCopy.Copy(ref to[256], ref from[places.Y1], 16);
        AsyncCopy.Copy(ref to[384], ref from[places.Y1 + 128], 16);
    }

    private static (Words4 First, Words4 Second) LoadPair(ArrayView<Words4> view, int index) =>
        (Real.Load(view, index), Real.Load(view, index + 1));

    // Weights of channels that do not exist are zero; any number of the same pixel does, but not one of another pixel, which may be NaN.
    private static int Beyond(in TensorSlab slab, int perWord)
    {
        int chunk = Group.IdxX & 7;
        return chunk * 4 * perWord < slab.Limit ? 0 : chunk * perWord;
    }
}
