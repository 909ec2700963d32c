using Deat.Engine;

namespace Deat.Tests;

/// <summary>The products that the definition of a convolution sums, for whoever needs them in a precision of his own.</summary>
internal static class ConvolutionProducts
{
    /// <summary>
    /// For each product x[xi] w[wi] of y[yi], and so of dy[yi] w[wi] in dx[xi] and dy[yi] x[xi] in dw[wi], calls
    /// <paramref name="product"/> with (xi, wi, yi); indices are plain, in the order of y, then channels and taps.
    /// </summary>
    public static void ForEach(Shape x, Shape w, Shape y, int stride, int padding, Action<int, int, int> product)
    {
        for (int yi = 0; yi < y.Count; yi++)
        {
            (int n, int k, int p, int q) = (yi / y.W / y.H / y.C, yi / y.W / y.H % y.C, yi / y.W % y.H, yi % y.W);
            for (int c = 0; c < x.C; c++)
                for (int r = 0; r < w.H; r++)
                    for (int s = 0; s < w.W; s++)
                    {
                        (int row, int column) = ((p * stride) - padding + r, (q * stride) - padding + s);
                        if (row < 0 || row >= x.H || column < 0 || column >= x.W)
                            continue;
                        product(
                            (((((n * x.C) + c) * x.H) + row) * x.W) + column, (((((k * x.C) + c) * w.H) + r) * w.W) + s, yi);
                    }
        }
    }
}
