using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// norms[n] = |v[n]|, the norm of all elements of an image. Elements are divided by the largest before they are squared, so that
    /// neither the smallest gradients nor the largest leave the range of the type. A NaN makes the norm NaN.
    /// </summary>
    /// <param name="scratch">Lends memory for partial results.</param>
    /// <param name="values">v [N, C, H, W]</param>
    /// <param name="norm">Which norm.</param>
    /// <param name="norms">[N, 1, 1, 1], plain, written</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static void ImageNorms(Workspace scratch, Tensor values, Norm norm, Tensor norms)
    {
        RequirePerImage(nameof(ImageNorms), values, norms);
        Dispatch.Run(values.Type, width: 1, new ImageNormsLaunch(scratch, values, norm, norms));
    }

    private static void RequirePerImage(string op, Tensor images, Tensor perImage, ElementType? type = null)
    {
        ElementType expected = type ?? images.Type;
        Require.That(
            perImage.Type == expected && perImage.Shape.Count == images.Shape.N, op, $"{images.Shape.N} {expected}",
            $"{perImage.Type} {perImage.Shape}");
    }

    private readonly record struct ImageNormsLaunch(Workspace Scratch, Tensor Values, Norm Norm, Tensor Norms) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Values.Device;
            Shape shape = Values.Shape;
            int rows = shape.N * shape.H;
            int size = Values.Type.Bytes();
            Tensor partials = Scratch.Plain(new Shape(rows, 3), Values.Type);
            device.Launch(
                ImageNormsKernels.Rows, device.Grid(rows), new Cost(4 * shape.Count, (shape.Count + (3 * rows)) * size),
                Values.View<T>(), partials.View<T>(), (int)Norm, Values.Layout);
            device.Launch(
                ImageNormsKernels.Images, device.Grid(shape.N), new Cost(5 * rows, ((3L * rows) + shape.N) * size),
                partials.View<T>(), Norms.View<T>(), (int)Norm, shape.H);
            Scratch.Release(partials);
        }
    }
}

/// <summary>
/// Partial results are triples: the largest absolute value, the sum of quotients by it or of their squares, and the sum of absolute values,
/// which is there for a NaN to show in.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class ImageNormsKernels
{
    public static void Rows<T>(ArrayView<T> values, ArrayView<T> partials, int norm, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        Shape shape = layout.Shape;
        if (item >= shape.N * shape.H)
            return;
        int n = item / shape.H;
        int h = item - (n * shape.H);
        T largest = T.Zero;
        T all = T.Zero;
        for (int c = 0; c < shape.C; c++)
        {
            int place = layout.Index(n, c, h, 0);
            for (int w = 0; w < shape.W; w++)
            {
                T size = T.Abs(Real.Load(values, place));
                largest = size > largest ? size : largest;
                all += size;
                place += layout.Block;
            }
        }

        T sum = T.Zero;
        if (norm != (int)Norm.Linf && largest > T.Zero)
        {
            for (int c = 0; c < shape.C; c++)
            {
                int place = layout.Index(n, c, h, 0);
                for (int w = 0; w < shape.W; w++)
                {
                    T quotient = T.Abs(Real.Load(values, place)) / largest;
                    sum += norm == (int)Norm.L2 ? quotient * quotient : quotient;
                    place += layout.Block;
                }
            }
        }

        Real.Store(partials, 3 * item, largest);
        Real.Store(partials, (3 * item) + 1, sum);
        Real.Store(partials, (3 * item) + 2, all);
    }

    public static void Images<T>(ArrayView<T> partials, ArrayView<T> norms, int norm, int rows)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= norms.IntLength)
            return;
        T largest = T.Zero;
        T all = T.Zero;
        for (int i = n * rows; i < (n + 1) * rows; i++)
        {
            T size = Real.Load(partials, 3 * i);
            largest = size > largest ? size : largest;
            all += Real.Load(partials, (3 * i) + 2);
        }

        T result = largest;
        if (norm != (int)Norm.Linf && largest > T.Zero)
        {
            T sum = T.Zero;
            for (int i = n * rows; i < (n + 1) * rows; i++)
            {
                T quotient = Real.Load(partials, 3 * i) / largest;
                sum += Real.Load(partials, (3 * i) + 1) * (norm == (int)Norm.L2 ? quotient * quotient : quotient);
            }

            result = largest * (norm == (int)Norm.L2 ? T.Sqrt(sum) : sum);
        }

        // A NaN is larger than nothing, but it stays in a sum.
        Real.Store(norms, n, all >= T.Zero ? result : all);
    }
}
