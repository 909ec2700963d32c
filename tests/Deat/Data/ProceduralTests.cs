using System.Numerics;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class ProceduralTests
{
    private const int ImageBytes = 3072;
    private const float Epsilon = 8f;

    private static readonly ProceduralAmplitudes Default = new();
    private static readonly ProceduralAmplitudes Nothing =
        new() { ContrastLeast = 0, ContrastMost = 0, Texture = 0, Noise = 0, Clutter = 0, Shading = 0 };

    [Test]
    public void ImagesFollowFromSeedPartAndIndexAlone()
    {
        ImageSet set = Procedural.Train(40, 1);
        Assert.Multiple(() =>
        {
            Assert.That(Procedural.Train(40, 1).Digest, Is.EqualTo(set.Digest));
            Assert.That(Procedural.Train(400, 1).Take(40).Digest, Is.EqualTo(set.Digest), "more images leave the first as they were");
            Assert.That(Procedural.Train(40, 2).Digest, Is.Not.EqualTo(set.Digest));
            Assert.That(Procedural.Test(40, 1).Digest, Is.Not.EqualTo(set.Digest));
            Assert.That((set.Channels, set.Height, set.Width, set.Classes), Is.EqualTo((3, 32, 32, 10)));
            Assert.That(set.Labels, Is.EqualTo(Enumerable.Range(0, 40).Select(i => i % 10)));
            Assert.That(Enumerable.Range(0, 40).Select(i => Convert.ToHexString(set.Select([i]).Pixels)), Is.Unique);
        });
    }

    [Test]
    public void TheBytesOfASeedAreTheSameOnEveryMachine() =>
        Assert.That(Procedural.Train(100, 0).Digest, Is.EqualTo("6a781c6a5a19e06e1c4fe82aac4d5519b9c722827edd9342467be5f3bee46fd7"));

    [Test]
    public void TheStatisticsAreTheStatedOnes()
    {
        ImageSet set = Procedural.Train(1000, 0);
        for (int c = 0; c < 3; c++)
        {
            double[] values = [.. set.Pixels.Where((_, i) => i % ImageBytes / 1024 == c).Select(p => p / 255.0)];
            double mean = values.Average();
            Assert.That(mean, Is.EqualTo(set.Mean[c]).Within(0.01));
            Assert.That(Math.Sqrt(values.Average(v => (v - mean) * (v - mean))), Is.EqualTo(set.Std[c]).Within(0.01));
        }
    }

    [Test]
    public void TheTextureIsSmallerThanAnAdversaryMayBe()
    {
        byte[] with = Procedural.Train(100, 3).Pixels, without = Procedural.Train(100, 3, Default with { Texture = 0 }).Pixels;
        int largest = with.Zip(without, (a, b) => Math.Abs(a - b)).Max();
        Assert.That(largest, Is.InRange(1, Epsilon - 1));
    }

    [Test]
    public void TheTextureTellsTheClassUntilItIsAttacked()
    {
        Templates textures = new(Procedural.Train(1000, 8, Nothing with { Texture = Default.Texture }));
        (double clean, double attacked) = textures.Accuracy(Procedural.Test(100, 8));
        TestContext.Out.WriteLine($"texture: {clean:P1} clean, {attacked:P1} attacked");
        Assert.That(clean, Is.GreaterThan(0.98));
        Assert.That(attacked, Is.LessThan(0.02));
    }

    [Test]
    public void TheShapeTellsTheClassEvenWhenAttacked()
    {
        Templates shapes = new(Procedural.Train(1000, 8, Nothing with { ContrastLeast = 0.2f, ContrastMost = 0.2f }));
        (double clean, double attacked) = shapes.Accuracy(Procedural.Test(100, 8));
        TestContext.Out.WriteLine($"shape: {clean:P1} clean, {attacked:P1} attacked");
        Assert.That(clean, Is.GreaterThan(0.7));
        Assert.That(attacked, Is.GreaterThan(0.3));
    }

    /// <summary>
    /// A classifier without training: the class of the template with the largest absolute correlation. Its attack goes the full
    /// epsilon along the sign of the difference between the best template of another class and that of the right one, for each
    /// other class in turn.
    /// </summary>
    private sealed class Templates
    {
        private readonly float[][] templates;
        private readonly int[] labels;

        public Templates(ImageSet set)
        {
            templates = [.. Enumerable.Range(0, set.Count).Select(i => Normalised(Centred(set, i)))];
            labels = set.Labels;
        }

        public (double Clean, double Attacked) Accuracy(ImageSet set)
        {
            int clean = 0, attacked = 0;
            Parallel.For(0, set.Count, i =>
            {
                float[] image = Centred(set, i);
                (float Score, int Template)[] best = Best(image);
                int label = set.Labels[i];
                if (Winner(best) != label)
                    return;
                Interlocked.Increment(ref clean);
                if (Enumerable.Range(0, 10).All(other => other == label || Winner(Best(Attack(image, best[label], best[other]))) == label))
                    Interlocked.Increment(ref attacked);
            });
            return (clean / (double)set.Count, attacked / (double)set.Count);
        }

        private static int Winner((float Score, int Template)[] best)
        {
            int winner = 0;
            for (int c = 1; c < best.Length; c++)
                winner = Math.Abs(best[c].Score) > Math.Abs(best[winner].Score) ? c : winner;
            return winner;
        }

        /// <summary>The largest correlation, by absolute value, that each class reaches.</summary>
        private (float Score, int Template)[] Best(float[] image)
        {
            (float Score, int Template)[] best = new (float, int)[10];
            for (int t = 0; t < templates.Length; t++)
            {
                float score = Dot(templates[t], image);
                if (Math.Abs(score) > Math.Abs(best[labels[t]].Score))
                    best[labels[t]] = (score, t);
            }

            return best;
        }

        private static float Dot(float[] a, float[] b)
        {
            Vector<float> sum = Vector<float>.Zero;
            for (int i = 0; i < a.Length; i += Vector<float>.Count)
                sum += new Vector<float>(a, i) * new Vector<float>(b, i);
            return Vector.Sum(sum);
        }

        private float[] Attack(float[] image, (float Score, int Template) right, (float Score, int Template) wrong)
        {
            float[] to = templates[wrong.Template], from = templates[right.Template];
            float toSign = MathF.Sign(wrong.Score), fromSign = MathF.Sign(right.Score);
            return [.. image.Select((x, i) => x + Epsilon * MathF.Sign(toSign * to[i] - fromSign * from[i]))];
        }

        private static float[] Centred(ImageSet set, int image)
        {
            float[] values = Array.ConvertAll(set.Pixels[(image * ImageBytes)..((image + 1) * ImageBytes)], p => (float)p);
            for (int c = 0; c < 3; c++)
            {
                Span<float> plane = values.AsSpan(c * 1024, 1024);
                float mean = 0;
                foreach (float value in plane)
                    mean += value / 1024;
                foreach (ref float value in plane)
                    value -= mean;
            }

            return values;
        }

        private static float[] Normalised(float[] values)
        {
            float norm = MathF.Sqrt(values.Sum(v => v * v));
            return Array.ConvertAll(values, v => v / norm);
        }
    }
}
