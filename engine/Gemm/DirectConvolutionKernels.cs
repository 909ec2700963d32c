using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>What the direct kernels know of a layout.</summary>
internal readonly record struct DirectLayout(
    int N, int C, int H, int W, int Image, int Block, int Row, int Column, int Origin, int BlockSize)
{
    public DirectLayout(Layout l)
        : this(l.Shape.N, l.Shape.C, l.Shape.H, l.Shape.W, l.ImageStride, l.BlockStride, l.RowStride, l.ColumnStride, l.Origin, l.Block)
    {
    }

    public int Index(int n, int c, int h, int w) =>
        Origin + (n * Image) + (c / BlockSize * Block) + (h * Row) + (w * Column) + (c % BlockSize);
}

/// <summary>What the direct kernels know of a convolution.</summary>
internal readonly record struct DirectGeometry(DirectLayout X, DirectLayout Y, int R, int S, int Stride, int Padding)
{
    public DirectGeometry(ConvolutionGeometry g)
        : this(new DirectLayout(g.X), new DirectLayout(g.Y), g.Weights.H, g.Weights.W, g.Stride, g.Padding)
    {
    }
}

/// <summary>Convolution by definition, one element per work-item, with bounds checks instead of borders.</summary>
[ExcludeFromCodeCoverage]
internal static class DirectConvolutionKernels
{
    public static void Convolve<T>(ArrayView<T> x, ArrayView<T> w, ArrayView<T> y, DirectGeometry g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= g.Y.N * g.Y.C * g.Y.H * g.Y.W)
            return;
        int k = item % g.Y.C;
        int rest = item / g.Y.C;
        int q = rest % g.Y.W;
        rest /= g.Y.W;
        int p = rest % g.Y.H;
        int n = rest / g.Y.H;
        T sum = T.Zero;
        for (int c = 0; c < g.X.C; c++)
        {
            for (int r = 0; r < g.R; r++)
            {
                int h = (p * g.Stride) - g.Padding + r;
                for (int s = 0; s < g.S; s++)
                {
                    int column = (q * g.Stride) - g.Padding + s;
                    if (h >= 0 && h < g.X.H && column >= 0 && column < g.X.W)
                    {
                        T v = Real.Load(x, g.X.Index(n, c, h, column));
                        sum = Real.Fma(v, Real.Load(w, (((((k * g.X.C) + c) * g.R) + r) * g.S) + s), sum);
                    }
                }
            }
        }

        Real.Store(y, g.Y.Index(n, k, p, q), sum);
    }

    public static void InputGradient<T>(ArrayView<T> dy, ArrayView<T> w, ArrayView<T> dx, DirectGeometry g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= g.X.N * g.X.C * g.X.H * g.X.W)
            return;
        int c = item % g.X.C;
        int rest = item / g.X.C;
        int column = rest % g.X.W;
        rest /= g.X.W;
        int h = rest % g.X.H;
        int n = rest / g.X.H;
        T sum = T.Zero;
        for (int k = 0; k < g.Y.C; k++)
        {
            for (int r = 0; r < g.R; r++)
            {
                int p = h + g.Padding - r;
                for (int s = 0; s < g.S; s++)
                {
                    int q = column + g.Padding - s;
                    if (p >= 0 && p % g.Stride == 0 && p / g.Stride < g.Y.H && q >= 0 && q % g.Stride == 0 && q / g.Stride < g.Y.W)
                    {
                        T v = Real.Load(dy, g.Y.Index(n, k, p / g.Stride, q / g.Stride));
                        sum = Real.Fma(v, Real.Load(w, (((((k * g.X.C) + c) * g.R) + r) * g.S) + s), sum);
                    }
                }
            }
        }

        Real.Store(dx, g.X.Index(n, c, h, column), sum);
    }

    public static void WeightGradient<T>(ArrayView<T> x, ArrayView<T> dy, ArrayView<T> dw, DirectGeometry g)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= g.Y.C * g.X.C * g.R * g.S)
            return;
        int s = item % g.S;
        int rest = item / g.S;
        int r = rest % g.R;
        rest /= g.R;
        int c = rest % g.X.C;
        int k = rest / g.X.C;
        T sum = T.Zero;
        for (int n = 0; n < g.Y.N; n++)
        {
            for (int p = 0; p < g.Y.H; p++)
            {
                int h = (p * g.Stride) - g.Padding + r;
                for (int q = 0; q < g.Y.W; q++)
                {
                    int column = (q * g.Stride) - g.Padding + s;
                    if (h >= 0 && h < g.X.H && column >= 0 && column < g.X.W)
                        sum = Real.Fma(Real.Load(x, g.X.Index(n, c, h, column)), Real.Load(dy, g.Y.Index(n, k, p, q)), sum);
                }
            }
        }

        Real.Store(dw, item, sum);
    }
}
