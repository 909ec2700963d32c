using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What goes around updates: perturbed weights and aligned gradients.</summary>
public sealed class UpdatePartTests : WholeRuns
{
    private const int Count = 4;
    private const double Epsilon = 8.0 / 255;
    private static readonly Shape Images = new(Count, 3, 16, 16);

    [Test]
    public void PerturbedLayersMoveByTheirPartAndComeBackBitForBit([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        const double Gamma = 0.01;
        using PreActResNet18 model = Placed(TestDevices.Get(id), ElementType.Float32);
        model.Gradients.CopyFrom<float>([.. TestImages.Uniform(model.Weights.Shape, 5, 1, isSingle: true).Select(v => (float)v)]);
        Dictionary<string, double[]> before = Layers(model, parameter => parameter.Value);
        using WeightPerturbation perturbation = new(model, Gamma);
        float[] weights = model.Weights.ToArray<float>();
        perturbation.Perturb();
        foreach ((string name, Parameter parameter) in model.Parameters())
        {
            double[] step = [.. parameter.Value.ToDoubles().Zip(before[name], (a, b) => a - b)];
            double expected = parameter.Extents.Count > 1 ? Gamma * Norm(before[name]) : 0;
            Assert.That(Norm(step), Is.EqualTo(expected).Within(1e-4 * expected), name);
            double[] gradient = parameter.Value.Gradient!.ToDoubles();
            if (expected > 0)
                Assert.That(Dot(step, gradient) / (Norm(step) * Norm(gradient)), Is.EqualTo(1).Within(1e-4), "along the gradient");
        }

        perturbation.Restore();
        Assert.That(model.Weights.ToArray<float>(), Is.EqualTo(weights));
    }

    [Test]
    public void WithoutRoomPerturbedWeightsTrainAsBefore(
        [Values("free --replays 2", "pgd --replays 1", "trades --replays 1")] string method)
    {
        double[] plain = Weights($"--method {method} --epochs 1");
        // No float32 weight moves by so little; only the running statistics see another pass.
        Assert.That(Weights($"--method {method} --epochs 1 --awp-gamma 1e-30"), Is.EqualTo(plain));
        Assert.That(Weights($"--method {method} --epochs 1 --awp-gamma 0.05"), Is.Not.EqualTo(plain));
    }

    [TestCase("--method free --replays 2 --awp-gamma 0.01", 4)]
    [TestCase("--method pgd --replays 3 --awp-gamma 0.01", 5)]
    [TestCase("--method trades --replays 3 --awp-gamma 0.01", 10)]
    [TestCase("--method yopo --awp-gamma 0.01", 6)]
    [TestCase("--method u-fgsm --grad-align 0.2", 6)]
    [TestCase("--method u-fgsm --grad-align 0.2 --awp-gamma 0.01", 7)]
    public void PassesOfPartsAreCounted(string line, int passes)
    {
        using Trainer trainer = new(TestDevices.Get("cpu"), TinyRuns.Options(line), TinyRuns.Images());
        trainer.TrainBatch();
        Assert.That(trainer.State.Passes, Is.EqualTo(passes));
    }

    /// <summary>
    /// In float64 along random directions of the weights against the term itself, whose value takes first derivatives only.
    /// </summary>
    [Test]
    public void TheGradientOfAlignmentIsThatOfItsValue([Values(1, 2, 3)] int seed)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Alignment at = new(device, ElementType.Float64, seed);
        double[] gradient = at.Gradient(strength: 0.7, reach: 1e-7);
        Random random = new(seed);
        double[] weights = at.Model.Weights.ToDoubles();
        for (int i = 0; i < 3; i++)
        {
            double[] direction = [.. weights.Select(w => w == 0 ? 0 : random.NextDouble() - 0.5)];
            double slope = at.Slope(weights, direction, step: 1e-8) * 0.7;
            double along = Dot(gradient, direction);
            TestContext.Out.WriteLine($"seed {seed}, direction {i}: slope {slope:R}, gradient {along:R}");
            Assert.That(along, Is.EqualTo(slope).Within(1e-3 * Norm(gradient) * Norm(direction) / Math.Sqrt(weights.Length)));
        }
    }

    /// <summary>Down the term alone on one batch: by double backpropagation's gradient, and by that of training in float32.</summary>
    [TestCase(ElementType.Float64, 1e-7)]
    [TestCase(ElementType.Float32, GradientAlignment.UsualReach)]
    public void StepsDownItsGradientAlignGradients(ElementType type, double reach)
    {
        using Alignment at = new(TestDevices.Get("cpu"), type, seed: 1);
        double before = at.Misalignment();
        for (int i = 0; i < 40; i++)
            at.Descend(at.Gradient(strength: 1, reach), 0.005);
        TestContext.Out.WriteLine($"reach {reach}: 1 - cos from {before:F4} to {at.Misalignment():F4}");
        Assert.That(at.Misalignment(), Is.LessThan(0.5 * before));
    }

