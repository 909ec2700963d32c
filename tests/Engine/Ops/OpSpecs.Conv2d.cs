using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    // Two of the smallest convolutions that Winograd's tiles of one pixel can do.
    private const long LeastTiledProducts = 2 * 16 * 16 * 9;

    // The first four have a few slabs of each kind, and are all that a simulator can do.
    private static readonly Convolution[] Edges =
    [
        new(new(1, 24, 4, 6), new(16, 0, 1, 1), 1, 0),
        new(new(1, 24, 4, 6), new(80, 0, 1, 1), 1, 0),
        new(new(1, 7, 4, 6), new(16, 0, 2, 2), 1, 0),
        new(new(1, 7, 4, 6), new(80, 0, 2, 2), 1, 0),
        // Two whole tiles of rows and some more; 128 rows, contracted in splits.
        new(new(2, 8, 9, 15), new(64, 0, 1, 1), 1, 0),
        new(new(1, 16, 8, 16), new(80, 0, 3, 3), 1, 1),
        // Columns and contracted places that are no quads, and columns that need two tiles.
        new(new(1, 12, 5, 26), new(66, 0, 1, 1), 1, 0),
        new(new(2, 16, 10, 14), new(144, 0, 3, 3), 2, 1),
        // Parities of the input gradient in one launch: in splits; in wide tiles; three without a tap; and of unequal size, which are not.
        new(new(2, 16, 6, 8), new(160, 0, 3, 3), 2, 1),
        new(new(1, 80, 6, 8), new(32, 0, 3, 3), 2, 1),
        new(new(2, 32, 8, 6), new(48, 0, 1, 1), 2, 0),
        new(new(1, 16, 7, 6), new(32, 0, 3, 3), 2, 1),
        // The first layer; rows of pixels shorter than a slab; images without borders; a last split that is shorter.
        new(new(2, 3, 9, 8), new(16, 0, 3, 3), 1, 1),
        new(new(8, 20, 4, 4), new(64, 0, 1, 1), 1, 0),
        new(new(3, 32, 1, 1), new(80, 0, 1, 1), 1, 0),
        new(new(1, 72, 3, 3), new(32, 0, 3, 3), 1, 1),
    ];

    /// <summary>Shapes at the edges of the tiles that GPUs share.</summary>
    public static OpSpec Conv2dEdges => Conv2d(
        ConvolutionAlgorithm.Tiled, "edges of tiles", 2,
        draw => Case(draw.Pick(draw.Budget < Draw.UsualBudget ? Edges[..4] : Edges), draw, ConvolutionAlgorithm.Tiled));

    public static OpSpec Conv2d(ConvolutionAlgorithm algorithm) => Conv2d(
        algorithm, algorithm.ToString(),
        algorithm switch
        {
            ConvolutionAlgorithm.Winograd or ConvolutionAlgorithm.Winograd4 => 20,
            ConvolutionAlgorithm.Direct => 1,
            _ => 10,
        },
        draw => DrawConvolution(draw, algorithm));

    private static OpSpec Conv2d(ConvolutionAlgorithm algorithm, string variant, int weight, Func<Draw, OpCase> draw) => new()
    {
        Name = nameof(Ops.Conv2d),
        Variant = variant,
        Differentiable = true,
        SimulatedWeight = weight,
        Draw = draw,
        Errors =
        [
            ("channels differ", tape => Ops.Conv2d(tape, Activation(tape, 1, 3, 4, 4), Plain(tape, 2, 4, 3, 3), 1, 1, algorithm)),
            ("window too large", tape => Ops.Conv2d(tape, Activation(tape, 1, 3, 2, 2), Plain(tape, 2, 3, 5, 5), 1, 1, algorithm)),
            ("no stride", tape => Ops.Conv2d(tape, Activation(tape, 1, 3, 4, 4), Plain(tape, 2, 3, 3, 3), 0, 1, algorithm)),
            ("a sum of another shape", tape => Ops.Conv2d(
                tape, Activation(tape, 1, 3, 4, 4), Plain(tape, 2, 3, 3, 3), 1, 1, algorithm, Activation(tape, 1, 2, 4, 3))),
            ("negative padding", tape => Ops.Conv2d(tape, Activation(tape, 1, 3, 4, 4), Plain(tape, 2, 3, 3, 3), 1, -1, algorithm)),
            ("two types", tape => Ops.Conv2d(
                tape, Activation(tape, 1, 3, 4, 4), Plain(tape, 2, 3, 3, 3, ElementType.Float64), 1, 1, algorithm)),
        ],
    };

    private static OpCase DrawConvolution(Draw draw, ConvolutionAlgorithm algorithm)
    {
        int tile = algorithm switch { ConvolutionAlgorithm.Winograd => 2, ConvolutionAlgorithm.Winograd4 => 4, _ => 0 };
        long most = Math.Max(20L * draw.Budget, LeastTiledProducts * tile * tile);
        Convolution g;
        do
            g = tile > 0 ? DrawTiles(draw, tile, tile == 2 ? draw.Pick(1, 2) : 1) : DrawAny(draw, algorithm);
        while (!g.IsPossible || g.Products > most || (algorithm == ConvolutionAlgorithm.Tiled && !g.FitsBorders));

        return Case(g, draw, algorithm);
    }

    private static OpCase Case(Convolution g, Draw draw, ConvolutionAlgorithm algorithm) => new()
    {
        Geometry = $"x {g.X}, w {g.W}, stride {g.Stride}, padding {g.Padding}",
        Operands =
        [
            new("x", g.X, Role.Input, draw.Values(g.X)), new("w", g.W, Role.Parameter, draw.Values(g.W)),
            .. draw.Chance(0.3) ? new Operand[] { new("b", g.Y, Role.Input, draw.Values(g.Y)) } : [],
        ],
        Result = g.Y,
        Adjoint = ["x", "w"],
        Convolution = (g.Stride, g.Padding),
        // Whether a NaN weight times a zero of the padding is seen depends on who reads the padding; Winograd's tiles spread one, except
        // with stride 2.
        NaNs = g.Stride == 1 && g.HasTiles(2) ? [] : ["x"],
        // Terms of a tile that cancel leave rounding of the size of the others.
        SharesScale = g.HasTiles(2),
        // The larger tiles divide by what is no power of two.
        Inexact = MayHaveLargeTiles(g, algorithm) ? ["y", "dx"] : [],
        Factor = MayHaveLargeTiles(g, algorithm) ? 16 : 8,
        Run = scope => Ops.Conv2d(scope.Tape, scope["x"], scope["w"], g.Stride, g.Padding, algorithm, scope.Find("b")),
        Reference = arguments => g.Reference(arguments["x"], arguments["w"], arguments.Find("b"), arguments.Dy),
    };

    private static bool MayHaveLargeTiles(Convolution g, ConvolutionAlgorithm algorithm) =>
        algorithm is ConvolutionAlgorithm.Auto or ConvolutionAlgorithm.Winograd4 && g.HasTiles(4);

    private static Convolution DrawAny(Draw draw, ConvolutionAlgorithm algorithm)
    {
        int r = draw.Pick(1, 1, 3, 3, 3, 3, 2, 5);
        int s = draw.Chance(0.9) ? r : draw.Pick(1, 3);
        int padding = algorithm == ConvolutionAlgorithm.Tiled ? draw.Between(0, 1) : draw.Pick(0, 0, 1, 1, 1, 1, 2);
        return new(
            new(draw.Images(), draw.Channels(), draw.Extent(), draw.Extent()), new(draw.Channels(), 0, r, s), draw.Pick(1, 1, 2, 2, 3),
            padding);
    }

    // What Winograd's tiles of so many outputs can do, within the budget.
    private static Convolution DrawTiles(Draw draw, int size, int stride) => new(
        new(
            draw.Images(), draw.Pick(16, 16, 32, 48), size * stride * draw.Between(1, 8 / size), size * stride * draw.Between(1, 8 / size)),
        new(draw.Pick(16, 16, 32, 48), 0, 3, 3), stride, Padding: 1);

    /// <summary>y[n,k,p,q] = sum of x[n, c, p s - pad + r, q s - pad + t] w[k,c,r,t], and its two adjoints, by the definition.</summary>
    private sealed record Convolution(Shape X, Shape Filter, int Stride, int Padding)
    {
        public Shape W => Filter with { C = X.C };

        public Shape Y => new(
            X.N, W.N, ((X.H + (2 * Padding) - W.H) / Stride) + 1, ((X.W + (2 * Padding) - W.W) / Stride) + 1);

        public bool IsPossible => X.H + (2 * Padding) >= W.H && X.W + (2 * Padding) >= W.W;

        public long Products => Y.Count * W.C * W.H * W.W;

        public bool HasTiles(int size) => W is { H: 3, W: 3 } && Padding == 1 && (Stride == 1 || (Stride, size) == (2, 2))
            && X.H % (size * Stride) == 0 && X.W % (size * Stride) == 0 && X.C % 16 == 0 && W.N % 16 == 0;

        // Tiles read the padding of x, and in the input gradient what lies beyond y, from borders of one zero.
        public bool FitsBorders => Padding <= Border(X) && Reaches(X.H, W.H, Y.H) && Reaches(X.W, W.W, Y.W);

        private static int Border(Shape shape) => shape.Pixels > 1 ? 1 : 0;

        private bool Reaches(int input, int window, int output) =>
            (int)Math.Floor((Padding - window + 1) / (double)Stride) >= -Border(Y)
            && (input - 1 + Padding) / Stride <= output - 1 + Border(Y);

        public Dictionary<string, Scaled[]> Reference(double[] x, double[] w, double[]? plus, double[] dy)
        {
            Sum[] y = new Sum[Y.Count];
            Sum[] dx = new Sum[X.Count];
            Sum[] dw = new Sum[W.Count];
            ConvolutionProducts.ForEach(X, W, Y, Stride, Padding, (xi, wi, yi) =>
            {
                y[yi].Add(x[xi] * w[wi]);
                dx[xi].Add(dy[yi] * w[wi]);
                dw[wi].Add(dy[yi] * x[xi]);
            });
            Dictionary<string, Scaled[]> expected = new() { ["dx"] = Totals(dx), ["dw"] = Totals(dw) };
            if (plus is not null)
            {
                for (int i = 0; i < y.Length; i++)
                    y[i].Add(plus[i]);
                expected["db"] = [.. dy.Select(g => (Scaled)g)];
            }

            expected["y"] = Totals(y);
            return expected;
        }
    }

    private static Scaled[] Totals(Sum[] sums) => [.. sums.Select(sum => (Scaled)sum)];
}
