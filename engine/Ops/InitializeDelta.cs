using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>How a perturbation starts.</summary>
public enum DeltaInit
{
    /// <summary>0.</summary>
    Zero,

    /// <summary>Uniform in [-tau, tau).</summary>
    Uniform,

    /// <summary>Normal with mean 0 and standard deviation tau. It may leave the ball; the first step brings it back.</summary>
    Normal,

    /// <summary>-tau or tau, each with probability 1/2.</summary>
    Bernoulli,
}

public static partial class Ops
{
    /// <summary>
    /// The starting perturbation of an attack: delta = draw * tau, and with <paramref name="clampPixels"/> delta = min(max(delta, 0 - x),
    /// 1 - x), so that x + delta is a valid image. The random word of an element is that of its N, C, H, W index within the batch, and
    /// draws are integers times tau: every layout and every device gives the same bits.
    /// </summary>
    /// <param name="delta">[N, C, H, W], written; pixel range</param>
    /// <param name="x">[N, C, H, W], pixel range [0,1]; read only to clamp</param>
    /// <param name="kind">The distribution.</param>
    /// <param name="tau">Its scale, in pixel range [0,1]; not negative. 8/255 in DEAT's scripts.</param>
    /// <param name="clampPixels">Whether x + delta is kept in [0,1].</param>
    /// <param name="key">The random stream: one per batch.</param>
    /// <param name="images">
    /// [N, 1, 1, 1] Int32: where it is given, each image has a stream of its own, that of the key with the image's number in the place of
    /// <see cref="RandomKey.Epoch"/>, and an element's word is that of its index within the image, whatever the batches are.
    /// </param>
    /// <remarks>
    /// DEAT's scripts (TrustAI/DEAT) draw "normal" around -tau by mistake; here the mean is 0, as in their FAST scripts.
    /// </remarks>
    /// <exception cref="ArgumentException">Layouts or types differ, or tau is negative or no number.</exception>
    public static void InitializeDelta(
        Tensor delta, Tensor x, DeltaInit kind, double tau, bool clampPixels, RandomKey key, Tensor? images = null)
    {
        const string Op = nameof(InitializeDelta);
        RequireAlike(Op, x, delta);
        Require.That(tau >= 0, Op, "tau >= 0", tau);
        if (images is not null)
            RequirePerImage(Op, x, images, ElementType.Int32);
        DeltaDraw draw = new(delta, x, tau, clampPixels, key, images);
        switch (kind)
        {
            case DeltaInit.Zero:
                // The border is set too: to the zero that it holds. Zero needs no clamp.
                Dispatch.Run(delta.Type, width: 1, new FillLaunch(delta, 0));
                break;
            case DeltaInit.Uniform:
                draw.Run<UniformDraw>();
                break;
            case DeltaInit.Normal:
                draw.Run<NormalDraw>();
                break;
            case DeltaInit.Bernoulli:
                draw.Run<BernoulliDraw>();
                break;
            default:
                throw new ArgumentException($"{nameof(InitializeDelta)}: unknown kind {kind}.", nameof(kind));
        }
    }

    private readonly record struct DeltaDraw(Tensor Delta, Tensor X, double Tau, bool ClampPixels, RandomKey Key, Tensor? Images)
    {
        public void Run<TDraw>()
            where TDraw : unmanaged, IDraw
        {
            Require.That(Delta.Type is ElementType.Float32 or ElementType.Float64, nameof(InitializeDelta), "float elements", Delta.Type);
            if (Delta.Type == ElementType.Float32)
                Run<float, ToFloat32, TDraw>();
            else
                Run<double, ToFloat64, TDraw>();
        }

        private void Run<T, TConversion, TDraw>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TConversion : unmanaged, IConversion<T>
            where TDraw : unmanaged, IDraw
        {
            Shape shape = X.Shape;
            int size = X.Type.Bytes();
            Cost cost = new(shape.Count * (ClampPixels ? 3 : 1), shape.Count * size * (ClampPixels ? 2 : 1));
            LaunchGrid grid = X.Device.Grid(shape.N * shape.C * shape.H);
            T scale = T.CreateChecked(Tau / TDraw.One);
            PixelRange<T> range = PixelRange<T>.From(ClampPixels);
            if (Images is null)
            {
                X.Device.Launch(
                    InitializeDeltaKernels.RandomDelta<T, TConversion, TDraw>, grid, cost,
                    X.View<T>(), Delta.View<T>(), scale, range, Key, X.Layout);
            }
            else
            {
                X.Device.Launch(
                    InitializeDeltaKernels.RandomDeltaOfImages<T, TConversion, TDraw>, grid,
                    cost with { Bytes = cost.Bytes + (shape.N * sizeof(int)) },
                    X.View<T>(), Delta.View<T>(), Images.View<int>(), scale, range, Key, X.Layout);
            }
        }
    }
}

/// <summary>A distribution: an integer from random words. Its absolute value is below 2^24, so that it is exact in binary32.</summary>
internal interface IDraw
{
    /// <summary>The integer that stands for 1.</summary>
    static abstract int One { get; }

