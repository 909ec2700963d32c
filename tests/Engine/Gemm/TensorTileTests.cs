using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// Shared memory has 32 banks of a word. A warp's access is served in parts that move 32 words: all lanes with one word
/// each, halves with two,
/// quarters with four. A part takes one cycle if no two of its words lie in one bank.
/// </summary>
public sealed class TensorTileTests
{
    private const int Lanes = 32;

    [Test]
    public void ChunksOfAStageAreAllDifferent()
    {
        IEnumerable<int> rows =
            from row in Enumerable.Range(0, 128) from chunk in Enumerable.Range(0, 8) select TensorTile.RowChunk(row, chunk);
        IEnumerable<int> words =
            from word in Enumerable.Range(0, 32) from chunk in Enumerable.Range(0, 32) select TensorTile.WordChunk(word, chunk);
        IEnumerable<int> columns =
            from word in Enumerable.Range(0, 32) from chunk in Enumerable.Range(0, 16) select TensorTile.ColumnChunk(word, chunk);
        IEnumerable<int> rowPairs =
            from step in Enumerable.Range(0, 4)
            from quad in Enumerable.Range(0, 4)
            from pair in Enumerable.Range(0, 64)
            select TensorTile.RowPair(step, quad, pair);
        IEnumerable<int> columnPairs =
            from step in Enumerable.Range(0, 4)
            from quad in Enumerable.Range(0, 4)
            from pair in Enumerable.Range(0, 32)
            select TensorTile.ColumnPair(step, quad, pair);
        int[] x = [.. Enumerable.Range(0, TensorTile.XChunks)];
        int[] y = [.. Enumerable.Range(TensorTile.XChunks, TensorTile.StageChunks - TensorTile.XChunks)];
        Assert.That(rows.Order(), Is.EqualTo(x));
        Assert.That(words.Order(), Is.EqualTo(x));
        Assert.That(rowPairs.Order(), Is.EqualTo(x));
        Assert.That(columns.Order(), Is.EqualTo(y));
        Assert.That(columnPairs.Order(), Is.EqualTo(y));
    }

    [Test]
    public void CopiesMeetNoBankTwice([Values(0, 32, 64, 96)] int first)
    {
        AssertNoConflicts(4, lane => 4 * TensorTile.RowChunk((first + lane) >> 3, lane & 7));
        AssertNoConflicts(4, lane => 4 * TensorTile.WordChunk((first + lane) >> 5, lane));
        AssertNoConflicts(4, lane => 4 * TensorTile.ColumnChunk((first + lane) >> 4, lane & 15));
        for (int next = 0; next < 2; next++)
        {
            AssertNoConflicts(4, lane => 4 * TensorTile.RowPair(0, first >> 5, (lane * 2) + next));
            AssertNoConflicts(4, lane => 4 * TensorTile.ColumnPair(0, ((first + lane) >> 4) & 3, ((lane & 15) * 2) + next));
        }
    }

    [Test]
    public void FragmentsMeetNoBankTwice([Values(0, 32, 64, 96)] int warp, [Range(0, 3)] int matrix)
    {
        int row = TensorTile.WarpRow(warp), column = TensorTile.WarpColumn(warp);
        for (int word = 0; word < TensorTile.SlabWords; word += TensorTile.StepWords)
        {
            int at = word, step = word / TensorTile.StepWords;
            AssertNoConflicts(4, lane => 4 * TensorTile.RowChunk(row + (8 * matrix) + G(lane), (at / 8) + T(lane)));
            AssertNoConflicts(2, lane => InRows(at + T(lane), row + (16 * matrix) + (2 * G(lane))));
            AssertNoConflicts(1, lane => InColumns(at + T(lane), column + (8 * matrix) + G(lane)));
            AssertNoConflicts(4, lane => 4 * TensorTile.RowPair(step, T(lane), (row / 2) + (8 * matrix) + G(lane)));
            AssertNoConflicts(2, lane => InColumnPairs(step, T(lane), column + (8 * matrix) + G(lane)));
        }
    }

    private static int G(int lane) => TensorTile.Group(lane);

    private static int T(int lane) => TensorTile.Quad(lane);

    private static int InRows(int word, int row) => (4 * TensorTile.WordChunk(word, row / 4)) + (row % 4);

    private static int InColumns(int word, int column) => (4 * TensorTile.ColumnChunk(word, column / 4)) + (column % 4);

    private static int InColumnPairs(int step, int quad, int column) =>
        (4 * TensorTile.ColumnPair(step, quad, column / 2)) + (2 * (column % 2));

    private static void AssertNoConflicts(int words, Func<int, int> place)
    {
        int together = Lanes / words;
        for (int first = 0; first < Lanes; first += together)
        {
            IEnumerable<int> banks =
                from lane in Enumerable.Range(first, together) from word in Enumerable.Range(0, words) select (place(lane) + word) % 32;
            Assert.That(banks, Is.Unique, $"{words} words, lanes from {first}");
        }
    }
}
