using System.Security.Cryptography;
using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class TrainingMethodTests : WholeRuns
{
    [Test]
    public void DeatWithAConstantCountIsFreeBitForBit(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values("deat-d", "deat-p", "mdeat")] string method)
    {
        TrainOptions free = TinyRuns.Options("--method free --replays 3 --alpha 8 --delta-init zero");
        TrainOptions deat = TinyRuns.Options($"--method {method} --schedule fixed --replays 3 --alpha 8 --delta-init zero");
        Assert.That(Weights(id, deat), Is.EqualTo(Weights(id, free)));
    }

    [Test]
    public void OneReplayWithoutRoomToMoveIsNaturalTrainingBitForBit(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        byte[] natural = Weights(id, TinyRuns.Options("--method natural"));
        Assert.That(Weights(id, TinyRuns.Options("--method free --replays 1 --epsilon 0 --alpha 0")), Is.EqualTo(natural));
        string still = "--method mdeat --max-replays 1 --epsilon 0 --alpha 0 --delta-init zero";
        Assert.That(Weights(id, TinyRuns.Options(still)), Is.EqualTo(natural));
        Assert.That(Weights(id, TinyRuns.Options("--method free --replays 1")), Is.EqualTo(natural), "the last delta is not used");
        Assert.That(Weights(id, TinyRuns.Options("--method free --replays 2")), Is.Not.EqualTo(natural));
    }

    [Test]
    public void OneMethodWithTheOptionsOfAnotherIsTheOtherBitForBit()
    {
        (string One, string Other)[] pairs =
        [
            ("--method fgsm", "--method pgd --replays 1 --alpha 8 --delta-init zero"),
            ("--method u-fgsm --epsilon 4", "--method mpgd --schedule fixed --replays 1 --alpha 10 --epsilon 4"),
            ("--method fat --patience 9 --replays 3", "--method mpgd --schedule fixed --replays 3 --attack-bn eval"),
            ("--method fmart --patience 2", "--method mart --loop friendly --patience 2 --attack-bn eval"),
            ("--method mtrades", "--method trades --schedule m+"),
            ("--method mmart --gamma 2", "--method mart --schedule m+ --gamma 2"),
            ("--method pgd --loop replay --replays 2", "--method free --alpha 2 --replays 2 --init uniform"),
            ("--method trades --loss ce --delta-init zero", "--method pgd --delta-init zero --replays 10"),
            // With a step as large as the ball both versions of the scripts take the same steps, whatever magnitude they look at.
            ("--method mpgd --alpha 8 --gamma inf", "--method mpgd --alpha 8 --gamma inf --compat table1"),
            ("--method mmart --alpha 8 --gamma inf", "--method mmart --alpha 8 --gamma inf --compat table1"),
        ];
        foreach ((string one, string other) in pairs)
            Assert.That(Weights("cpu", TinyRuns.Options(one)).SequenceEqual(Weights("cpu", TinyRuns.Options(other))), one);
    }

    /// <summary>Before its first step M+PGD as in Table 1 trains on the start itself, which its update leaves as it is.</summary>
    [Test]
    public void AStartIsClampedToValidPixelsOrNot([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        (double[] X, double[] Delta) Start(string clamp)
        {
            using Trainer trainer = new(
                TestDevices.Get(id), TinyRuns.Options($"--method mpgd --compat table1 --clamp-start {clamp}"), TinyRuns.Images(8));
            (double[] X, double[] Delta) start = ([], []);
            trainer.Observer = pass => start = (pass.Batch.X.ToDoubles(), pass.Batch.Delta.ToDoubles());
            trainer.TrainBatch();
            return start;
        }

        (double[] x, double[] off) = Start("off");
        double[] on = Start("on").Delta;
        Assert.That(off.Zip(x, (d, pixel) => d + pixel).Count(pixel => pixel is < 0 or > 1), Is.GreaterThan(x.Length / 100));
        Assert.That(off.Max(Math.Abs), Is.InRange(7.9 / 255, 8.0 / 255));
        Assert.That(on, Is.EqualTo(off.Zip(x, (d, pixel) => (double)Math.Clamp((float)d, -(float)pixel, 1 - (float)pixel))));
        byte[] usual = Weights(id, TinyRuns.Options("--method mdeat"));
        Assert.That(Weights(id, TinyRuns.Options("--method mdeat --clamp-start off")), Is.Not.EqualTo(usual));
    }

    [Test]
    public void EachMethodIsAnother()
    {
        // Two of them differ only where the number of replays has changed.
        string Line(TrainingMethod method) => $"--method {method.Name} --epochs 2 " + method.Name switch
        {
            "deat-d" => "--delay 1",
            "cat" => "--target-accuracy 0",
            _ => "",
        };
        ILookup<string, string> methods = TrainingMethods.All.ToLookup(
            method => Convert.ToHexString(SHA256.HashData(Weights("cpu", TinyRuns.Options(Line(method))))), method => method.Name);
        Assert.That(methods.Where(same => same.Count() > 1).Select(same => string.Join(" = ", same)), Is.Empty);
    }

    /// <summary>Update passes move running statistics; attack passes only in training mode.</summary>
    [TestCase("--method pgd --replays 2", 3)]
    [TestCase("--method pgd --replays 2 --attack-bn eval", 1)]
    [TestCase("--method trades --replays 2", 6)]
    [TestCase("--method trades --replays 2 --compat table1", 7)]
    [TestCase("--method trades --replays 2 --attack-bn eval", 2)]
    [TestCase("--method mart --replays 2", 4)]
    [TestCase("--method mart --replays 2 --attack-bn eval", 2)]
    public void BatchNormIsInTheModeThatIsAskedFor(string line, int moves)
    {
        using Trainer trainer = new(TestDevices.Get("cpu"), TinyRuns.Options(line), TinyRuns.Images());
        trainer.TrainBatch();
        long counted = trainer.Model.StateDict().First(entry => entry.Name == "bn.num_batches_tracked").ToInt64s()[0];
        Assert.That(counted, Is.EqualTo(moves));
        Assert.That(trainer.Model.Training);
    }

    /// <summary>Which passes of a minibatch in epochs 0 and 1 take the gradient of the images: 1, or 0.</summary>
    [TestCase("--method mdeat", "1", "11")]
    [TestCase("--method mpgd", "1", "11")]
    [TestCase("--method mpgd --compat table1", "0", "10")]
    [TestCase("--method mtrades", "1", "11")]
    [TestCase("--method mtrades --compat table1", "0", "10")]
    [TestCase("--method mart --replays 1", "10", "10")]
    public void TheMagnitudeIsThatOfTheLastPassThatTakesTheGradientOfTheImages(string line, params string[] epochs)
    {
        using Trainer trainer = new(TestDevices.Get("cpu"), TinyRuns.Options(line), TinyRuns.Images(8));
        string passes = "";
        double magnitude = 0;
        trainer.Observer = pass =>
        {
            passes += pass.InputGradient is null ? "0" : "1";
            magnitude = pass.InputGradient is null ? magnitude : pass.Batch.Magnitude.ToDoubles().Sum();
        };
        foreach (string expected in epochs)
        {
            (passes, magnitude) = ("", 0);
            trainer.TrainBatch();
            Assert.That(passes, Is.EqualTo(expected));
            Assert.That(trainer.HasMagnitude, Is.EqualTo(expected.Contains('1')));
            Assert.That(trainer.Fold().Magnitude, Is.EqualTo(magnitude).Within(1e-9));
            trainer.EndEpoch(null);
        }
    }

    [Test]
    public void InTable1MTradesAndMMartLookAtTheLastMinibatchAlone([Values("mtrades", "mmart", "mpgd")] string method)
    {
        TrainOptions options = TinyRuns.Options($"--method {method} --compat table1");
        using Trainer trainer = new(TestDevices.Get("cpu"), options, TinyRuns.Images());
        using Trainer inParts = new(TestDevices.Get("cpu"), options, TinyRuns.Images());
        List<double> batches = [];
        trainer.Observer = pass =>
        {
            if (pass.InputGradient is not null)
                batches.Add(pass.Batch.Magnitude.ToDoubles().Sum());
        };
        TinyRuns.Train(trainer, 1);
        TinyRuns.Train(inParts, 1);
        for (int batch = 0; batch < 3; batch++)
        {
            trainer.TrainBatch();
            inParts.TrainBatch();
            inParts.Fold();
        }

        double expected = method == "mpgd" ? batches.Sum() : batches[^1];
        Assert.That(batches, Has.Count.EqualTo(3));
        Assert.That(trainer.Fold().Magnitude, Is.EqualTo(expected).Within(1e-9 * expected));
        Assert.That(inParts.Fold().Magnitude, Is.EqualTo(trainer.State.Sums.Magnitude));
    }

    [Test]
    public void NFgsmLeavesTheBallButNotTheValidPixels()
    {
        using Trainer trainer = new(TestDevices.Get("cpu"), TinyRuns.Options("--method n-fgsm"), TinyRuns.Images());
        double largest = 0;
        trainer.Observer = pass =>
        {
            double[] delta = pass.Batch.Delta.ToDoubles(), x = pass.Batch.X.ToDoubles();
            largest = Math.Max(largest, delta.Max(Math.Abs));
            Assert.That(delta.Zip(x, (d, p) => p + d), Has.All.InRange(0, 1));
        };
        TinyRuns.Train(trainer, 1);
        Assert.That(largest * 255, Is.InRange(20, 24.001));
    }

    /// <summary>An image that was classified wrongly in more attack passes than the patience is where it was then.</summary>
    [Test]
    public void AFriendlyAttackLeavesAnImageAfterItsPatience([Values(0, 1, 3)] int patience, [Values("fat", "ftrades")] string method)
    {
        const int Steps = 6, Count = 8;
        TrainOptions options = TinyRuns.Options($"--method {method} --replays {Steps} --patience {patience} --lr-schedule flat");
        using Trainer trainer = new(TestDevices.Get("cpu"), options, TinyRuns.Images(Count) with { Augment = false });
        int[] wrong = new int[Count];
        double[] before = [];
        int stopped = 0, moved = 0;
        trainer.Observer = pass =>
        {
            double[] delta = pass.Batch.Delta.ToDoubles();
            int[] correct = pass.Batch.Correct.ToArray<int>();
            for (int n = 0; n < Count && pass.Iteration is > 0 and < Steps; n++)
            {
                wrong[n] += 1 - correct[n];
                Range image = (n * delta.Length / Count)..((n + 1) * delta.Length / Count);
                bool stands = delta[image].SequenceEqual(before[image]);
                Assert.That(stands, Is.EqualTo(wrong[n] > patience), $"image {n}, iteration {pass.Iteration}");
                (stopped, moved) = (stopped + (stands ? 1 : 0), moved + (stands ? 0 : 1));
            }

            if (pass.Iteration == 0)
                wrong = [.. correct.Select(c => 1 - c)];
            before = delta;
        };
        for (int epoch = 0; epoch < 3; epoch++)
        {
            trainer.TrainBatch();
            trainer.EndEpoch(null);
        }

        Assert.That(stopped, Is.Positive);
        Assert.That(moved, Is.Positive);
    }

    [Test]
    public void AttackStepsMoveNoWeightAndComputeNoGradientOfOne()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options("--method pgd --replays 2"), TinyRuns.Images());
        device.Ledger.Clear();
        trainer.TrainBatch();
        bool IsWeightGradient(LedgerKey key) => key.Direction == Direction.WeightGradient;
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Attack && IsWeightGradient(key)).Launches, Is.Zero);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Update && IsWeightGradient(key)).Launches, Is.Positive);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Update && key.Iteration == 2).Launches, Is.Positive);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Attack && key.Iteration == 1).Launches, Is.Positive);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Step).Launches, Is.Positive);
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Optimizer).Launches, Is.EqualTo(1));
        Assert.That(device.Ledger.Total(key => key.Phase == Phase.Setup).Launches, Is.Zero);
    }

    [Test]
    public void NaturalTrainingComputesNoGradientOfTheImages()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options("--method natural"), TinyRuns.Images());
        device.Ledger.Clear();
        trainer.TrainBatch();
        Assert.That(
            device.Ledger.Total(key => key.Layer == "conv1" && key.Direction == Direction.InputGradient).Launches, Is.Zero);
    }

    [Test]
    public void EveryMethodIsFoundByItsNameAndTakesItsDefaults()
    {
        foreach (TrainingMethod method in TrainingMethods.All)
        {
            TrainOptions options = TinyRuns.Options($"--method {method.Name}");
            Assert.That(options.Method, Is.SameAs(method));
            bool? discards = method.Defaults.AttackNorm is null ? null : false;
            Assert.That(options.Adversary, Is.EqualTo(method.Defaults with { ComputesDiscarded = discards }));
        }
    }

    // The weights, running statistics and momentum of a whole run, without the state that names schedules.
    private static byte[] Weights(string id, TrainOptions options)
    {
        using Trainer trainer = new(TestDevices.Get(id), options, TinyRuns.Images());
        TinyRuns.Train(trainer, options.Epochs);
        return [.. trainer.Save().Arrays.SelectMany(array => array.Data)];
    }
}
