using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The inputs at which first derivatives give those of R = mean over n of 1 - cos(a[n], b[n]) for the weights, where b is the gradient
    /// of a loss L at an input and a another one that is taken as fixed. By the chain rule dR/dw = d/dw &lt;v, dL/dx&gt; with
    /// v[n] = dR/db[n] = (cos b[n] / |b[n]| - a[n] / |a[n]|) / (N |b[n]|), and with central differences
    /// dR/dw = (dL/dw(x + h v) - dL/dw(x - h v)) / (2h), up to a third derivative of L times h^2 / 6. h = radius / max |v[n]| is one number
    /// for the batch, so that images that batch normalisation couples move along one direction.
    /// </summary>
    /// <remarks>
    /// Cosines and norms are those of gradients with respect to pixels, g = dz / std_c. An image without one of its gradients has a cosine
    /// of 1 and stays where it is. Nothing waits for the host. Source of R: Andriushchenko and Flammarion, Understanding and Improving Fast
    /// Adversarial Training (NeurIPS 2020), equation 6; their code takes a as fixed, too.
    /// </remarks>
    /// <param name="scratch">Lends memory for sums.</param>
    /// <param name="a">dz of the fixed gradient, [N, C, H, W]; C at most 16</param>
    /// <param name="b">dz at <paramref name="z"/>, [N, C, H, W]</param>
    /// <param name="z">The normalised input where b was taken, [N, C, H, W]</param>
    /// <param name="normalization">std_c, pixel range</param>
    /// <param name="radius">The largest distance of a probe from the image, in pixel range, L2.</param>
    /// <param name="strength">What R is multiplied with.</param>
    /// <param name="plus">z + h v / std_c, [N, C, H, W], written</param>
    /// <param name="minus">z - h v / std_c, [N, C, H, W], written</param>
    /// <param name="factors">strength / (2h) and -strength / (2h): the upstream gradients of L at both; plain [2, 1, 1, 1], written</param>
    /// <param name="cosine">cos(a[n], b[n]), plain [N, 1, 1, 1], written</param>
    /// <exception cref="ArgumentException">Shapes, layouts or types do not fit, or the radius is not positive.</exception>
    public static void AlignmentProbes(
        Workspace scratch, Tensor a, Tensor b, Tensor z, Normalization normalization, double radius, double strength, Tensor plus,
        Tensor minus, Tensor factors, Tensor cosine)
    {
        const string Op = nameof(AlignmentProbes);
        RequireAlike(Op, a, b, z, plus, minus);
        Require.That(cosine.Type == a.Type && cosine.Shape.Count == a.Shape.N, Op, $"{a.Shape.N} {a.Type}", cosine.Shape);
        Require.That(factors.Type == a.Type && factors.Shape.Count == 2, Op, $"2 {a.Type}", factors.Shape);
        Require.That(radius > 0, Op, "radius > 0", radius);
        Dispatch.Run(
            a.Type, width: 1, new AlignmentLaunch(scratch, a, b, z, normalization, radius, strength, plus, minus, factors, cosine));
    }

    private readonly record struct AlignmentLaunch(
        Workspace Scratch, Tensor A, Tensor B, Tensor Z, Normalization Normalization, double Radius, double Strength, Tensor Plus,
        Tensor Minus, Tensor Factors, Tensor Cosine) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (ComputeDevice device, Shape shape, int size) = (A.Device, A.Shape, A.Type.Bytes());
            int rows = shape.N * shape.H;
            ChannelNormalization<T> normalization = ChannelNormalization<T>.From(nameof(AlignmentProbes), Normalization, shape.C);
            Tensor products = Scratch.Plain(new Shape(rows, 3), A.Type);
            Tensor terms = Scratch.Plain(new Shape(shape.N, 3), A.Type);
            Tensor length = Scratch.Plain(new Shape(1, 1), A.Type);
            device.Launch(
                AlignmentKernels.RowProducts, device.Grid(rows), new Cost(8 * shape.Count, ((2 * shape.Count) + (3 * rows)) * size),
                A.View<T>(), B.View<T>(), products.View<T>(), normalization, A.Layout);
            device.Launch(
                AlignmentKernels.ImageTerms, device.Grid(shape.N), new Cost(3 * rows, ((3 * rows) + (4 * shape.N)) * size),
                products.View<T>(), terms.View<T>(), Cosine.View<T>(), T.CreateChecked(1.0 / shape.N), shape.H);
            device.Launch(
                AlignmentKernels.StepLength, new LaunchGrid(1, 1), new Cost(shape.N, (shape.N + 3) * size),
                terms.View<T>(), length.View<T>(), Factors.View<T>(), T.CreateChecked(Radius), T.CreateChecked(Strength));
            device.Launch(
                AlignmentKernels.Probes, device.Grid(rows), new Cost(8 * shape.Count, 5 * shape.Count * size),
                A.View<T>(), B.View<T>(), Z.View<T>(), Plus.View<T>(), Minus.View<T>(), terms.View<T>(), length.View<T>(), normalization,
                A.Layout);
            Scratch.Release(products);
            Scratch.Release(terms);
            Scratch.Release(length);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class AlignmentKernels
{
    /// <summary>The products a b, a a and b b of a row's gradients with respect to pixels.</summary>
    public static void RowProducts<T>(
        ArrayView<T> a, ArrayView<T> b, ArrayView<T> products, ChannelNormalization<T> normalization, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (3 * item >= products.IntLength)
            return;
        int n = item / layout.Shape.H;
        int h = item - (n * layout.Shape.H);
        T both = T.Zero, ofA = T.Zero, ofB = T.Zero;
        for (int c = 0; c < layout.Shape.C; c++)
        {
            T rstd = normalization.Rstd(c);
            int place = layout.Index(n, c, h, 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                T fromA = Real.Load(a, place) * rstd;
                T fromB = Real.Load(b, place) * rstd;
                both = Real.Fma(fromA, fromB, both);
                ofA = Real.Fma(fromA, fromA, ofA);
                ofB = Real.Fma(fromB, fromB, ofB);
                place += layout.Block;
            }
        }

        Real.Store(products, 3 * item, both);
        Real.Store(products, (3 * item) + 1, ofA);
        Real.Store(products, (3 * item) + 2, ofB);
    }

    /// <summary>v = terms[0] a + terms[1] b with a length of terms[2].</summary>
    public static void ImageTerms<T>(ArrayView<T> products, ArrayView<T> terms, ArrayView<T> cosine, T share, int rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= cosine.IntLength)
            return;
        T both = T.Zero, ofA = T.Zero, ofB = T.Zero;
        for (int i = n * rows; i < (n + 1) * rows; i++)
        {
            both += Real.Load(products, 3 * i);
            ofA += Real.Load(products, (3 * i) + 1);
            ofB += Real.Load(products, (3 * i) + 2);
        }

        T norm = T.Sqrt(ofB);
        T norms = T.Sqrt(ofA) * norm;
        bool isFlat = norms == T.Zero;
        T cos = isFlat ? T.One : both / norms;
        T sine = T.One - (cos * cos);
        Real.Store(cosine, n, cos);
        Real.Store(terms, 3 * n, isFlat ? T.Zero : -share / norms);
        Real.Store(terms, (3 * n) + 1, isFlat ? T.Zero : share * cos / ofB);
        Real.Store(terms, (3 * n) + 2, isFlat ? T.Zero : share * T.Sqrt(sine < T.Zero ? T.Zero : sine) / norm);
    }

    [GroupSize(1)]
    public static void StepLength<T>(ArrayView<T> terms, ArrayView<T> length, ArrayView<T> factors, T radius, T strength)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Item.Index() > 0)
            return;
        T longest = T.Zero;
        for (int i = 2; i < terms.IntLength; i += 3)
        {
            T next = Real.Load(terms, i);
            longest = next > longest || T.IsNaN(next) ? next : longest;
        }

        T factor = strength * longest / (radius + radius);
        Real.Store(length, 0, longest == T.Zero ? T.Zero : radius / longest);
        Real.Store(factors, 0, factor);
        Real.Store(factors, 1, -factor);
    }

    public static void Probes<T>(
        ArrayView<T> a, ArrayView<T> b, ArrayView<T> z, ArrayView<T> plus, ArrayView<T> minus, ArrayView<T> terms, ArrayView<T> length,
        ChannelNormalization<T> normalization, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        int h = item - (n * layout.Shape.H);
        T ofA = Real.Load(terms, 3 * n) * Real.Load(length, 0);
        T ofB = Real.Load(terms, (3 * n) + 1) * Real.Load(length, 0);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            // Once from dz to the gradient of pixels, and once from pixels to z.
            T squared = normalization.Rstd(c) * normalization.Rstd(c);
            int place = layout.Index(n, c, h, 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                T step = Real.Fma(ofA, Real.Load(a, place), ofB * Real.Load(b, place)) * squared;
                T at = Real.Load(z, place);
                Real.Store(plus, place, at + step);
                Real.Store(minus, place, at - step);
                place += layout.Block;
            }
        }
    }
}
