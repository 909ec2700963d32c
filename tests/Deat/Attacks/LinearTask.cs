using Deat.Engine;
using Deat.Nn;
using Deat.Training;

namespace Deat.Tests;

/// <summary>
/// A linear classifier on a device, random images with the labels that it gives them, and its logits in double precision on the host.
/// </summary>
internal sealed class LinearTask : IDisposable
{
    private readonly LinearModel _model;
    private readonly double[] _weights;
    private readonly ulong _seed;

    /// <summary>A task with a seed of its own, or the usual one.</summary>
    public LinearTask(string device, ElementType type, int classes, int count, int size = 8, int? seed = null)
    {
        _seed = (ulong)(seed ?? 3);
        ImageSet images = TinyRuns.Images(count, seed ?? 1, size);
        Normalization = new() { Mean = [0.4, 0.5, 0.6], Std = [0.2, 0.25, 0.3] };
        _model = new LinearModel(size, classes, device, type, seed ?? 5);
        NamedArray weights = _model.StateDict()[0];
        _weights = type == ElementType.Float64 ? weights.ToDoubles() : [.. weights.ToFloats().Select(w => (double)w)];
        Images = images with { ClassNames = [.. Enumerable.Range(0, classes).Select(c => $"class{c}")], Labels = new int[count] };
        Images = Images with { Labels = [.. Enumerable.Range(0, count).Select(i => Largest(Logits(PixelsOf(i))))] };
    }

    public ImageSet Images { get; }

    public Normalization Normalization { get; }

    public Shape Shape => new(1, 3, Images.Height, Images.Width);

    public double[] PixelsOf(int image) =>
        [.. Images.Pixels.Skip(image * Images.ImageBytes).Take(Images.ImageBytes).Select(value => value / 255.0)];

    public double[] Logits(double[] pixels) => [.. Enumerable.Range(0, Images.ClassNames.Count).Select(k =>
    {
        double[] w = Slopes(k);
        return pixels.Select((p, i) => w[i] * (p - Normalization.Mean[i / Shape.Pixels])).Sum();
    })];

    /// <summary>The gradient of a logit with respect to pixels.</summary>
    public double[] Slopes(int k) => [.. Enumerable.Range(0, Images.ImageBytes).Select(i =>
        _weights[(k * Images.ImageBytes) + i] / Normalization.Std[i / Shape.Pixels])];

    public static int Largest(double[] logits) => Array.IndexOf(logits, logits.Max());

    /// <summary>Attacks the images, or one of them, which keeps its number 0.</summary>
    public EvaluationResult Run(
        string name, double epsilon, Norm norm = Norm.Linf, int batchSize = 64, int? image = null, Action<AdversarialExample>? found = null)
    {
        ImageSet images = image is int only
            ? Images with
            {
                Pixels = Images.Pixels[(only * Images.ImageBytes)..((only + 1) * Images.ImageBytes)],
                Labels = [Images.Labels[only]],
            }
            : Images;
        using Evaluator evaluator = new(_model, images, Normalization, batchSize);
        Pixels radius = new(epsilon, "as computed");
        return evaluator.Run(Attack.Parse(name, radius, radius, norm: norm), _seed, watch: new Watch { Found = found });
    }

    public void Dispose() => _model.Dispose();
}
