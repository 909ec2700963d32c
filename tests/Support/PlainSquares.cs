using Deat.Engine;

namespace Deat.Tests;

/// <summary>The square attack on one image, as its authors write it, over channels, rows and columns in double precision.</summary>
/// <param name="shape">The shape of the image.</param>
/// <param name="key">The random stream of the image.</param>
/// <param name="epsilon">The radius of the ball.</param>
/// <param name="shrink">What the L2 ball is smaller by, relatively, so that rounding does not lead out of it.</param>
internal sealed class PlainSquares(Shape shape, RandomKey key, double epsilon, double shrink = 0)
{
    private const uint FirstQuery = 1u << 28;

    public double[] Stripes(double[] x) => Map(x, (c, h, w, pixel) =>
        Clamp(Philox.Word(key, (c * shape.W) + w) < 0x8000_0000u ? -epsilon : epsilon, pixel));

    public double[] Recoloured(double[] best, double[] x, int side, int query)
    {
        UInt4 words = Philox.Words(key, FirstQuery + (2 * (uint)query));
        (int top, int left) = (Below(words.X, shape.H - side), Below(words.Y, shape.W - side));
        return Map(x, (c, h, w, pixel) => h >= top && h < top + side && w >= left && w < left + side
            ? Clamp(Sign(words.Z, c) * epsilon, pixel)
            : best[Index(c, h, w)]);
    }

    public double[] Tiles(double[] x)
    {
        int side = Math.Max(1, shape.H / 5);
        int margin = Math.Max(0, (shape.H - (5 * side)) / 2);
        double[] delta = new double[x.Length];
        int tile = 0;
        for (int i = 0; i < shape.H / side; i++)
        {
            for (int j = 0; j < shape.W / side; j++, tile++)
            {
                UInt4 words = Philox.Words(key, (uint)tile);
                double[,] pattern = Pattern(side, words.X >= 0x8000_0000u);
                Visit(margin + (i * side), margin + (j * side), side, (c, h, w, row, column) =>
                    delta[Index(c, h, w)] = Sign(words.Y, c) * pattern[row, column]);
            }
        }

        return OnSphere(delta, x);
    }

    public double[] Moved(double[] best, double[] x, int side, int query)
    {
        UInt4 first = Philox.Words(key, FirstQuery + (2 * (uint)query));
        UInt4 second = Philox.Words(key, FirstQuery + (2 * (uint)query) + 1);
        (int top, int left) = (Below(first.X, shape.H - side), Below(first.Y, shape.W - side));
        (int top2, int left2) = (Below(second.X, shape.H - side), Below(second.Y, shape.W - side));
        double[,] pattern = Pattern(side, second.Z >= 0x8000_0000u);
        double unused = Math.Max((epsilon * epsilon) - best.Sum(v => v * v), 0);
        HashSet<int> union = [];
        Visit(top, left, side, (c, h, w, _, _) => union.Add(Index(c, h, w)));
        Visit(top2, left2, side, (c, h, w, _, _) => union.Add(Index(c, h, w)));
        double length = Math.Sqrt((unused / shape.C) + union.Sum(i => best[i] * best[i]));
        double[] old = new double[shape.C];
        Visit(top, left, side, (c, h, w, _, _) => old[c] += best[Index(c, h, w)] * best[Index(c, h, w)]);
        double[] delta = [.. best];
        Visit(top2, left2, side, (c, h, w, _, _) => delta[Index(c, h, w)] = 0);
        double[] sums = new double[shape.C];
        Visit(top, left, side, (c, h, w, row, column) =>
        {
            double before = old[c] > 0 ? best[Index(c, h, w)] / Math.Sqrt(old[c]) : 0;
            double value = (Sign(first.Z, c) * pattern[row, column]) + before;
            delta[Index(c, h, w)] = value;
            sums[c] += value * value;
        });
        Visit(top, left, side, (c, h, w, _, _) => delta[Index(c, h, w)] *= length / Math.Sqrt(sums[c]));
        return OnSphere(delta, x);
    }

    // Two halves with a peak of growing rectangles each, the second one negative.
    private static double[,] Pattern(int side, bool isTurned)
    {
        double[,] pattern = new double[side, side];
        double[,] upper = Peak(side / 2, side);
        double[,] lower = Peak(side - (side / 2), side);
        for (int i = 0; i < side; i++)
        {
            for (int j = 0; j < side; j++)
                pattern[i, j] = i < side / 2 ? upper[i, j] : -lower[i - (side / 2), j];
        }

        pattern = Unit(pattern);
        double[,] turned = new double[side, side];
        for (int i = 0; i < side; i++)
        {
            for (int j = 0; j < side; j++)
                turned[j, i] = pattern[i, j];
        }

        return isTurned ? turned : pattern;
    }

    private static double[,] Peak(int rows, int columns)
    {
        double[,] peak = new double[rows, columns];
        (int centreRow, int centreColumn) = ((rows / 2) + 1, (columns / 2) + 1);
        (int top, int left) = (centreRow - 1, centreColumn - 1);
        for (int counter = 0; counter < Math.Max(centreRow, centreColumn); counter++, top--, left--)
        {
            for (int i = Math.Max(top, 0); i < Math.Min(top + (2 * counter) + 1, rows); i++)
            {
                for (int j = Math.Max(left, 0); j < Math.Min(left + (2 * counter) + 1, columns); j++)
                    peak[i, j] += 1.0 / ((counter + 1) * (counter + 1));
            }
        }

        return Unit(peak);
    }

    private static double[,] Unit(double[,] values)
    {
        double length = Math.Sqrt(values.Cast<double>().Sum(v => v * v));
        for (int i = 0; i < values.GetLength(0); i++)
        {
            for (int j = 0; j < values.GetLength(1); j++)
                values[i, j] /= length;
        }

        return values;
    }

    private double[] OnSphere(double[] delta, double[] x)
    {
        double length = Math.Sqrt(delta.Sum(v => v * v));
        return [.. delta.Zip(x, (d, pixel) => Clamp(length == 0 ? 0 : d * epsilon * (1 - shrink) / length, pixel))];
    }

    private double[] Map(double[] x, Func<int, int, int, double, double> f) => [.. Enumerable.Range(0, x.Length).Select(i =>
        f(i / shape.Pixels, i / shape.W % shape.H, i % shape.W, x[i]))];

    private void Visit(int top, int left, int side, Action<int, int, int, int, int> f)
    {
        for (int c = 0; c < shape.C; c++)
        {
            for (int h = top; h < Math.Min(top + side, shape.H); h++)
            {
                for (int w = left; w < Math.Min(left + side, shape.W); w++)
                    f(c, h, w, h - top, w - left);
            }
        }
    }

    private int Index(int c, int h, int w) => (((c * shape.H) + h) * shape.W) + w;

    private static int Below(uint word, int bound) => (int)Math.Floor(word / 4294967296.0 * Math.Max(bound, 1));

    private static double Sign(uint word, int channel) => (word & (1u << channel)) == 0 ? -1 : 1;

    private static double Clamp(double delta, double pixel) => Math.Min(Math.Max(delta, -pixel), 1 - pixel);
}
