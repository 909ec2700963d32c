using Deat.Engine;

namespace Deat.Training;

/// <summary>
/// How strong the two kinds of features of <see cref="Procedural"/> are, and what covers them. All values in pixel range [0,1].
/// </summary>
public sealed record ProceduralAmplitudes
{
    /// <summary>Least distance between a shape and its background, in every channel.</summary>
    public float ContrastLeast { get; init; } = 0.2f;

    /// <summary>Largest distance between a shape and its background.</summary>
    public float ContrastMost { get; init; } = 0.4f;

    /// <summary>Probability that the shape is that of the class; it is any of the ten otherwise.</summary>
    public float Reliability { get; init; } = 0.85f;

    /// <summary>
    /// Amplitude of the class's texture. An adversary of epsilon above it can erase the texture and leave a weaker one of another
    /// class, of epsilon minus the amplitude.
    /// </summary>
    public float Texture { get; init; } = 6f / 255f;

    /// <summary>Standard deviation of the noise, independent per pixel and channel.</summary>
    public float Noise { get; init; } = 4f / 255f;

    /// <summary>Largest distance, per channel, between a spot of clutter and what it covers.</summary>
    public float Clutter { get; init; } = 0.15f;

    /// <summary>Largest change of brightness from the centre of the image to its edge.</summary>
    public float Shading { get; init; } = 0.05f;
}

/// <summary>
/// The built-in data: colour images of 32 x 32 in ten classes, made from a seed with nothing to download.
/// </summary>
/// <remarks>
/// <para>
/// Each class has two signs, after the robust and non-robust features of Ilyas et al., "Adversarial Examples Are Not Bugs, They Are
/// Features" (NeurIPS 2019). The robust one is a shape: large contrast, at random place, size and colour, under clutter and noise;
/// it is that of the class with a certain probability only, as the robust feature of Tsipras et al., "Robustness May Be at Odds
/// with Accuracy" (ICLR 2019). The non-robust one is a texture of the highest frequencies over the whole image, always right but
/// weaker than the usual epsilon of 8/255. Natural training relies on the texture, which an adversary exchanges for that of
/// another class; adversarial training has to rely on the shape.
/// </para>
/// <para>
/// Every image is a pure function of (seed, part, index), made with IEEE additions, products and square roots only, so all machines
/// make the same bytes. Place and phase are random already, so crop and flip are not asked for; they would leave the label true.
/// </para>
/// </remarks>
public static class Procedural
{
    private const int Size = 32;
    private const int Plane = Size * Size;
    private const int ImageBytes = 3 * Plane;
    private const int ClutterSpots = 4;
    private const uint NoiseBlock = 64;

    private static readonly string[] Names =
        ["disc", "ring", "square", "frame", "peak", "dip", "plus", "cross", "rows", "columns"];

    /// <summary>Training images made where no number is asked for.</summary>
    public const int DefaultTrainCount = 10_000;

    /// <summary>Test images made where no number is asked for.</summary>
    public const int DefaultTestCount = 2_000;

    /// <summary>The training part: image i of class i mod 10.</summary>
    /// <param name="count">Number of images.</param>
    /// <param name="seed">What all images follow from.</param>
    /// <param name="amplitudes">Strength of the features; the defaults where null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ImageSet Train(int count, ulong seed, ProceduralAmplitudes? amplitudes = null) =>
        Make("procedural/train", 0, count, seed, amplitudes ?? new ProceduralAmplitudes());

    /// <summary>The test part, which shares no random number with the training part.</summary>
    /// <inheritdoc cref="Train"/>
    public static ImageSet Test(int count, ulong seed, ProceduralAmplitudes? amplitudes = null) =>
        Make("procedural/test", 1, count, seed, amplitudes ?? new ProceduralAmplitudes());