    /// <summary>The draw for element <paramref name="lane"/> (0 to 3) of a block of four.</summary>
    static abstract int Draw(UInt4 words, int lane);
}

/// <summary>Uniform in [-1, 1): (2u - 1) with u = <see cref="Philox.Uniform"/>.</summary>
[ExcludeFromCodeCoverage]
internal struct UniformDraw : IDraw
{
    public static int One => 1 << 23;

    public static int Draw(UInt4 words, int lane) => (int)(Lane(words, lane) >> 8) - (1 << 23);

    public static uint Lane(UInt4 words, int lane) => lane < 2 ? (lane < 1 ? words.X : words.Y) : (lane < 3 ? words.Z : words.W);
}

/// <summary>-1 or 1.</summary>
[ExcludeFromCodeCoverage]
internal struct BernoulliDraw : IDraw
{
    public static int One => 1;

    public static int Draw(UInt4 words, int lane) => UniformDraw.Lane(words, lane) >> 31 == 0 ? -1 : 1;
}

/// <summary>Normal with mean 0 and variance 1: elements 0 and 1 are the cosine and sine of one pair, 2 and 3 of the other.</summary>
[ExcludeFromCodeCoverage]
internal struct NormalDraw : IDraw
{
    public static int One => BoxMuller.One;

    public static int Draw(UInt4 words, int lane)
    {
        uint quarterTurn = (lane & 1) == 0 ? 0x40000000u : 0u;
        return BoxMuller.Sine(lane < 2 ? words.X : words.Z, (lane < 2 ? words.Y : words.W) + quarterTurn);
    }
}

/// <summary>What x + delta is kept in: [0, 1], or everything.</summary>
[ExcludeFromCodeCoverage]
internal struct PixelRange<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T Low, High;

    public static PixelRange<T> From(bool clamp) => new()
    {
        Low = clamp ? T.Zero : T.NegativeInfinity,
        High = clamp ? T.One : T.PositiveInfinity,
    };

    /// <summary>
    /// delta clamped to [Low - x, High - x]. For x in [0,1] the computed x + result is in [0,1] exactly: x + (0 - x) is 0; 1 - x is
    /// exact for x >= 1/2, and below it errs by at most a quarter of the spacing of numbers above 1 and half of that below 1, so x +
    /// (1 - x) is at most 1 after rounding; rounding is monotonic, so all values between the bounds stay between. Both bounds enclose
    /// 0, so |result| is at most |delta|. NaN stays NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T Clamp(T delta, T x)
    {
        T low = Low - x;
        T high = High - x;
        return delta < low ? low : delta > high ? high : delta;
    }
}

[ExcludeFromCodeCoverage]
internal static class InitializeDeltaKernels
{
    public static void RandomDelta<T, TConversion, TDraw>(
        ArrayView<T> x, ArrayView<T> delta, T scale, PixelRange<T> range, RandomKey key, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TConversion : unmanaged, IConversion<T>
        where TDraw : unmanaged, IDraw
    {
        int item = Item.Index();
        if (item < layout.Shape.N * layout.Shape.C * layout.Shape.H)
            Row<T, TConversion, TDraw>(x, delta, scale, range, key, item, item * layout.Shape.W, layout);
    }

    public static void RandomDeltaOfImages<T, TConversion, TDraw>(
        ArrayView<T> x, ArrayView<T> delta, ArrayView<int> images, T scale, PixelRange<T> range, RandomKey key, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TConversion : unmanaged, IConversion<T>
        where TDraw : unmanaged, IDraw
    {
        int item = Item.Index();
        int rows = layout.Shape.C * layout.Shape.H;
        if (item >= layout.Shape.N * rows)
            return;
        int n = item / rows;
        RandomKey own = new(key.Seed, key.Purpose, Real.Load(images, n), key.Batch);
        Row<T, TConversion, TDraw>(x, delta, scale, range, own, item, (item - (n * rows)) * layout.Shape.W, layout);
    }

    // One row of one channel an item: its elements are neighbours in N, C, H, W order and share blocks of random words.
    private static void Row<T, TConversion, TDraw>(
        ArrayView<T> x, ArrayView<T> delta, T scale, PixelRange<T> range, RandomKey key, int item, int element, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TConversion : unmanaged, IConversion<T>
        where TDraw : unmanaged, IDraw
    {
        Shape shape = layout.Shape;
        int plane = item / shape.H;
        int n = plane / shape.C;
        int place = layout.Index(n, plane - (n * shape.C), item - (plane * shape.H), 0);
        UInt4 words = Philox.Words(key, (uint)element >> 2);
        for (int w = 0; w < shape.W; w++)
        {
            int lane = element & 3;
            if (lane == 0)
                words = Philox.Words(key, (uint)element >> 2);
            T draw = TConversion.From(TDraw.Draw(words, lane)) * scale;
            Real.Store(delta, place, range.Clamp(draw, Real.Load(x, place)));
            place += layout.Block;
            element++;
        }
    }
}
