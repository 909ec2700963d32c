namespace Deat.Engine;

/// <summary>
/// Winograd's minimal filtering F(2x2, 3x3) and F(4x4, 3x3) of a convolution with a 3x3 window, stride 1 and padding 1: each 2x2 tile of
/// outputs takes 16 products where the definition takes 36, each 4x4 tile 36 where it takes 144 (Lavin and Gray, Fast Algorithms for
/// Convolutional Neural Networks, CVPR 2016). With stride 2 a 2x2 tile takes 25: see <see cref="StridedTile"/>.
/// <code>
/// y  = A^T [sum over c of (G w G^T) * (B^T x B)] A         tiles of x as large as what the windows of a tile of y read
/// dx: the same with dy for x and the weights turned by half a circle
/// dw = G^T [sum over tiles of (B^T x B) * (A dy A^T)] G    2x2 tiles only
/// </code>
/// The matrices are those of <see cref="WinogradTile2"/>, <see cref="WinogradTile4"/>, <see cref="StridedTile"/> and
/// <see cref="StridedGradientTile"/>. The sums are contractions, one for each place of the transformed tile, in one launch of the kernel of
/// all contractions.
/// </summary>
internal static class Winograd
{
    /// <summary>
    /// Elements between one place of the tiles and the next that nobody uses: a cache line. Without it the places are a power of two apart,
    /// and all sixteen streams of a transform meet in the same few lines of the cache.
    /// </summary>
    public const int Gap = 16;

    // Of transformed tensors: they stay in the last level of the cache from one launch to the next.
    private const int PassBytes = 16 * 1024 * 1024;

    // Of a transformed gradient that a weight gradient contracts at once: it stays in the cache while all channels pass over it.
    private const int ChunkBytes = 256 * 1024;

    /// <summary>Tiles of all images, each <paramref name="pitch"/> pixels from the next both ways.</summary>
    public static int Tiles(Shape shape, int pitch) => shape.N * (shape.Pixels / (pitch * pitch));

    /// <summary>Whether these tiles compute the convolution, and they or their counterpart its input gradient.</summary>
    public static bool Fits<TTile>(ConvolutionGeometry g)
        where TTile : unmanaged, IWinogradTile =>
        g is { Weights: { H: 3, W: 3 }, Padding: 1 } && g.Stride * TTile.OutputPitch == TTile.InputPitch
        && g.X.Border == 1 && g.Y.Border == 1 && g.X.Shape.H % TTile.InputPitch == 0 && g.X.Shape.W % TTile.InputPitch == 0
        && g.Weights.C % ContractionTile.Columns == 0 && g.Weights.N % ContractionTile.Columns == 0;

    /// <summary>The sums of a convolution of <paramref name="input"/> to <paramref name="output"/>, each in one chunk.</summary>
    public static IEnumerable<Contraction> Forward(
        WinogradTiles input, WinogradTiles output, WinogradWeights weights, WinogradPlaces places, DeviceTraits traits) =>
        from part in places.Parts
        select new Contraction
        {
            Rows = part.Sharing * input.Tiles,
            RowCount1 = 1,
            RowCount2 = part.Sharing,
            RowCount3 = input.Tiles,
            XRow2 = input.ChunkStride,
            XRow3 = ContractionTile.Columns,
            XOrigin = part.First * input.ChunkStride,
            ORow2 = output.ChunkStride,
            ORow3 = ContractionTile.Columns,
            OOrigin = part.First * output.ChunkStride,
            K0 = part.Weights,
            K1 = input.Blocks,
            K2 = 1,
            K3 = ContractionTile.Columns,
            K0PerSplit = 1,
            XK0 = part.Sharing * input.ChunkStride,
            XK1 = input.Tiles * ContractionTile.Columns,
            XK3 = 1,
            YK0 = weights.PlaceStride,
            YK1 = ContractionTile.Columns * ContractionTile.Columns,
            YK3 = ContractionTile.Columns,
            YOrigin = part.FirstWeights * weights.PlaceStride,
            Columns = output.Blocks * ContractionTile.Columns,
            YTile = places.Weights * weights.PlaceStride,
            OTile = output.Tiles * ContractionTile.Columns,
            OSplit = part.Sharing * output.ChunkStride,
        }.Scheduled(traits, Math.Max(1, ChunkBytes / (input.Blocks * ContractionTile.Columns * sizeof(float))));

