using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class CorrectTests
{
    [Test]
    public void FirstOfEqualLogitsCountsAndNaNIsWrong(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values] bool isSingle)
    {
        const double NaN = double.NaN, Inf = double.PositiveInfinity;
        (double[] Logits, int Label, int Correct)[] cases =
        [
            ([1, 3, 2], 1, 1), ([1, 3, 2], 2, 0), ([3, 1, 3], 0, 1), ([3, 1, 3], 2, 0), ([-2, -2, -2], 0, 1), ([-2, -2, -2], 1, 0),
            ([NaN, 3, 2], 1, 0), ([1, NaN, 2], 1, 0), ([1, 3, NaN], 1, 0), ([NaN, NaN, NaN], 0, 0),
            ([1, Inf, 2], 1, 1), ([-Inf, -Inf, 0], 2, 1),
        ];
        using TestImages images = new(id, isSingle);
        Tensor logits = images.Make(new Shape(cases.Length, 3), [.. cases.SelectMany(c => c.Logits)]);
        Tensor correct = images.Integers([.. Enumerable.Repeat(9, cases.Length + 2)]);
        Ops.Correct(logits, images.Integers([.. cases.Select(c => c.Label)]), correct.Slice(1, new Shape(cases.Length, 1)));
        Assert.That(correct.ToArray<int>(), Is.EqualTo((int[])[9, .. cases.Select(c => c.Correct), 9]));
    }

    [Test]
    public void AgreesWithTheHost(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(1, 2, 10, 16, 100)] int classes)
    {
        const int Count = 300;
        Random random = new(classes);
        double[] values = [.. Enumerable.Range(0, Count * classes).Select(_ => (double)random.Next(2 * classes))];
        int[] labels = [.. Enumerable.Range(0, Count).Select(_ => random.Next(classes))];
        using TestImages images = new(id, isSingle: true);
        Tensor correct = images.Integers(new int[Count]);
        Ops.Correct(images.Make(new Shape(Count, classes), values), images.Integers(labels), correct);
        int[] expected = [.. values.Chunk(classes).Select((row, n) => Array.IndexOf(row, row.Max()) == labels[n] ? 1 : 0)];
        Assert.That(correct.ToArray<int>(), Is.EqualTo(expected));
    }
}
