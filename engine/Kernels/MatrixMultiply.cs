using System.Diagnostics.CodeAnalysis;
using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>
/// The part of a 16 x 8 matrix of sums that one work-item of a warp holds. With g = lane / 4 and t = lane % 4:
/// C0 and C1 are row g, columns 2t and 2t + 1; C2 and C3 are row g + 8, the same columns.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct Fragment
{
    public float C0, C1, C2, C3;
}

/// <summary>Sixteen fragments of sums: 2 by 8 or 4 by 4 of them.</summary>
[ExcludeFromCodeCoverage]
internal struct WarpTile
{
    public Fragment F0, F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, F12, F13, F14, F15;
}

/// <summary>Parts of up to four 16 x 8 matrices: words (row g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4).</summary>
[ExcludeFromCodeCoverage]
internal struct LeftWords
{
    public Words4 M0, M1, M2, M3;
}

/// <summary>Parts of up to eight 8 x 8 matrices: words (t, column g), (t + 4, g).</summary>
[ExcludeFromCodeCoverage]
internal struct RightWords
{
    public Words2 M0, M1, M2, M3, M4, M5, M6, M7;
}

/// <summary>
/// Sixteen instructions mma.sync of PTX: all 32 work-items of a warp together multiply each 16 x 8 matrix of words with
/// each 8 x 8 matrix of
/// words and add the sums in binary32. A word is one TF32, or a pair of BF16 that lie side by side along the contracted index.
/// </summary>
/// <remarks>
/// Which words and sums a work-item holds is documented in the PTX ISA (matrix fragments for mma.m16n8k8 with .tf32 and for mma.m16n8k16
/// with .bf16: the same in words). Where there are no tensor cores the instructions are emulated by this very map: words go through
/// shared memory, and every work-item of the group must take part.
/// </remarks>
[ExcludeFromCodeCoverage]
internal static class MatrixMultiply
{
    /// <summary>The size of the groups that the emulation serves.</summary>
    public const int GroupSize = 128;

    private const int LeftCount = 16, RightCount = 16;

    /// <summary>
    /// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32; the last 13 bits of each word are ignored. Fragment f is the product of left
    /// matrix f / <paramref name="columns"/> and right matrix f % columns, with 4 or 8 columns, a literal.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(TensorFloat32Body), Ptx = nameof(Intrinsics.GenerateTensorFloat32Multiply))]
    public static WarpTile TensorFloat32(WarpTile c, LeftWords a, RightWords b, int columns) => TensorFloat32Body(c, a, b, columns);

    /// <summary>The same with mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(BFloat16Body), Ptx = nameof(Intrinsics.GenerateBFloat16Multiply))]
    public static WarpTile BFloat16(WarpTile c, LeftWords a, RightWords b, int columns) => BFloat16Body(c, a, b, columns);

    /// <summary>The matrices that make fragment <paramref name="f"/>.</summary>
    public static (int Left, int Right) Factors(int f, int columns) => columns == 8 ? (f >> 3, f & 7) : (f >> 2, f & 3);

    private static WarpTile TensorFloat32Body(WarpTile c, LeftWords a, RightWords b, int columns) =>
        Emulate(c, a, b, columns, pairs: false);

    private static WarpTile BFloat16Body(WarpTile c, LeftWords a, RightWords b, int columns) => Emulate(c, a, b, columns, pairs: true);

    private static WarpTile Emulate(WarpTile c, LeftWords a, RightWords b, int columns, bool pairs)
    {
        ArrayView<int> words = SharedMemory.Allocate<int>((LeftCount + RightCount) * GroupSize);
        int item = Group.IdxX;
        Share(words, item, a.M0);
        Share(words, item + (4 * GroupSize), a.M1);
        Share(words, item + (8 * GroupSize), a.M2);
        Share(words, item + (12 * GroupSize), a.M3);
        Share(words, item + (16 * GroupSize), b.M0, b.M1);
        Share(words, item + (20 * GroupSize), b.M2, b.M3);
        Share(words, item + (24 * GroupSize), b.M4, b.M5);
        Share(words, item + (28 * GroupSize), b.M6, b.M7);
        Sync.Barrier();
        ArrayView<Fragment> sums = LocalMemory.Allocate<Fragment>(16);
        sums.Cast<WarpTile>()[0] = c;
        for (int f = 0; f < 16; f++)
            sums[f] = Product(words, sums[f], f, columns, pairs);
        c = sums.Cast<WarpTile>()[0];
        Sync.Barrier();
        return c;
    }

    private static void Share(ArrayView<int> words, int place, Words4 chunk)
    {
        words[place] = chunk.A;
        words[place + GroupSize] = chunk.B;
        words[place + (2 * GroupSize)] = chunk.C;
        words[place + (3 * GroupSize)] = chunk.D;
    }

    private static void Share(ArrayView<int> words, int place, Words2 first, Words2 second) =>
        Share(words, place, new Words4 { A = first.A, B = first.B, C = second.A, D = second.B });

    // Row g of a left matrix is held by lanes 4g to 4g + 3, column g of a right one as well; lane % 4 is the word, modulo 4.
    private static Fragment Product(ArrayView<int> words, Fragment c, int f, int columns, bool pairs)
    {
        (int left, int right) = Factors(f, columns);
        int lane = Group.IdxX & 31;
        int rowHolder = Group.IdxX & ~3;
        int columnHolder = Group.IdxX - lane + ((lane & 3) * 8);
        for (int word = 0; word < 8; word++)
        {
            int a = (((4 * left) + (2 * (word >> 2))) * GroupSize) + rowHolder + (word & 3);
            int b = ((LeftCount + (2 * right) + (word >> 2)) * GroupSize) + columnHolder + (word & 3);
            int upper = words[a], lower = words[a + GroupSize];
            int even = words[b], odd = words[b + 4];
            c.C0 = Multiply(upper, even, c.C0, pairs);
            c.C1 = Multiply(upper, odd, c.C1, pairs);
            c.C2 = Multiply(lower, even, c.C2, pairs);
            c.C3 = Multiply(lower, odd, c.C3, pairs);
        }

        return c;
    }

    private static float Multiply(int a, int b, float sum, bool pairs)
    {
        if (!pairs)
            return Real.Fma(AsFloat(a & ~0x1fff), AsFloat(b & ~0x1fff), sum);
        sum = Real.Fma(AsFloat(a << 16), AsFloat(b << 16), sum);
        return Real.Fma(AsFloat(a & ~0xffff), AsFloat(b & ~0xffff), sum);
    }

    private static float AsFloat(int bits) => Interop.IntAsFloat((uint)bits);
}
