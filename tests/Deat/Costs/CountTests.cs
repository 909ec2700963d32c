using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What training costs in operations and bytes, against numbers from elsewhere.</summary>
public sealed class CountTests : WholeRuns
{
    // torch.utils.flop_counter counts 1.111 GFLOP forward and 3.329 with the gradients of parameters, in convolutions and the linear layer.
    [Test]
    public void PreActResNet18CostsWhatTorchCounts()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using PreActResNet18 model = new();
        model.Place(device, ElementType.Float32, seed: 1);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Shape shape = new(1, 3, 32, 32);
        Tensor x = workspace.Activation<float>(shape, ElementType.Float32, new float[shape.Count]);
        device.Ledger.Clear();
        using Tape tape = new(device, Wanted.Parameters);
        Tensor y = model.Forward(tape, x);
        long forward = Multiplications(device);
        tape.Backward(y, tape.Activation<float>(y.Shape, ElementType.Float32, new float[10]));
        long both = Multiplications(device);
        Assert.That((forward, both), Is.EqualTo((Forward(), (3 * Forward()) - Convolution(3, 64, 3, 32))));
        Assert.That((Math.Round(forward / 1e9, 3), Math.Round(both / 1e9, 3)), Is.EqualTo((1.111, 3.329)));
    }

    // Elements that must be read and written once, of four bytes each; eight images of 16 x 16, a network of width 4.
    [Test]
    public void BytesAreThoseOfTheTensors()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Trainer trainer = new(device, TinyRuns.Options("--method natural"), TinyRuns.Images());
        device.Ledger.Clear();
        trainer.TrainBatch();
        Assert.That(Bytes(device, "conv1", Direction.Forward), Is.EqualTo(4 * ((8 * 3 * 256) + (4 * 27) + (8 * 4 * 256))));
        Assert.That(
            Bytes(device, "layer2.0.conv1", Direction.WeightGradient), Is.EqualTo(4 * ((8 * 4 * 256) + (8 * 4 * 9) + (8 * 8 * 64))));
        foreach (Direction direction in Enum.GetValues<Direction>())
        {
            Assert.That(Bytes(device, "linear", direction), Is.EqualTo(4 * ((8 * 32) + (32 * 10) + (8 * 10))), $"{direction}");
        }
    }

    [Test]
    public void APgdStepPaysForWeightGradientsOnceUnlessItIsToComputeThoseThatAreDiscarded()
    {
        Dictionary<(Phase, Direction), long> needed = Pgd7("off"), published = Pgd7("on");
        long weights = needed[(Phase.Update, Direction.WeightGradient)];
        Assert.That(needed, Does.Not.ContainKey((Phase.Attack, Direction.WeightGradient)));
        Assert.That(published[(Phase.Attack, Direction.WeightGradient)], Is.EqualTo(7 * weights));
        published.Remove((Phase.Attack, Direction.WeightGradient));
        Assert.That(published, Is.EqualTo(needed));
        Assert.That(needed[(Phase.Attack, Direction.Forward)], Is.EqualTo(7 * needed[(Phase.Update, Direction.Forward)]));
    }

    [Test]
    public void DiscardedGradientsChangeNoBit(
        [Values("pgd", "amata", "mpgd", "trades", "mtrades", "mart", "mmart", "fat", "ftrades", "fmart")] string method)
    {
        (byte[] File, long Flops)[] runs = [.. new[] { "off", "on" }.Select(computes =>
        {
            TrainOptions options = TinyRuns.Options($"--method {method} --attack-weight-gradients {computes} --seed {FreshSeed.Value}");
            using Trainer trainer = new(TestDevices.Get("cpu"), options, TinyRuns.Images());
            // The M+ methods would begin without an attack.
            trainer.TrainBatch(iterations: 2);
            trainer.TrainBatch(iterations: 3);
            Checkpoint saved = trainer.Save();
            using MemoryStream stream = new();
            Checkpoint.Of(saved.Arrays, saved.StateAs<TrainerState>() with { Flops = 0 }).Write(stream);
            return (stream.ToArray(), trainer.State.Flops);
        })];
        Assert.That(runs[1].File, Is.EqualTo(runs[0].File));
        Assert.That(runs[1].Flops, Is.GreaterThan(runs[0].Flops));
    }

    private static Dictionary<(Phase, Direction), long> Pgd7(string discarded)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        TrainOptions options = TinyRuns.Options($"--method pgd --attack-weight-gradients {discarded}");
        using Trainer trainer = new(device, options, TinyRuns.Images());
        device.Ledger.Clear();
        trainer.TrainBatch();
        return device.Ledger.Entries.Where(entry => IsMultiplying(entry.Key.Kernel))
            .GroupBy(entry => (entry.Key.Phase, entry.Key.Direction))
            .ToDictionary(group => group.Key, group => group.Sum(entry => entry.Value.Flops));
    }

    private static long Bytes(ComputeDevice device, string layer, Direction direction) =>
        device.Ledger.Total(key => key.Layer == layer && key.Direction == direction && IsMultiplying(key.Kernel)).Bytes;

    private static long Multiplications(ComputeDevice device) => device.Ledger.Total(key => IsMultiplying(key.Kernel)).Flops;

    private static bool IsMultiplying(string kernel) =>
        kernel.Split('.')[0] is nameof(ContractionKernels) or nameof(DirectConvolutionKernels) or nameof(LinearKernels)
        && !kernel.Contains("Bias", StringComparison.Ordinal);

    private static long Convolution(int inputs, int outputs, int window, int size) =>
        2L * inputs * outputs * window * window * size * size;

    // In each layer four convolutions, of which from the second layer on the first one halves rows and columns and comes with a shortcut.
    private static long Forward()
    {
        long flops = Convolution(3, 64, 3, 32) + (4 * Convolution(64, 64, 3, 32)) + (2 * 512 * 10);
        for (int width = 128, size = 16; width <= 512; width *= 2, size /= 2)
        {
            flops += Convolution(width / 2, width, 3, size) + Convolution(width / 2, width, 1, size)
                + (3 * Convolution(width, width, 3, size));
        }

        return flops;
    }
}