    [Test]
    public void InSinglePrecisionTheGradientOfAlignmentIsThatInDouble([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        using Alignment exact = new(TestDevices.Get("cpu"), ElementType.Float64, seed: 1);
        using Alignment single = new(TestDevices.Get(id), ElementType.Float32, seed: 1);
        double[] expected = exact.Gradient(strength: 1, GradientAlignment.UsualReach);
        double[] error = [.. single.Gradient(strength: 1, GradientAlignment.UsualReach).Zip(expected, (a, b) => a - b)];
        Assert.That(Norm(error), Is.LessThan(1e-4 * Norm(expected)));
    }

    [Test]
    public void AlignedGradientsComeOnTopOfThoseOfTheLoss()
    {
        double[] plain = Weights("--method u-fgsm --epochs 1");
        Assert.That(Weights("--method u-fgsm --epochs 1 --grad-align 0"), Is.EqualTo(plain));
        Assert.That(Weights("--method u-fgsm --epochs 1 --grad-align 1e-30"), Is.EqualTo(plain));
        Assert.That(Weights("--method u-fgsm --epochs 1 --grad-align 0.5"), Is.Not.EqualTo(plain));
    }

    private static double[] Weights(string line)
    {
        using Trainer trainer = new(TestDevices.Get("cpu"), TinyRuns.Options(line), TinyRuns.Images());
        TinyRuns.Train(trainer, 1);
        return trainer.Model.Weights.ToDoubles();
    }

    private static PreActResNet18 Placed(ComputeDevice device, ElementType type)
    {
        PreActResNet18 model = new(width: 4);
        model.Place(device, type, seed: 3);
        return model;
    }

    private static Dictionary<string, double[]> Layers(Module model, Func<Parameter, Tensor> of) =>
        model.Parameters().ToDictionary(entry => entry.Name, entry => of(entry.Parameter).ToDoubles());

    private static double Norm(double[] v) => Math.Sqrt(Dot(v, v));

    private static double Dot(double[] a, double[] b) => a.Zip(b, (p, q) => p * q).Sum();

    /// <summary>The term at one minibatch.</summary>
    private sealed class Alignment : IDisposable
    {
        private static readonly Normalization Normalization = TestImages.Normalization(3);
        private readonly Workspace _workspace;
        private readonly Minibatch _batch;
        private readonly AdversarialPass _pass;
        private double[] _fixed = [];

        public Alignment(ComputeDevice device, ElementType type, int seed)
        {
            Model = Placed(device, type);
            _workspace = new Workspace(device, MemoryCategory.Data);
            _batch = Minibatch.Allocate(_workspace, Images, type);
            double[] x = TestImages.Uniform(Images, seed, 0.5, isSingle: true);
            Set(_batch.X, [.. x.Select(v => v + 0.5)]);
            _batch.Labels.CopyFrom<int>([.. Enumerable.Range(0, Count)]);
            _pass = new AdversarialPass(Model, Losses.CrossEntropy, Normalization) { Batch = _batch };
            _pass.Start(DeltaInit.Zero, 0, false, new RandomKey((ulong)seed, Purpose.Delta, 0, 0));
        }

        public PreActResNet18 Model { get; }

        /// <summary>What the part adds to the gradients of the weights.</summary>
        public double[] Gradient(double strength, double reach)
        {
            Ops.Fill(Model.Gradients, 0);
            using GradientAlignment part = new(Model, Normalization, Epsilon, strength, reach);
            part.Before(_pass);
            part.After(_pass);
            return Model.Gradients.ToDoubles();
        }

        /// <summary>The slope of mean(1 - cos) along a direction of the weights.</summary>
        public double Slope(double[] weights, double[] direction, double step)
        {
            double At(double t)
            {
                Set(Model.Weights, [.. weights.Zip(direction, (w, d) => w + (t * d))]);
                return Value();
            }

            // Taken as fixed.
            _fixed = PixelGradient(DeltaInit.Zero);
            double slope = (At(step) - At(-step)) / (2 * step);
            Set(Model.Weights, weights);
            return slope;
        }

        /// <summary>mean(1 - cos) at the weights.</summary>
        public double Misalignment()
        {
            _fixed = PixelGradient(DeltaInit.Zero);
            return Value();
        }

        /// <summary>A step against a gradient by a part of the weights' norm.</summary>
        public void Descend(double[] gradient, double part)
        {
            double[] weights = Model.Weights.ToDoubles();
            double step = part * Norm(weights) / Norm(gradient);
            Set(Model.Weights, [.. weights.Zip(gradient, (w, g) => w - (step * g))]);
        }

        public void Dispose()
        {
            _pass.Dispose();
            _workspace.Dispose();
            Model.Dispose();
        }

        private double Value()
        {
            double[] random = PixelGradient(DeltaInit.Uniform);
            int image = random.Length / Count;
            return Enumerable.Range(0, Count).Average(n =>
            {
                double[] a = _fixed[(n * image)..((n + 1) * image)], b = random[(n * image)..((n + 1) * image)];
                return 1 - (Dot(a, b) / (Norm(a) * Norm(b)));
            });
        }

        private double[] PixelGradient(DeltaInit start)
        {
            Ops.InitializeDelta(_batch.Delta, _batch.X, start, Epsilon, true, _pass.Key with { Purpose = Purpose.Alignment });
            Ops.AdversarialInput(_batch.Z, _batch.X, _batch.Delta, Normalization);
            using Tape tape = new(Model.Device, Wanted.Input);
            tape.Backward(Ops.CrossEntropy(tape, Model.Forward(tape, tape.Watch(_batch.Z)), _batch.Labels));
            return [.. tape.Gradient(_batch.Z).ToDoubles().Select((v, i) => v / Normalization.Std[i / Images.Pixels % 3])];
        }

        private static void Set(Tensor tensor, double[] values)
        {
            if (tensor.Type == ElementType.Float64)
                tensor.CopyFrom<double>(values);
            else
                tensor.CopyFrom<float>([.. values.Select(v => (float)v)]);
        }
    }
}