    /// <summary>
    /// The sums of a weight gradient, one for each place of the weights and chunk, [places * chunks, K, C] in tiles of 16 channels.
    /// </summary>
    public static IEnumerable<Contraction> WeightGradient(
        WinogradTiles x, WinogradTiles dy, WinogradPlaces places, DeviceTraits traits) =>
        from part in places.Parts
        let sums = SumsStride(x, dy)
        select new Contraction
        {
            Rows = dy.Blocks * ContractionTile.Columns,
            RowCount1 = 1,
            RowCount2 = dy.Blocks,
            RowCount3 = ContractionTile.Columns,
            XRow2 = dy.TilesPerChunk * ContractionTile.Columns,
            XRow3 = 1,
            XOrigin = part.First * dy.Chunks * dy.ChunkStride,
            ORow2 = ContractionTile.Columns * ContractionTile.Columns,
            ORow3 = ContractionTile.Columns,
            OOrigin = part.FirstWeights * x.Chunks * sums,
            K0 = part.Weights * x.Chunks,
            K1 = part.Sharing,
            K2 = 1,
            K3 = x.TilesPerChunk,
            K0PerSplit = 1,
            XK0 = part.Sharing * dy.ChunkStride,
            XK1 = dy.ChunkStride,
            XK3 = ContractionTile.Columns,
            YK0 = part.Sharing * x.ChunkStride,
            YK1 = x.ChunkStride,
            YK3 = ContractionTile.Columns,
            YOrigin = part.First * x.Chunks * x.ChunkStride,
            Columns = x.Blocks * ContractionTile.Columns,
            YTile = x.TilesPerChunk * ContractionTile.Columns,
            OTile = dy.Blocks * ContractionTile.Columns * ContractionTile.Columns,
            OSplit = sums,
        }.Scheduled(traits, dy.Blocks * ContractionTile.Columns);

    /// <summary>Elements from the sums of one place and chunk to the next.</summary>
    public static int SumsStride(WinogradTiles x, WinogradTiles dy) =>
        (x.Blocks * dy.Blocks * ContractionTile.Columns * ContractionTile.Columns) + Gap;

    /// <summary>The images, dividing all of <paramref name="x"/> and <paramref name="y"/>, that are transformed at once.</summary>
    public static int ImagesPerPass<TTile>(Shape x, Shape y)
        where TTile : unmanaged, IWinogradTile =>
        Fitting(x.N, TTile.Places.Count * (BytesPerPlace(x, TTile.InputPitch) + BytesPerPlace(y, TTile.OutputPitch)), PassBytes);

    /// <summary>
    /// The most images, dividing all, whose transformed gradient at one place fits the cache, or is half of what the sums of a chunk at
    /// that place take: many of these would be the largest tensors of a step. All of them, where places share weights and are summed at
    /// once.
    /// </summary>
    public static int ImagesPerChunk<TTile>(Shape x, Shape y, int images)
        where TTile : unmanaged, IWinogradTile => TTile.Places.Weights < TTile.Places.Count
            ? images
            : Fitting(images, BytesPerPlace(y, TTile.OutputPitch), Math.Max(ChunkBytes, x.C * y.C * sizeof(float) / 2));

    private static long BytesPerPlace(Shape shape, int pitch) => shape.C * (long)(shape.Pixels / (pitch * pitch)) * sizeof(float);

    private static int Fitting(int images, long bytesPerImage, long bytes) =>
        Enumerable.Range(1, images).Last(count => images % count == 0 && (count == 1 || count * bytesPerImage <= bytes));
}

/// <summary>
/// The places of a transformed tile, in this order: those with weights of their own, pairs that share theirs, and fours that do.
/// </summary>
/// <param name="Alone">How many have their own.</param>
/// <param name="Pairs">Pairs.</param>
/// <param name="Fours">Fours.</param>
internal readonly record struct WinogradPlaces(int Alone, int Pairs, int Fours)
{
    /// <summary>Places of inputs and outputs.</summary>
    public int Count => Alone + (2 * Pairs) + (4 * Fours);

    /// <summary>Places of the weights and of their gradient.</summary>
    public int Weights => Alone + Pairs + Fours;

    /// <summary>The parts that are there: the first place, how many share weights, and which weights from the first on.</summary>
    public IEnumerable<(int First, int Sharing, int FirstWeights, int Weights)> Parts =>
        new[] { (0, 1, 0, Alone), (Alone, 2, Alone, Pairs), (Alone + (2 * Pairs), 4, Alone + Pairs, Fours) }
            .Where(part => part.Item4 > 0);
}

