using Deat.Engine;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>YOPO, whose first layer here is linear: what its steps and sums of gradients must then be.</summary>
public sealed class YopoTests : WholeRuns
{
    private const string First = "optimizer.conv1.weight";

    /// <summary>Without room to move, a round adds the natural gradient once, and that of the first layer twice.</summary>
    [Test]
    public void GradientsAreSummedOverTheRounds([Values(1, 2, 3)] int rounds)
    {
        const string Still = "--epsilon 0 --alpha 0 --weight-decay 0 --lr-schedule flat --batch-size 20";
        Dictionary<string, double[]> natural = Momentum($"--method free --replays 1 {Still}");
        Dictionary<string, double[]> summed = Momentum($"--method yopo --init zero --replays {rounds} {Still}");
        Assert.That(natural, Contains.Key(First));
        foreach ((string name, double[] values) in natural)
        {
            double factor = rounds * (name == First ? 2 : 1);
            double scale = values.Max(Math.Abs) * factor;
            Assert.That(summed[name], Is.EqualTo(values.Select(v => v * factor)).Within(1e-12 * scale), name);
        }
    }

    /// <summary>The first step of a round is FREE's, with the same gradient; the others go on in its direction.</summary>
    [Test]
    public void StepsFollowTheGradientOfTheWholeNetwork(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [Values(1, 3)] int steps)
    {
        double[] free = Delta(id, $"--method free --replays 1 --init uniform --alpha {3 * steps} --loop replay --clamp-start on");
        double[] yopo = Delta(id, $"--method yopo --replays 1 --alpha 3 --first-steps {steps}");
        Assert.That(yopo, Is.EqualTo(free).Within(1e-6));
        Assert.That(yopo.Max(Math.Abs), Is.GreaterThan(0.01));
    }

    [Test]
    public void StepsRunTheFirstLayerAlone()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options("--method yopo --replays 2 --first-steps 3"), TinyRuns.Images());
        device.Ledger.Clear();
        trainer.TrainBatch();
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Attack && key.Layer != "conv1").Launches, Is.Zero);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Attack && key.Layer == "conv1").Launches, Is.Positive);
        Assert.That(
            device.Ledger.Total(key => key.Phase == Phase.Attack && key.Direction == Direction.WeightGradient).Launches, Is.Zero);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Optimizer).Launches, Is.EqualTo(1));
        Assert.That(trainer.State.Passes, Is.EqualTo(2));
        Assert.That(trainer.Fold().Magnitude, Is.Positive);
    }

    // In float64; the momentum after one step is the gradient.
    private static Dictionary<string, double[]> Momentum(string line)
    {
        using Trainer trainer = new(TestDevices.Get("cpu"), TinyRuns.Options(line), TinyRuns.Images(), ElementType.Float64);
        trainer.TrainBatch();
        Checkpoint checkpoint = trainer.Save();
        return Trainer.Split(checkpoint).Optimizer.Where(array => array.Type == ElementType.Float64)
            .ToDictionary(array => array.Name, array => array.ToDoubles());
    }

    private static double[] Delta(string id, string line)
    {
        using Trainer trainer = new(TestDevices.Get(id), TinyRuns.Options(line), TinyRuns.Images());
        double[] delta = [];
        trainer.Observer = pass => delta = pass.Batch.Delta.ToDoubles();
        trainer.TrainBatch();
        return delta;
    }
}
