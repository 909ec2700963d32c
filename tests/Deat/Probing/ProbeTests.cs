using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What a probe measures, against losses whose bounds, gains and curvatures are known.</summary>
public sealed class ProbeTests : WholeRuns
{
    private const int Size = 6;

    // Away from black and white, so that only the ball bounds a step.
    private static ImageSet Grey(int count, int classes)
    {
        byte[] pixels = new byte[count * 3 * Size * Size];
        new Random(7).NextBytes(pixels);
        return TinyRuns.Images(count, size: Size) with
        {
            Pixels = Array.ConvertAll(pixels, p => (byte)(100 + (p % 50))),
            ClassNames = [.. Enumerable.Range(0, classes).Select(c => $"class{c}")],
            Labels = [.. Enumerable.Range(0, count).Select(i => i % classes)],
        };
    }

    [Test]
    public void OfALinearLossThePredictionsAreTheGains([Values("pgd", "mdeat", "natural")] string method)
    {
        ImageSet images = Grey(11, 2);
        using LinearClassifier model = Placed(new LinearClassifier(Size, 2));
        ProbeEpoch shown = Measure(model, Options(method), images, 2, 3.0 / 255, Losses.Margin);
        double slope = Slopes(model).Sum(Math.Abs);
        Assert.That(shown.LipschitzBounds, Is.All.EqualTo(slope).Within(1e-10));
        Assert.That(shown.StepPredictions, Is.All.GreaterThan(0));
        AssertEqual(shown.StepGains, shown.StepPredictions, 1e-10);
        Assert.That(shown.Curvatures, Is.All.EqualTo(0).Within(1e-8));
        // PGD reaches the end of the ball, where the prediction over the radius comes true; so does the method if it steps there.
        ProbeMetrics means = shown.Metrics(8.0 / 255, 0);
        Assert.That(means.StrongGain, Is.EqualTo(8.0 / 255 * slope).Within(1e-10).And.EqualTo(means.BallPrediction).Within(1e-10));
        Assert.That(means.Quality, method == "natural" ? Is.EqualTo(0).Within(1e-12) : Is.InRange(-1, 1));
    }

    /// <summary>
    /// Two classes: the gradient at u has the L1 norm sigmoid(-margin(u)) |w0 - w1|, which is largest where the margin is least, at a
    /// corner of the ball.
    /// </summary>
    [Test]
    public void OfAConvexLossTheGainsAreAtLeastThePredictionsAndTheBoundIsReachedAtTheWorstPoint()
    {
        ImageSet images = Grey(16, 2);
        using LinearClassifier model = Placed(new LinearClassifier(Size, 2));
        double[] slopes = Slopes(model);
        double slope = slopes.Sum(Math.Abs);
        double[] largest = [.. Enumerable.Range(0, 16).Select(i =>
            slope / (1 + Math.Exp(Margin(images, slopes, i) - (8.0 / 255 * slope))))];
        ProbeEpoch inside = Measure(model, Options("pgd"), images, 1, 2.0 / 255);
        ProbeEpoch atCorner = Measure(model, Options("pgd"), images, 1, 16.0 / 255);
        for (int i = 0; i < images.Count; i++)
        {
            Assert.That(inside.StepGains[i], Is.GreaterThan(inside.StepPredictions[i]));
            Assert.That(inside.LipschitzBounds[i], Is.LessThan(largest[i]));
            Assert.That(inside.StepGains[i], Is.LessThan(2.0 / 255 * largest[i]), "no gain is beyond the Lipschitz constant");
            Assert.That(inside.Curvatures[i], Is.Positive);
            Assert.That(atCorner.LipschitzBounds[i], Is.EqualTo(largest[i]).Within(1e-10));
            Assert.That(atCorner.StepPredictions[i], Is.Zero, "there is nowhere to go");
            Assert.That(atCorner.TrainingLosses[i], Is.EqualTo(atCorner.StrongLosses[i]).Within(1e-12));
        }

        Assert.That(atCorner.Metrics(8.0 / 255, 0).Quality, Is.EqualTo(1).Within(1e-10));
    }