/// <summary>
/// The tiles of a tensor and how they lie when transformed: [places][chunks][blocks of 16 channels][tiles of a chunk][16]. A
/// chunk is some whole images. Places in the tensor are counted in lanes of eight channels. Shared by host and kernels.
/// </summary>
internal readonly record struct WinogradTiles(
    int Places, int Pitch, int Images, int TileRows, int TileColumns, int Blocks, int TilesPerChunk, int LanesPerBlock, int Image,
    int Block, int Row, int Column, int Origin)
{
    private const int LaneWidth = 8;

    /// <summary>Tiles of so many places when transformed, <paramref name="pitch"/> pixels from the next both ways.</summary>
    public WinogradTiles(Layout tensor, int places, int pitch, int images, int imagesPerChunk)
        : this(
            places, pitch, images, tensor.Shape.H / pitch, tensor.Shape.W / pitch, tensor.Shape.C / ContractionTile.Columns,
            imagesPerChunk * (tensor.Shape.Pixels / (pitch * pitch)), tensor.Block / LaneWidth, tensor.ImageStride / LaneWidth,
            tensor.BlockStride / LaneWidth, tensor.RowStride / LaneWidth, tensor.ColumnStride / LaneWidth, tensor.Origin / LaneWidth)
    {
    }

    /// <summary>The same tiles of as many images from another one on.</summary>
    public WinogradTiles From(int image) => this with { Origin = Origin + (image * Image) };

    public int Tiles => Images * TileRows * TileColumns;

    public int Chunks => Tiles / TilesPerChunk;

    /// <summary>Elements when transformed.</summary>
    public int Length => checked(Places * Chunks * ChunkStride);

    /// <summary>Elements from one chunk to the next.</summary>
    public int ChunkStride => (Blocks * TilesPerChunk * ContractionTile.Columns) + Winograd.Gap;

    /// <summary>Work-items: one for each row of tiles of a block of an image.</summary>
    public int Items => Images * Blocks * TileRows;

    /// <summary>Lanes from one place of the transformed tile to the next.</summary>
    public int PlaceStride => Chunks * ChunkStride / LaneWidth;

    /// <summary>Where the tiles of an item begin.</summary>
    public WinogradRow RowOf(int item)
    {
        int row = item % TileRows;
        int rest = item / TileRows;
        int block = rest % Blocks;
        int image = rest / Blocks;
        int first = ((image * TileRows) + row) * TileColumns;
        int chunk = first / TilesPerChunk;
        return new WinogradRow
        {
            Tensor = Origin + (image * Image) + (Pitch * row * Row),
            FirstLane = 2 * block,
            Transformed = (chunk * ChunkStride / LaneWidth) + (2 * ((block * TilesPerChunk) + first - (chunk * TilesPerChunk))),
        };
    }

    /// <summary>Where a lane of channels lies in the image.</summary>
    public int LaneOffset(int lane) => (lane / LanesPerBlock * Block) + (lane % LanesPerBlock);
}

/// <summary>The sums of a weight gradient, [passes][places][chunks][Stride].</summary>
/// <param name="Places">Places of the weights.</param>
/// <param name="Passes">Passes over some images each.</param>
/// <param name="Chunks">Chunks of a pass.</param>
/// <param name="Stride">Elements from one chunk to the next.</param>
internal readonly record struct WinogradSums(int Places, int Passes, int Chunks, int Stride);

/// <summary>One row of tiles of 16 channels, in lanes.</summary>
internal struct WinogradRow
{
    /// <summary>The first tile's first pixel in the tensor, at channel 0.</summary>
    public int Tensor;

    /// <summary>The first lane of the 16 channels.</summary>
    public int FirstLane;

    /// <summary>The first tile when transformed, at place 0.</summary>
    public int Transformed;
}

/// <summary>
/// How a convolution's weights are read: outputs are filters forwards and channels backwards, where the window is turned by half a circle.
/// </summary>
/// <param name="Outputs">Filters forwards, channels backwards; a multiple of 16.</param>
/// <param name="Inputs">Channels forwards, filters backwards; a multiple of 16.</param>
/// <param name="OutputStride">Elements from one output to the next.</param>
/// <param name="InputStride">Elements from one input to the next.</param>
/// <param name="FirstTap">The tap that comes first.</param>
/// <param name="TapStep">From one tap to the next.</param>
internal readonly record struct WinogradWeights(int Outputs, int Inputs, int OutputStride, int InputStride, int FirstTap, int TapStep)
{
    /// <summary>Inputs of an item.</summary>
    public const int Run = 8;

    private const int Taps = 9;

    /// <summary>Work-items: a run of inputs for one tile of 16 outputs.</summary>
    public int Items => Outputs / ContractionTile.Columns * (Inputs / Run);

    /// <summary>The tile of outputs and the first input of an item.</summary>
    public (int Tile, int Input) Of(int item)
    {
        int tile = item / (Inputs / Run);
        return (tile, (item - (tile * (Inputs / Run))) * Run);
    }

    /// <summary>Elements, when transformed, from one place to the next: sixteen outputs of all inputs.</summary>
    public int PlaceStride => (Inputs * ContractionTile.Columns) + Winograd.Gap;

    /// <summary>Elements when transformed for tiles of so many places.</summary>
    public int LengthFor(int places) => Outputs / ContractionTile.Columns * places * PlaceStride;

    /// <summary>The first of nine weights in memory.</summary>
    public int Place(int output, int input) => (output * OutputStride) + (input * InputStride);

    public static WinogradWeights Forward(Shape w) => new(w.N, w.C, w.C * Taps, Taps, 0, 1);

    public static WinogradWeights InputGradient(Shape w) => new(w.C, w.N, Taps, w.C * Taps, Taps - 1, -1);

    /// <summary>How their gradient is written: outputs are channels, so that an item writes whole filters.</summary>
    public static WinogradWeights Gradient(Shape w) => new(w.C, w.N, Taps, w.C * Taps, 0, 1);
}
