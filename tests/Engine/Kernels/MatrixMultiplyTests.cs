using Deat.Engine;
using ILGPU;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// The instructions, emulated where there are no tensor cores, by the tables of the PTX ISA ("Matrix Fragments for mma.m16n8k8" and
/// "for mma.m16n8k16"), written down here a second time, number by number.
/// </summary>
public sealed class MatrixMultiplyTests
{
    private const int Items = 128;

    public static IEnumerable<string> Devices => TensorCoreTests.Devices;

    [Test]
    public void MatricesAreHeldAsThePtxIsaSays(
        [ValueSource(nameof(Devices))] string id, [Values(Precision.TensorFloat32, Precision.BFloat16)] Precision precision,
        [Values(4, 8)] int columns)
    {
        int perWord = precision == Precision.BFloat16 ? 2 : 1;
        int contracted = 8 * perWord;
        int[] left = Numbers(1, 4 * (16 / columns) * 16 * contracted), right = Numbers(2, 4 * columns * contracted * 8);
        int[] words = new int[Items * 16], rightWords = new int[Items * 16];
        for (int item = 0; item < Items; item++)
        {
            (int warp, int group, int thread) = (item / 32, item % 32 / 4, item % 4);
            for (int i = 0; i < 16 / columns * 4 * perWord; i++)
                SetLeft(item, warp, group, thread, i / (4 * perWord), i % (4 * perWord));
            for (int i = 0; i < columns * 2 * perWord; i++)
                SetRight(item, warp, group, thread, i / (2 * perWord), i % (2 * perWord));
        }

        float[] sums = Run(TestDevices.Get(id), precision, columns, words, rightWords);
        for (int i = 0; i < sums.Length; i++)
            Assert.That(sums[i], Is.EqualTo(Expected(i)), $"item {i / 64}, fragment {i % 64 / 4}, c{i % 4}");

        float Expected(int i)
        {
            (int item, int fragment, int c) = (i / 64, i % 64 / 4, i % 4);
            (int warp, int row, int column) = (item / 32, (item % 32 / 4) + (c >= 2 ? 8 : 0), (item % 4 * 2) + (c & 1));
            int a = ((warp * (16 / columns)) + (fragment / columns)) * 16 * contracted;
            int b = ((warp * columns) + (fragment % columns)) * contracted * 8;
            return Enumerable.Range(0, contracted).Sum(k => left[a + (row * contracted) + k] * right[b + (k * 8) + column]);
        }

        // a_i and b_i of the ISA; of BF16 two make a register.
        void SetLeft(int item, int warp, int group, int thread, int matrix, int i)
        {
            bool lower = perWord == 1 ? i is 1 or 3 : i is not (0 or 1 or 4 or 5);
            int row = group + (lower ? 8 : 0);
            int column = perWord == 1 ? thread + (i >= 2 ? 4 : 0) : (thread * 2) + (i & 1) + (i >= 4 ? 8 : 0);
            Put(words, item, (matrix * 4 * perWord) + i, left[(((((warp * (16 / columns)) + matrix) * 16) + row) * contracted) + column]);
        }

        void SetRight(int item, int warp, int group, int thread, int matrix, int i)
        {
            int row = perWord == 1 ? thread + (i * 4) : (thread * 2) + (i & 1) + (i >= 2 ? 8 : 0);
            Put(rightWords, item, (matrix * 2 * perWord) + i, right[(((((warp * columns) + matrix) * contracted) + row) * 8) + group]);
        }

        void Put(int[] target, int item, int place, int value) =>
            target[(item * 16) + (place / perWord)] |= Half(BitConverter.SingleToInt32Bits(value), place % perWord == perWord - 1);
    }

    // The first number of a pair is the lower half of its word.
    private static int Half(int bits, bool isUpper) => isUpper ? bits : bits >>> 16;

    // Small integers, which every precision holds exactly.
    private static int[] Numbers(int seed, int count)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(-8, 9))];
    }

    private static float[] Run(ComputeDevice device, Precision precision, int columns, int[] left, int[] right)
    {
        Action<ArrayView<LeftWords>, ArrayView<RightWords>, ArrayView<WarpTile>> kernel = (precision, columns) switch
        {
            (Precision.BFloat16, 4) => FragmentKernels.BFloat16By4,
            (Precision.BFloat16, _) => FragmentKernels.BFloat16By8,
            (_, 4) => FragmentKernels.TensorFloat32By4,
            _ => FragmentKernels.TensorFloat32By8,
        };
        using Workspace arena = new(device, MemoryCategory.Data);
        Tensor a = arena.Plain<int>(new Shape(Items, 16), ElementType.Int32, left);
        Tensor b = arena.Plain<int>(new Shape(Items, 16), ElementType.Int32, right);
        Tensor c = arena.Plain<float>(new Shape(Items, 64), ElementType.Float32, new float[Items * 64]);
        device.Launch(kernel, new LaunchGrid(1, Items), default, a.View<LeftWords>(), b.View<RightWords>(), c.View<WarpTile>());
        return c.ToArray<float>();
    }
}
