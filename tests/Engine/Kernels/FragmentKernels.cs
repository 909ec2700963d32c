using System.Diagnostics.CodeAnalysis;
using Deat.Engine;
using ILGPU;

namespace Deat.Tests;

/// <summary>One item brings what it has to the tensor core and keeps what it gets.</summary>
[ExcludeFromCodeCoverage]
internal static class FragmentKernels
{
    public static void TensorFloat32By4(ArrayView<LeftWords> a, ArrayView<RightWords> b, ArrayView<WarpTile> c)
    {
        int item = Group.IdxX;
        c[item] = MatrixMultiply.TensorFloat32(c[item], a[item], b[item], 4);
    }

    public static void TensorFloat32By8(ArrayView<LeftWords> a, ArrayView<RightWords> b, ArrayView<WarpTile> c)
    {
        int item = Group.IdxX;
        c[item] = MatrixMultiply.TensorFloat32(c[item], a[item], b[item], 8);
    }

    public static void BFloat16By4(ArrayView<LeftWords> a, ArrayView<RightWords> b, ArrayView<WarpTile> c)
    {
        int item = Group.IdxX;
        c[item] = MatrixMultiply.BFloat16(c[item], a[item], b[item], 4);
    }

    public static void BFloat16By8(ArrayView<LeftWords> a, ArrayView<RightWords> b, ArrayView<WarpTile> c)
    {
        int item = Group.IdxX;
        c[item] = MatrixMultiply.BFloat16(c[item], a[item], b[item], 8);
    }
}
