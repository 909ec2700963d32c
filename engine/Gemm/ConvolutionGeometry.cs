namespace Deat.Engine;

/// <summary>
/// The extents of a 2-D convolution and its three contractions. With input pixel h = p * stride - padding + r:
/// <code>
/// y[n,k,p,q]  = sum over c r s of x[n,c,h,w] * w[k,c,r,s]
/// dx[n,c,h,w] = sum over k and all (p, r), (q, s) that meet at (h, w) of dy[n,k,p,q] * w[k,c,r,s]
/// dw[k,c,r,s] = sum over n p q of x[n,c,h,w] * dy[n,k,p,q]
/// </code>
/// </summary>
internal sealed record ConvolutionGeometry
{
    private const int PanelBytes = 256 * 1024;

    public ConvolutionGeometry(Layout x, Shape weights, int stride, int padding, DeviceTraits traits)
    {
        (X, Weights, Stride, Padding, Traits) = (x, weights, stride, padding, traits);
        int p = (x.Shape.H + (2 * padding) - weights.H) / stride;
        int q = (x.Shape.W + (2 * padding) - weights.W) / stride;
        Y = traits.LayoutFor(new Shape(x.Shape.N, weights.N, p + 1, q + 1));
    }

    public Layout X { get; }

    public Layout Y { get; }

    public Shape Weights { get; }

    public int Stride { get; }

    public int Padding { get; }

    public DeviceTraits Traits { get; }

    /// <summary>Floating-point operations of each of the three directions.</summary>
    public long Flops => 2L * Y.Shape.Count * Weights.C * Weights.Pixels;

    /// <summary>Bytes that each direction must touch: two activations' worth and the weights, at <paramref name="size"/> bytes.</summary>
    public long Bytes(int size) => (X.Shape.Count + Y.Shape.Count + Weights.Count) * size;

    /// <summary>Whether the tiles can read all padding from the borders of x and dy.</summary>
    public bool FitsBorders => Padding <= X.Border
        && Reach(X.Shape.H, Weights.H, Y.Shape.H) && Reach(X.Shape.W, Weights.W, Y.Shape.W);

    /// <summary>Whether the weight gradient can take dy as whole tiles of columns.</summary>
    public bool HasWholeTiles => Weights.N % ContractionTile.Columns == 0;

    /// <summary>Rows are output pixels, columns filters; weights come packed for all taps.</summary>
    public Contraction Forward() => new Contraction
    {
        Rows = Y.Shape.N * Y.Shape.Pixels,
        RowCount1 = Y.Shape.H,
        RowCount2 = 1,
        RowCount3 = Y.Shape.W,
        XRow0 = X.ImageStride,
        XRow1 = Stride * X.RowStride,
        XRow3 = Stride * X.ColumnStride,
        XOrigin = X.Origin - (Padding * (X.RowStride + X.ColumnStride)),
        ORow0 = Y.ImageStride,
        ORow1 = Y.RowStride,
        ORow3 = Y.ColumnStride,
        OOrigin = Y.Origin,
        K0 = X.Blocks,
        K1 = Weights.H,
        K2 = Weights.W,
        K3 = X.Block,
        K0PerSplit = X.Blocks,
        XK0 = X.BlockStride,
        XK1 = X.RowStride,
        XK2 = X.ColumnStride,
        XK3 = 1,
        YK0 = Weights.Pixels * X.Block * ContractionTile.Columns,
        YK1 = Weights.W * X.Block * ContractionTile.Columns,
        YK2 = X.Block * ContractionTile.Columns,
        YK3 = ContractionTile.Columns,
        Columns = Weights.N,
        YTile = Weights.Pixels * Weights.C * ContractionTile.Columns,
        OTile = TileStride(Y),
    }.Scheduled(Traits, PanelRows(X, Y.Shape.Pixels));

    /// <summary>
    /// Rows are input pixels, contracted over the filters and the taps that reach them. With a stride, pixels of one parity
    /// (h mod stride, w mod stride) meet the same taps: one contraction each, without wasted work.
    /// </summary>
    public IEnumerable<Contraction> InputGradient() =>
        from row in Enumerable.Range(0, Math.Min(Stride, X.Shape.H))
        from column in Enumerable.Range(0, Math.Min(Stride, X.Shape.W))
        select InputGradient(row, column);

