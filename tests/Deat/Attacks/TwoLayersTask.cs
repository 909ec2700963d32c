using Deat.Engine;
using Deat.Training;

namespace Deat.Tests;

/// <summary>
/// Random images for a network of two layers, most of them with the labels that it gives them, so that there is something to attack; and
/// the same network on the host.
/// </summary>
internal sealed class TwoLayersTask : IDisposable
{
    public const ulong Seed = 3;

    private readonly TwoLayers _network;
    private readonly Normalization _normalization;

    public TwoLayersTask(int count, int size = TwoLayers.Size, ElementType type = ElementType.Float64)
    {
        ImageSet images = TinyRuns.Images(count, size: size);
        _normalization = TinyRuns.Options().Data.NormalizationOf(images);
        _network = new TwoLayers(size, type);
        Host = new TwoLayers.OnHost(_network, _normalization);
        Pixels = [.. images.Pixels.Chunk(images.ImageBytes).Select(image => image.Select(b => b / 255.0).ToArray())];
        Images = images with
        {
            ClassNames = [.. images.ClassNames.Take(TwoLayers.Classes)],
            Labels = [.. Pixels.Select((x, i) => i % 6 == 0 ? i % TwoLayers.Classes : LinearTask.Largest(Host.Logits(x)))],
        };
    }

    public TwoLayers.OnHost Host { get; }

    public ImageSet Images { get; }

    /// <summary>Each image in pixel range.</summary>
    public double[][] Pixels { get; }

    public Shape Shape => new(1, 3, Images.Height, Images.Width);

    /// <summary>The images that are attacked.</summary>
    public IEnumerable<int> ClassifiedCorrectly =>
        Enumerable.Range(0, Images.Count).Where(i => LinearTask.Largest(Host.Logits(Pixels[i])) == Images.Labels[i]);

    public EvaluationResult Run(Attack attack, int batchSize, Action<AttackBatch, int> step)
    {
        using Evaluator evaluator = new(_network, Images, _normalization, batchSize);
        return evaluator.Run(attack, Seed, watch: new Watch { Step = step });
    }

    /// <summary>The class of a rank among logits.</summary>
    public static int Ranked(double[] z, int rank) => Enumerable.Range(0, z.Length).OrderByDescending(k => z[k]).ElementAt(rank);

    /// <summary>A random start on the surface of a ball around an image, brought to the pixel range.</summary>
    public double[] Start(int image, int round, Norm norm, double radius)
    {
        RandomKey key = new(Seed, Purpose.Evaluation, image, round);
        double[] draw = [.. Enumerable.Range(0, Images.ImageBytes).Select(i => Draw(key, i, norm))];
        double length = PlaneProjection.Length(draw, norm == Norm.L2);
        return [.. draw.Zip(Pixels[image], (t, x) => Math.Clamp(x + (radius * t / length), 0, 1))];
    }

    public void Dispose() => _network.Dispose();

    private static double Draw(RandomKey key, int element, Norm norm)
    {
        if (norm == Norm.Linf)
            return (2.0 * Philox.Uniform(Philox.Word(key, element))) - 1;
        UInt4 words = Philox.Words(key, (uint)element / 4);
        (uint radius, uint angle) = element % 4 < 2 ? (words.X, words.Y) : (words.Z, words.W);
        return BoxMuller.Sine(radius, angle + (element % 2 == 0 ? 0x40000000u : 0)) / (double)BoxMuller.One;
    }
}