    [TestCase(0, 0)]
    [TestCase(0.25, 0)]
    [TestCase(-0.5, 0)]
    [TestCase(0.25, 0.7)]
    public void CurvaturesAreExactOnPolynomialsOfThirdDegree(double c, double b)
    {
        CubicSurface surface = new(c, b);
        ImageSet images = Grey(5, 2);
        TrainOptions options = Options("natural");
        Normalization normalization = options.Data.NormalizationOf(images);
        using LinearClassifier model = Placed(new LinearClassifier(Size, 2));
        ProbeEpoch shown = Measure(model, options, images, 0, 0, surface.Loss);
        int plane = Size * Size;
        for (int n = 0; n < images.Count; n++)
        {
            double[] z = [.. Enumerable.Range(0, 3 * plane).Select(i =>
                ((images.Pixels[(n * 3 * plane) + i] / 255.0) - normalization.Mean[i / plane]) / normalization.Std[i / plane])];
            double[] along = [.. surface.Gradient(z).Select((g, i) => Math.Sign(g) / normalization.Std[i / plane])];
            double expected = surface.Curvature(z, along);
            Assert.That(shown.Curvatures[n], Is.EqualTo(expected).Within(1e-8 * Math.Abs(expected)));
            if (b == 0)
            {
                double beyond = expected * Math.Pow(8.0 / 255, 2) / 2;
                Assert.That(
                    shown.StepGains[n] - shown.StepPredictions[n], Is.EqualTo(beyond).Within(1e-9 * Math.Abs(expected)),
                    "half the curvature times the squared step is what the gain has beyond first order");
            }
        }
    }

    /// <summary>
    /// The second difference of the loss is another way to the curvature, with h so small that few ReLUs change sides between the points.
    /// </summary>
    [Test]
    public void CurvaturesOfANetworkAreSecondDifferencesOfItsLoss()
    {
        ImageSet images = TinyRuns.Images(8);
        TrainOptions options = TinyRuns.Options("--method natural --epsilon 8e-6");
        using Module model = Placed(new PreActResNet18(4, 10));
        model.Training = false;
        ProbeEpoch shown = Measure(model, options, images, 0, 0);
        double h = 1e-6;
        using LossSurface surface = new(model, images, options.Data.NormalizationOf(images), 8);
        int[] all = [.. Enumerable.Range(0, 8)];
        (double[] middle, double[] gradients) = surface.At(all, new double[8 * images.ImageBytes], wantsGradients: true);
        double[] ahead = surface.At(all, Array.ConvertAll(gradients, g => h * Math.Sign(g)), wantsGradients: false).Losses;
        double[] behind = surface.At(all, Array.ConvertAll(gradients, g => -h * Math.Sign(g)), wantsGradients: false).Losses;
        double[] expected = [.. all.Select(i => (ahead[i] - (2 * middle[i]) + behind[i]) / (h * h))];
        double scale = expected.Max(Math.Abs);
        double error = all.Max(i => Math.Abs(shown.Curvatures[i] - expected[i]));
        TestContext.Out.WriteLine($"curvatures up to {scale:G4}, relative error {error / scale:G3}");
        Assert.That(scale, Is.GreaterThan(0.1), "nothing is curved");
        AssertEqual(shown.Curvatures, expected, 0.02 * scale);
    }