    private static ImageSet Make(string name, int part, int count, ulong seed, ProceduralAmplitudes amplitudes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Array.MaxLength / ImageBytes);
        byte[] pixels = new byte[count * ImageBytes];
        int[] labels = new int[count];
        Parallel.For(0, count, i =>
        {
            labels[i] = i % Names.Length;
            RandomKey key = new(seed, Purpose.Data, part, i);
            Draw(labels[i], key, amplitudes, pixels.AsSpan(i * ImageBytes, ImageBytes));
        });
        return new ImageSet
        {
            Name = name,
            Channels = 3,
            Height = Size,
            Width = Size,
            ClassNames = Names,
            Pixels = pixels,
            Labels = labels,
            Mean = [0.5f, 0.5f, 0.5f],
            Std = [0.155f, 0.155f, 0.155f],
            Augment = false,
        };
    }

    private static void Draw(int label, RandomKey key, ProceduralAmplitudes amplitudes, Span<byte> image)
    {
        Span<float> canvas = stackalloc float[ImageBytes];
        Numbers numbers = new(key);
        Paint(label, ref numbers, amplitudes, canvas);
        AddTexture(label, ref numbers, amplitudes.Texture, canvas);
        AddNoise(key, amplitudes.Noise, canvas);
        for (int i = 0; i < canvas.Length; i++)
            image[i] = (byte)(Math.Clamp(canvas[i], 0f, 1f) * 255f + 0.5f);
    }

    /// <summary>Background with shading, the shape of the class, and clutter over both.</summary>
    private static void Paint(int label, ref Numbers numbers, ProceduralAmplitudes amplitudes, Span<float> canvas)
    {
        Span<Spot> spots = stackalloc Spot[1 + ClutterSpots];
        int shape = numbers.Between(0f, 1f) < amplitudes.Reliability ? label : numbers.Below(Names.Length);
        float radius = numbers.Between(8f, 12f);
        float sign = numbers.Sign();
        spots[0] = new Spot(
            numbers.Between(12f, 19f),
            numbers.Between(12f, 19f),
            radius,
            sign * numbers.Between(amplitudes.ContrastLeast, amplitudes.ContrastMost),
            sign * numbers.Between(amplitudes.ContrastLeast, amplitudes.ContrastMost),
            sign * numbers.Between(amplitudes.ContrastLeast, amplitudes.ContrastMost));
        float low = -amplitudes.Clutter, high = amplitudes.Clutter;
        for (int s = 1; s < spots.Length; s++)
        {
            spots[s] = new Spot(
                numbers.Between(0f, Size),
                numbers.Between(0f, Size),
                numbers.Between(1f, 3f),
                numbers.Between(low, high),
                numbers.Between(low, high),
                numbers.Between(low, high));
        }

        float red = numbers.Between(0.4f, 0.6f), green = numbers.Between(0.4f, 0.6f), blue = numbers.Between(0.4f, 0.6f);
        float slopeX = numbers.Between(-amplitudes.Shading, amplitudes.Shading) / (Size / 2);
        float slopeY = numbers.Between(-amplitudes.Shading, amplitudes.Shading) / (Size / 2);
        for (int i = 0; i < Plane; i++)
        {
            float x = i % Size, y = i / Size;
            float shading = slopeX * (x - Size / 2) + slopeY * (y - Size / 2);
            float r = red + shading, g = green + shading, b = blue + shading;
            for (int s = 0; s < spots.Length; s++)
            {
                Spot spot = spots[s];
                float distance = Distance(s == 0 ? shape : 0, x - spot.X, y - spot.Y, spot.Radius);
                float cover = Math.Clamp(0.5f - distance, 0f, 1f);
                r += cover * spot.Red;
                g += cover * spot.Green;
                b += cover * spot.Blue;
            }

            canvas[i] = r;
            canvas[Plane + i] = g;
            canvas[2 * Plane + i] = b;
        }
    }

    /// <summary>About the distance in pixels from (x, y) to the edge of a shape of radius r around the origin, negative inside.</summary>
    private static float Distance(int label, float x, float y, float r)
    {
        const float HalfRoot = 0.70710678f;
        float ax = Math.Abs(x), ay = Math.Abs(y);
        return label switch
        {
            0 => MathF.Sqrt(x * x + y * y) - r,
            1 => Math.Abs(MathF.Sqrt(x * x + y * y) - 0.75f * r) - 0.25f * r,
            2 => Math.Max(ax, ay) - 0.88f * r,
            3 => Math.Abs(Math.Max(ax, ay) - 0.68f * r) - 0.2f * r,
            4 => Triangle(ax, y, r),
            5 => Triangle(ax, -y, r),
            6 => Beams(ax, ay, r),
            7 => Beams(Math.Abs(x + y) * HalfRoot, Math.Abs(x - y) * HalfRoot, r),
            8 => Bars(ax, ay, r),
            _ => Bars(ay, ax, r),
        };
    }

    private static float Triangle(float ax, float y, float r) => Math.Max(y - 0.8f * r, 0.4856f * (1.8f * ax - y - r));

    private static float Beams(float ax, float ay, float r) => Math.Max(Math.Min(ax, ay) - 0.28f * r, Math.Max(ax, ay) - r);

    private static float Bars(float along, float across, float r) =>
        Math.Max(along - 0.9f * r, Math.Min(across, Math.Abs(across - 0.75f * r)) - 0.2f * r);

    /// <summary>
    /// Adds the texture of the class, +-amplitude everywhere: a product of square waves along x and y, at least one of them of period
    /// 2, with equal or opposed channels, at random phase.
    /// </summary>
    private static void AddTexture(int label, ref Numbers numbers, float amplitude, Span<float> canvas)
    {
        int pattern = label % 5;
        int periodX = pattern is 0 ? 0 : pattern is 1 or 2 or 3 ? 2 : 4;
        int periodY = pattern is 1 ? 0 : pattern is 0 or 2 or 4 ? 2 : 4;
        int shiftX = numbers.Below(4), shiftY = numbers.Below(4);
        for (int i = 0; i < Plane; i++)
        {
            float value = amplitude * Wave(periodX, i % Size + shiftX) * Wave(periodY, i / Size + shiftY);
            canvas[i] += value;
            canvas[Plane + i] += label < 5 ? value : -value;
            canvas[2 * Plane + i] += value;
        }
    }

    /// <summary>A square wave of +1 and -1; period 0 is the constant 1.</summary>
    private static float Wave(int period, int position) => period == 0 || position % period < period / 2 ? 1f : -1f;

    /// <summary>Adds the sum of four random bytes per value, centred and scaled: close to a normal distribution and cheap.</summary>
    private static void AddNoise(RandomKey key, float deviation, Span<float> canvas)
    {
        const float FourBytes = 147.80053f;
        float scale = deviation / FourBytes;
        for (int i = 0; i < canvas.Length; i += 4)
        {
            UInt4 words = Philox.Words(key, NoiseBlock + (uint)(i / 4));
            canvas[i] += scale * Centred(words.X);
            canvas[i + 1] += scale * Centred(words.Y);
            canvas[i + 2] += scale * Centred(words.Z);
            canvas[i + 3] += scale * Centred(words.W);
        }
    }

    private static int Centred(uint word) =>
        (int)((word & 255) + ((word >> 8) & 255) + ((word >> 16) & 255) + (word >> 24)) - 510;

    /// <summary>A disc of clutter, or the shape of the class: centre, radius, and what it adds to each channel.</summary>
    private readonly record struct Spot(float X, float Y, float Radius, float Red, float Green, float Blue);

    /// <summary>The random numbers of one image, one after the other.</summary>
    private struct Numbers(RandomKey key)
    {
        private int next;

        public float Between(float low, float high) => low + (high - low) * Philox.Uniform(Philox.Word(key, next++));

        public int Below(int bound) => Philox.Below(Philox.Word(key, next++), bound);

        public float Sign() => Below(2) == 0 ? -1f : 1f;
    }
}