    private Contraction InputGradient(int rowParity, int columnParity)
    {
        int r0 = (rowParity + Padding) % Stride, s0 = (columnParity + Padding) % Stride;
        int rCount = Count(Weights.H, r0), sCount = Count(Weights.W, s0);
        int p0 = (rowParity + Padding - r0) / Stride;
        int q0 = (columnParity + Padding - s0) / Stride;
        int rows = Count(X.Shape.H, rowParity), columns = Count(X.Shape.W, columnParity);
        return new Contraction
        {
            Rows = X.Shape.N * rows * columns,
            RowCount1 = rows,
            RowCount2 = 1,
            RowCount3 = columns,
            XRow0 = Y.ImageStride,
            XRow1 = Y.RowStride,
            XRow3 = Y.ColumnStride,
            XOrigin = Y.Origin + (p0 * Y.RowStride) + (q0 * Y.ColumnStride),
            ORow0 = X.ImageStride,
            ORow1 = Stride * X.RowStride,
            ORow3 = Stride * X.ColumnStride,
            OOrigin = X.Origin + (rowParity * X.RowStride) + (columnParity * X.ColumnStride),
            K0 = Y.Blocks,
            K1 = rCount,
            K2 = sCount,
            K3 = Y.Block,
            K0PerSplit = Y.Blocks,
            XK0 = Y.BlockStride,
            XK1 = -Y.RowStride,
            XK2 = -Y.ColumnStride,
            XK3 = 1,
            YK0 = Weights.Pixels * Y.Block * ContractionTile.Columns,
            YK1 = sCount * Y.Block * ContractionTile.Columns,
            YK2 = Y.Block * ContractionTile.Columns,
            YK3 = ContractionTile.Columns,
            Columns = Weights.C,
            YOrigin = TapsBefore(r0, s0) * Y.Block * ContractionTile.Columns,
            YTile = Weights.Pixels * Weights.N * ContractionTile.Columns,
            OTile = TileStride(X),
        }.Scheduled(Traits, PanelRows(Y, Math.Max(1, rows * columns)));
    }

    /// <summary>Rows are (channel, tap) pairs, columns filters, contracted over images and pixels in splits of whole images.</summary>
    public Contraction WeightGradient()
    {
        // Splits of equal size, about a panel each: a small one at the end would cost a whole partial sum.
        long bytes = (X.BlockStride + (ContractionTile.Columns * Y.BlockStride / Y.Block)) * sizeof(float) * (long)X.Shape.N;
        int splits = (int)Math.Clamp((bytes + (PanelBytes / 2)) / PanelBytes, 1, X.Shape.N);
        return new Contraction
        {
            Rows = Weights.C * Weights.Pixels,
            RowCount1 = Weights.H,
            RowCount2 = Weights.W,
            RowCount3 = X.Block,
            XRow0 = X.BlockStride,
            XRow1 = X.RowStride,
            XRow2 = X.ColumnStride,
            XRow3 = 1,
            XOrigin = X.Origin - (Padding * (X.RowStride + X.ColumnStride)),
            ORow0 = Weights.Pixels * X.Block * ContractionTile.Columns,
            ORow1 = Weights.W * X.Block * ContractionTile.Columns,
            ORow2 = X.Block * ContractionTile.Columns,
            ORow3 = ContractionTile.Columns,
            K0 = X.Shape.N,
            K1 = 1,
            K2 = Y.Shape.H,
            K3 = Y.Shape.W,
            K0PerSplit = (X.Shape.N + splits - 1) / splits,
            XK0 = X.ImageStride,
            XK2 = Stride * X.RowStride,
            XK3 = Stride * X.ColumnStride,
            YK0 = Y.ImageStride,
            YK2 = Y.RowStride,
            YK3 = Y.ColumnStride,
            YOrigin = Y.Origin,
            Columns = Weights.N,
            YTile = TileStride(Y),
            OTile = (int)(Weights.C * Weights.Pixels) * ContractionTile.Columns,
            OSplit = (int)Weights.Count,
        }.Scheduled(Traits, Weights.C * Weights.Pixels);
    }

    // From one tile of 16 channels to the next: a block where blocks are tiles, 16 elements where all channels lie side by side.
    private static int TileStride(Layout layout) =>
        layout.Block == ContractionTile.Columns ? layout.BlockStride : ContractionTile.Columns;

    private static int PanelRows(Layout input, int rowsPerImage) =>
        (int)Math.Max(1, (long)PanelBytes * rowsPerImage / ((long)input.ImageStride * sizeof(float)));

    // Packed taps are sorted by (r mod stride, s mod stride).
    private int TapsBefore(int r0, int s0) =>
        (Enumerable.Range(0, r0).Sum(r => Count(Weights.H, r)) * Weights.W)
        + (Count(Weights.H, r0) * Enumerable.Range(0, s0).Sum(s => Count(Weights.W, s)));

    private int Count(int extent, int first) => first < extent ? ((extent - first - 1) / Stride) + 1 : 0;

    // All p that any input pixel asks for, existing or not, must lie in dy or its border.
    private bool Reach(int input, int window, int output)
    {
        int first = FloorDivide(Padding - (window - 1), Stride);
        int last = (input - 1 + Padding) / Stride;
        return first >= -Y.Border && last <= output - 1 + Y.Border;
    }

    private static int FloorDivide(int a, int b) => a >= 0 ? a / b : -((-a + b - 1) / b);
}
