using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>
/// The tile of a group of 128 work-items, 128 rows by 64 columns in four warps of 64 x 32, and how its words lie in shared memory:
/// chunks of four words are stored so that no two items which are served together meet a bank.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class TensorTile
{
    public const int Rows = 128;

    public const int Columns = 64;

    /// <summary>Columns of a warp, and of a panel of packed weights.</summary>
    public const int WarpColumns = 32;

    /// <summary>Work-items of a group: four warps.</summary>
    public const int Items = 128;

    /// <summary>Words of the contracted index in one stage: as many TF32, twice as many BF16.</summary>
    public const int SlabWords = 32;

    /// <summary>Words that one instruction contracts.</summary>
    public const int StepWords = 8;

    /// <summary>Chunks of x in one stage, which y follows.</summary>
    public const int XChunks = Rows * SlabWords / 4;

    /// <summary>Chunks of a panel of packed weights in one stage.</summary>
    public const int PanelChunks = WarpColumns * SlabWords / 4;

    /// <summary>Chunks of both operands in one stage.</summary>
    public const int StageChunks = XChunks + (Columns * SlabWords / 4);

    /// <summary>Two stages: one is multiplied while the next one arrives. 48 KiB, what a kernel may have without asking.</summary>
    public const int SharedChunks = 2 * StageChunks;

    /// <summary>x with words side by side: where chunk 0 to 7 of a row lies.</summary>
    public static int RowChunk(int row, int chunk) => (row * 8) + (chunk ^ ((row & 1) << 2) ^ ((row >> 1) & 3));

    /// <summary>x with rows side by side: where the chunk with rows 4 * <paramref name="chunk"/> to + 3 of a word lies.</summary>
    public static int WordChunk(int word, int chunk) => (word * 32) + (chunk ^ WordSwizzle(word));

    /// <summary>y with columns side by side: where the chunk with columns 4 * <paramref name="chunk"/> to + 3 of a word lies.</summary>
    public static int ColumnChunk(int word, int chunk) => XChunks + (word * 16) + (chunk ^ WordSwizzle(word));

    /// <summary>x with words t and t + 4 of a step side by side: where rows 2 * <paramref name="pair"/> and + 1 lie, a chunk.</summary>
    public static int RowPair(int step, int quad, int pair) => (((step * 4) + quad) * 64) + PairSwizzle(quad, pair);

    /// <summary>The same for columns of y.</summary>
    public static int ColumnPair(int step, int quad, int pair) => XChunks + (((step * 4) + quad) * 32) + PairSwizzle(quad, pair);

    /// <summary>The first row of a warp: warps lie two by two.</summary>
    public static int WarpRow(int item) => ((item >> 5) & 1) * 64;

    /// <summary>The first column of a warp.</summary>
    public static int WarpColumn(int item) => (item >> 6) * WarpColumns;

    /// <summary>lane / 4, see <see cref="MatrixMultiply"/>.</summary>
    public static int Group(int item) => (item & 31) >> 2;

    /// <summary>lane % 4.</summary>
    public static int Quad(int item) => item & 3;

    private static int WordSwizzle(int word) => (word & 3) << 1;

    private static int PairSwizzle(int quad, int pair) => pair ^ (quad << 1) ^ ((pair >> 3) & 1);
}