    [Test]
    public void InFloat32AProbeShowsWhatItShowsInFloat64([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ImageSet images = TinyRuns.Images(8);
        TrainOptions options = TinyRuns.Options("--method pgd --replays 2 --alpha 3");
        ProbeEpoch[] shown = [.. new[] { ElementType.Float32, ElementType.Float64 }.Select(type =>
        {
            using PreActResNet18 model = new(4, 10);
            model.Place(TestDevices.Get(id), type, 5);
            return Measure(model, options, images, 2, 3.0 / 255);
        })];
        (string Name, Func<ProbeEpoch, IReadOnlyList<double>> Of, double Tolerance)[] all =
        [
            ("clean", s => s.CleanLosses, 1e-5), ("training", s => s.TrainingLosses, 1e-3), ("strong", s => s.StrongLosses, 1e-2),
            ("bound", s => s.LipschitzBounds, 1e-2), ("predicted", s => s.StepPredictions, 2e-2), ("found", s => s.StepGains, 2e-2),
            ("curvature", s => s.Curvatures, 3e-2),
        ];
        foreach ((string name, Func<ProbeEpoch, IReadOnlyList<double>> of, double tolerance) in all)
        {
            double scale = of(shown[1]).Max(Math.Abs);
            double error = of(shown[0]).Zip(of(shown[1]), (a, b) => Math.Abs(a - b)).Max();
            TestContext.Out.WriteLine($"{name}: up to {scale:G4}, relative error {error / scale:G3}");
            Assert.That(error, Is.LessThan(tolerance * scale), name);
        }
    }

    [Test]
    public void TheDeltaOfTheTrainingIsTheOneOfTheLastUpdate()
    {
        ImageSet images = TinyRuns.Images(8);
        using Module model = Placed(new PreActResNet18(2, 10));
        double alpha = 8.0 / 255;
        ProbeEpoch once = Measure(model, TinyRuns.Options("--method free --replays 1"), images, 1, alpha);
        ProbeEpoch twice = Measure(model, TinyRuns.Options("--method free --replays 2"), images, 2, alpha);
        ProbeEpoch fgsm = Measure(model, TinyRuns.Options("--method fgsm"), images, 1, alpha);
        Assert.That(once.TrainingLosses, Is.EqualTo(once.CleanLosses), "the only update sees where delta starts");
        Assert.That(twice.TrainingLosses, Is.EqualTo(fgsm.TrainingLosses), "the second update sees delta after one step");
        AssertEqual(once.StepGains, fgsm.TrainingLosses.Zip(once.CleanLosses, (a, b) => a - b), 1e-12);
        Assert.That(fgsm.Strip.Select(example => 255 * 127 * example.DeltaUnit), Is.All.EqualTo(8).Within(1e-4));
    }

    [Test]
    public void AProbeDoesNotDependOnTheBatchSize([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ImageSet images = TinyRuns.Images(7);
        using PreActResNet18 model = new(4, 10);
        model.Place(TestDevices.Get(id), ElementType.Float32, 5);
        string[] lines = [.. new[] { 2, 8 }.Select(size => ProbeFile.Line(
            Measure(model, TinyRuns.Options($"--method trades --replays 2 --batch-size {size}"), images, 2, 2.0 / 255)))];
        Assert.That(lines, Is.All.EqualTo(lines[0]));
    }

    [TestCase("--method natural")]
    [TestCase("--method mdeat --gamma 0.5")]
    [TestCase("--method trades --replays 2")]
    [TestCase("--method trades --replays 2 --loop replay")]
    [TestCase("--method mmart --gamma 0.5")]
    [TestCase("--method fat --replays 2")]
    [TestCase("--method yopo --replays 2 --first-steps 2")]
    public void ProbingChangesNoBitOfARun(string method)
    {
        TrainOptions options = TinyRuns.Options($"{method} --epochs 2 --width 2");
        ImageSet images = TinyRuns.Images();
        ComputeDevice device = TestDevices.Get("cpu");
        byte[] without = TinyRuns.Run(device, options, images);
        using Trainer trainer = new(device, options, images);
        using SurfaceProbe probe = new(trainer.Model, options, TinyRuns.Images(6, seed: 9));
        long before = device.Ledger.Total(key => key.Phase == Phase.Probe).Launches;
        for (int epoch = 0; epoch < options.Epochs; epoch++)
        {
            TinyRuns.Train(trainer, epoch + 1, (epoch, trainer.Batches));
            ProbeEpoch shown = probe.Measure(epoch, trainer.State.Replay.Count, trainer.State.Replay.StepSize);
            Assert.That(shown.StrongLosses, Has.Count.EqualTo(6));
            Assert.That(trainer.Model.Training);
            trainer.EndEpoch(null);
        }

        Assert.That(TinyRuns.File(trainer), Is.EqualTo(without));
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Probe).Launches, Is.GreaterThan(before));
    }

