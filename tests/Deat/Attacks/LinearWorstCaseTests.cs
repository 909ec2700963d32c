using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// For a linear classifier the worst case in ball and box is known in closed form. Attacks by gradients must reach it, which shows any
/// fault of sign, projection, normalisation or labels.
/// </summary>
public sealed class LinearWorstCaseTests : WholeRuns
{
    private const int Count = 200, Size = 8;

    // Of two classes, the cross-entropy is a function of one margin, whose gradient points the same way everywhere.
    [TestCase("fgsm", Norm.Linf)]
    [TestCase("pgd10", Norm.Linf)]
    [TestCase("cw10", Norm.Linf)]
    [TestCase("mim10", Norm.Linf)]
    [TestCase("apgd-ce", Norm.Linf)]
    [TestCase("fgsm", Norm.L2)]
    [TestCase("pgd40", Norm.L2)]
    [TestCase("cw40", Norm.L2)]
    [TestCase("mim10", Norm.L2)]
    [TestCase("apgd-ce", Norm.L2)]
    public void OfTwoClassesEveryAttackByGradientsReachesIt(string name, Norm norm)
    {
        (LinearModel model, ImageSet images, LinearOracle oracle) = Setting(classes: 2, seedOfImages: 1, seedOfWeights: 5);
        using (model)
        {
            // A ball of this radius is about as strong as the cube.
            Pixels epsilon = Pixels.Parse(norm == Norm.Linf ? "0.7/255" : "7.5/255", "--epsilon");
            Pixels step = Pixels.Parse(norm == Norm.Linf ? "0.18/255" : "7.5/255", "--attack-step");
            EvaluationResult result = Evaluate(model, images, Attack.Parse(name, epsilon, step, norm: norm), seed: 3);
            double[] margins = [.. Enumerable.Range(0, Count).Select(i => oracle.Margin(i, images.Labels[i], epsilon.Value, norm))];
            Assert.That(margins.Count(m => m > 0), Is.InRange(40, 160), "the oracle must not be one-sided");
            Assert.That(result.Correct, Is.EqualTo(margins.Select(m => m > 0)));
            for (int i = 0; i < Count; i++)
            {
                if (margins[i] > 0)
                    Assert.That(result.Losses[i], Is.EqualTo(Math.Log(1 + Math.Exp(-margins[i]))).Within(1e-12), $"image {i}");
            }
        }
    }

    /// <summary>
    /// Of two classes, the divergence from the prediction at the image grows with the margin on both sides of that at the image: KL goes to
    /// the end on the side on which it starts, and only where the start has lowered the margin is that the worst case.
    /// </summary>
    [TestCase("kl10", Norm.Linf)]
    [TestCase("kl40", Norm.L2)]
    public void OfTwoClassesTheDivergenceGoesToTheEndOnTheSideOfItsStart(string name, Norm norm)
    {
        (LinearModel model, ImageSet images, LinearOracle oracle) = Setting(classes: 2, seedOfImages: 1, seedOfWeights: 5);
        using (model)
        {
            Pixels epsilon = Pixels.Parse(norm == Norm.Linf ? "0.7/255" : "7.5/255", "--epsilon");
            Pixels step = Pixels.Parse(norm == Norm.Linf ? "0.18/255" : "7.5/255", "--attack-step");
            Dictionary<int, double> start = [];
            double[] Margins(double radius) =>
                [.. Enumerable.Range(0, Count).Select(i => oracle.Margin(i, images.Labels[i], radius, norm))];
            (double[] clean, double[] worst) = (Margins(0), Margins(epsilon.Value));
            EvaluationResult result = Evaluate(model, images, Attack.Parse(name, epsilon, step, norm: norm), seed: 3, (batch, at) =>
            {
                if (at >= 0)
                    return;
                batch.Pass(Losses.Margin);
                double[] losses = batch.Images.Losses.ToDoubles();
                foreach ((int image, double loss) in batch.Numbers.ToArray<int>().Take(batch.Count).Zip(losses))
                    start[image] = -loss;
            });
            int[] attacked = [.. Enumerable.Range(0, Count).Where(i => clean[i] > 0)];
            int[] lowered = [.. attacked.Where(i => start[i] < clean[i])];
            Assert.That(lowered, Has.Length.InRange(40, attacked.Length - 40), "starts on both sides");
            Assert.That(lowered.Count(i => worst[i] > 0), Is.InRange(20, lowered.Length - 5), "the oracle must not be one-sided");
            for (int i = 0; i < Count; i++)
            {
                bool isRobust = clean[i] > 0 && (start[i] > clean[i] || worst[i] > 0);
                Assert.That(result.Correct[i], Is.EqualTo(isRobust), $"image {i}");
                // A result is the larger loss of the image and its answer.
                double margin = isRobust && start[i] < clean[i] ? worst[i] : clean[i];
                if (isRobust)
                    Assert.That(result.Losses[i], Is.EqualTo(Math.Log(1 + Math.Exp(-margin))).Within(1e-12), $"image {i}");
            }
        }
    }

