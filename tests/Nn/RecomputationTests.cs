using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Activations that backward computes again, or that nobody needs: the same bits in less memory.</summary>
public sealed class RecomputationTests
{
    private static readonly (string Name, int Width)[] Some =
        [("pre18", 16), ("pre50", 4), ("wrn-10-2", 8), ("vgg16", 4), ("dense121", 8)];

    // Kernels of many shapes take drivers minutes to compile.
    public static IEnumerable<TestCaseData> Everywhere =>
        from network in Some
        from id in TestDevices.Ids
        where id == "cpu" || network.Name == "wrn-10-2"
        select new TestCaseData(network.Name, network.Width, id);

    [TestCaseSource(nameof(Everywhere))]
    public void ComputingActivationsAgainChangesNoBit(string name, int width, string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        bool usual = device.RecomputesActivations;
        try
        {
            foreach (bool training in (bool[])[true, false])
            {
                device.RecomputesActivations = false;
                float[][] kept = Pass(device, name, width, Wanted.Both, training);
                device.RecomputesActivations = true;
                Assert.That(Pass(device, name, width, Wanted.Both, training), Is.EqualTo(kept), training ? "training" : "evaluation");
                Assert.That(Pass(device, name, width, Wanted.Input, training)[0], Is.EqualTo(kept[0]), "without gradients of weights");
            }
        }
        finally
        {
            device.RecomputesActivations = usual;
        }
    }

    /// <summary>
    /// Of PreAct-ResNet-18, normalised activations are nearly half of all: they are not kept where they are computed again, nor where there
    /// are no gradients of weights to need them, and then they are not computed again either.
    /// </summary>
    [Test]
    public void ThatIsAThirdOfTheMemory()
    {
        (long kept, int launches) = Measure(recomputes: false, Wanted.Both);
        (long recomputed, int more) = Measure(recomputes: true, Wanted.Both);
        Assert.That(recomputed, Is.LessThan(0.67 * kept));
        // Each of the 17 but the last, which is only averaged.
        Assert.That(more - launches, Is.EqualTo(16));
        foreach (bool recomputes in (bool[])[true, false])
        {
            (long attack, int none) = Measure(recomputes, Wanted.Input);
            Assert.That(attack, Is.LessThan(0.67 * kept));
            Assert.That(none, Is.EqualTo(launches));
            Assert.That(Measure(recomputes, Wanted.None).Peak, Is.LessThan(0.67 * kept));
        }
    }

    private static (long Peak, int Launches) Measure(bool recomputes, Wanted wanted)
    {
        using ComputeDevice device = ComputeDevice.Open(TestDevices.Get("cpu").Listing);
        device.RecomputesActivations = recomputes;
        Pass(device, "pre18", 16, wanted, training: true);
        return (
            device.Pool.Use(MemoryCategory.Activations).Peak,
            (int)device.Ledger.Total(key => key.Kernel.StartsWith("BatchNormKernels.Normalise")).Launches);
    }

    // The gradient of the images, the loss, those of the weights, and the running statistics.
    private static float[][] Pass(ComputeDevice device, string name, int width, Wanted wanted, bool training)
    {
        using Module model = Networks.Find(name).Make(width, 10, 3, 0);
        model.Place(device, ElementType.Float32, seed: 1);
        model.Training = training;
        Random random = new(3);
        Shape shape = new(4, 3, 32, 32);
        using Tape tape = new(device, wanted);
        Tensor x = tape.Watch(tape.Activation<float>(
            shape, ElementType.Float32, [.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextSingle())]));
        Tensor labels = tape.Plain<int>(new Shape(4, 1), ElementType.Int32, [1, 7, 0, 3]);
        Tensor loss = Ops.CrossEntropy(tape, model.Forward(tape, x), labels);
        if (wanted == Wanted.None)
            return [loss.ToArray<float>()];
        tape.Backward(loss);
        IEnumerable<float[]> states = model.StateDict().Where(array => array.Type == ElementType.Float32).Select(array => array.ToFloats());
        return [tape.Gradient(x).ToArray<float>(), loss.ToArray<float>(), .. Weights(), .. states];

        IEnumerable<float[]> Weights() =>
            wanted == Wanted.Both ? model.Parameters().Select(entry => entry.Parameter.Value.Gradient!.ToArray<float>()) : [];
    }
}