    [Test]
    public void ANetworkThatIsNoNumberIsAnErrorOfOneLine()
    {
        using Module model = Placed(new LinearClassifier(Size, 2));
        double[] broken = model.StateDict()[0].ToDoubles();
        broken[3] = double.NaN;
        model.Weights.Slice(0, new Shape(broken.Length, 1)).CopyFrom<double>(broken);
        Assert.That(
            () => Measure(model, Options("pgd"), Grey(3, 2), 1, 0.01),
            Throws.TypeOf<NumericException>().With.Message.Contains("probe of epoch 4"));
        Assert.That(model.Training);
    }

    [Test]
    public void SlicesPassThroughTheImageAndFollowTheSeed()
    {
        ImageSet images = TinyRuns.Images(5);
        using Module model = Placed(new PreActResNet18(2, 10));
        ProbeEpoch Of(int seed) => Measure(model, TinyRuns.Options($"--method natural --seed {seed}"), images, 0, 0);
        ProbeEpoch shown = Of(1);
        int side = 17;
        Assert.That(shown.Slices, Has.Count.EqualTo(4));
        for (int i = 0; i < 4; i++)
        {
            float[] slice = shown.Slices[i];
            Assert.That(slice, Has.Length.EqualTo(side * side));
            Assert.That(slice[slice.Length / 2], Is.EqualTo((float)shown.CleanLosses[i]), "the middle is the image");
            Assert.That(slice[(slice.Length / 2) + 1], Is.GreaterThan(slice[slice.Length / 2]), "along the gradient the loss rises");
        }

        Assert.That(Of(1).Slices, Is.EqualTo(shown.Slices));
        Assert.That(Of(2).Slices[0][0], Is.Not.EqualTo(shown.Slices[0][0]), "random signs follow from the seed");
        int along = (side * (side / 2)) + 3;
        Assert.That(Of(2).Slices[0][along], Is.EqualTo(shown.Slices[0][along]), "the gradient does not");
    }

    private static TrainOptions Options(string method) => TinyRuns.Options($"--method {method}");

    private static T Placed<T>(T model)
        where T : Module
    {
        model.Place(TestDevices.Get("cpu"), ElementType.Float64, 5);
        return model;
    }

    private static ProbeEpoch Measure(
        Module model, TrainOptions options, ImageSet images, int replays, double stepSize, Loss? loss = null)
    {
        using SurfaceProbe probe = new(model, options, images, loss);
        return probe.Measure(4, replays, stepSize);
    }

    // w0 - w1 with respect to pixels.
    private static double[] Slopes(Module model)
    {
        double[] weights = model.StateDict()[0].ToDoubles();
        Normalization normalization = Options("natural").Data.NormalizationOf(TinyRuns.Images(1));
        int count = weights.Length / 2;
        return [.. Enumerable.Range(0, count).Select(i => (weights[i] - weights[count + i]) / normalization.Std[i / (Size * Size)])];
    }

    // Of the label over the other class.
    private static double Margin(ImageSet images, double[] slopes, int image)
    {
        Normalization normalization = Options("natural").Data.NormalizationOf(images);
        double sum = 0;
        for (int i = 0; i < slopes.Length; i++)
            sum += slopes[i] * ((images.Pixels[(image * slopes.Length) + i] / 255.0) - normalization.Mean[i / (Size * Size)]);
        return images.Labels[image] == 0 ? sum : -sum;
    }

    private static void AssertEqual(IEnumerable<double> actual, IEnumerable<double> expected, double tolerance)
    {
        foreach ((double a, double e) in actual.Zip(expected))
            Assert.That(a, Is.EqualTo(e).Within(tolerance));
    }
}