    // Towards each class the ratio of logits has its largest value where the margin has its least, up to the kinks of the other logits.
    // Without a target APGD-DLR goes towards whichever class is nearest on its way. Of other images and weights both may miss the worst
    // case of one that is near the boundary.
    [TestCase("apgd-t", Norm.Linf, 1)]
    [TestCase("apgd-t", Norm.L2, 1)]
    [TestCase("apgd-dlr-30", Norm.Linf, 3)]
    [TestCase("apgd-dlr-30", Norm.L2, 3)]
    public void OfManyClassesAllThatCanBeFooledAreFooled(string name, Norm norm, int restarts)
    {
        (LinearModel model, ImageSet images, LinearOracle oracle) = Setting(classes: 5, seedOfImages: 1, seedOfWeights: 5);
        using (model)
        {
            Pixels epsilon = Pixels.Parse(norm == Norm.Linf ? "0.4/255" : "4.5/255", "--epsilon");
            EvaluationResult result = Evaluate(model, images, Attack.Parse(name, epsilon, epsilon, restarts, norm), seed: 3);
            double[] margins = [.. Enumerable.Range(0, Count).Select(i => oracle.Margin(i, images.Labels[i], epsilon.Value, norm))];
            Assert.That(margins.Count(m => m > 0), Is.InRange(40, 160), "the oracle must not be one-sided");
            Assert.That(result.Correct, Is.EqualTo(margins.Select(m => m > 0)));
        }
    }

    private static EvaluationResult Evaluate(
        LinearModel model, ImageSet images, Attack attack, int seed, Action<AttackBatch, int>? step = null)
    {
        using Evaluator evaluator = new(model, images, TinyRuns.Options().Data.NormalizationOf(images), 64);
        return evaluator.Run(attack, (ulong)seed, watch: new Watch { Step = step });
    }

    private static (LinearModel Model, ImageSet Images, LinearOracle Oracle) Setting(int classes, int seedOfImages, int seedOfWeights)
    {
        ImageSet images = TinyRuns.Images(Count, seedOfImages, Size);
        images = images with
        {
            ClassNames = [.. images.ClassNames.Take(classes)],
            Labels = new int[Count],
            // No pixel near the ends of the range.
            Pixels = [.. images.Pixels.Select(b => (byte)(32 + (b * 3 / 4)))],
        };
        LinearModel model = new(Size, classes, seed: seedOfWeights);
        LinearOracle oracle = new(model, images, TinyRuns.Options().Data.NormalizationOf(images));
        // Most labels as the model sees them, so that there is something to lose.
        int Seen(int i) => Enumerable.Range(0, classes).First(label => oracle.Margin(i, label, 0) > 0);
        images = images with { Labels = [.. Enumerable.Range(0, Count).Select(i => (Seen(i) + (i % 10 == 0 ? 1 : 0)) % classes)] };
        return (model, images, new LinearOracle(model, images, TinyRuns.Options().Data.NormalizationOf(images)));
    }
}
