using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Runs small enough for tests: random images of 16 x 16, a network of width 4.</summary>
internal static class TinyRuns
{
    public const int BatchSize = 8;

    /// <summary>Random images; labels in turn.</summary>
    public static ImageSet Images(int count = 20, int seed = 1, int size = 16)
    {
        byte[] pixels = new byte[count * 3 * size * size];
        new Random(seed).NextBytes(pixels);
        return new ImageSet
        {
            Name = "random/train",
            Channels = 3,
            Height = size,
            Width = size,
            ClassNames = [.. Enumerable.Range(0, 10).Select(c => $"class{c}")],
            Pixels = pixels,
            Labels = [.. Enumerable.Range(0, count).Select(i => i % 10)],
            Mean = [0.49f, 0.48f, 0.45f],
            Std = [0.25f, 0.24f, 0.26f],
            Augment = true,
        };
    }

    /// <summary>The images with the labels that a network gives them, but every eighth another: something to attack.</summary>
    public static ImageSet AsSeenBy(Module network, ImageSet images)
    {
        using Evaluator evaluator = new(network, images, Options().Data.NormalizationOf(images), images.Count * 2);
        int[] seen = [.. evaluator.Logits(1)[0].Select(logits => Array.IndexOf(logits, logits.Max()))];
        return images with { Labels = [.. seen.Select((label, i) => i % 8 == 7 ? (label + 1) % images.Classes : label)] };
    }

    /// <summary>Options as on the command line, over those of a tiny run.</summary>
    public static TrainOptions Options(string options = "")
    {
        Dictionary<string, string> tiny = new()
        {
            ["width"] = "4",
            ["epochs"] = "3",
            ["batch-size"] = $"{BatchSize}",
            ["lr-max"] = "0.05",
            ["validation-images"] = "0",
        };
        string[] words = options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Dictionary<string, string> given = words.Chunk(2)
            .ToDictionary(pair => pair[0] == "--init" ? "delta-init" : pair[0][2..], pair => pair[1]);
        return OptionsResolution.Train(new OptionTexts(given, tiny));
    }

    /// <summary>The checkpoint file as bytes.</summary>
    public static byte[] File(Trainer trainer)
    {
        using MemoryStream stream = new();
        trainer.Save().Write(stream);
        return stream.ToArray();
    }

    /// <summary>Trains to the end of the run, or up to a minibatch of an epoch.</summary>
    public static void Train(Trainer trainer, int epochs, (int Epoch, int Batch)? until = null)
    {
        while (trainer.State.Epoch < epochs)
        {
            while (!trainer.IsEpochDone)
            {
                if ((trainer.State.Epoch, trainer.State.Batch) == until)
                    return;
                trainer.TrainBatch();
            }

            if ((trainer.State.Epoch, trainer.State.Batch) == until)
                return;
            trainer.EndEpoch(best: null);
        }
    }

    /// <summary>The checkpoint file of a whole run.</summary>
    public static byte[] Run(ComputeDevice device, TrainOptions options, ImageSet images)
    {
        using Trainer trainer = new(device, options, images);
        Train(trainer, options.Epochs);
        return File(trainer);
    }
}

/// <summary>
/// Leaves the shared devices' memory unpoisoned for a fixture of whole runs, in which filling each buffer would take most of the
/// time. Checks that all memory came back.
/// </summary>
public abstract class WholeRuns
{
    private Dictionary<string, long> _live = [];

    [SetUp]
    public void Unpoison()
    {
        _live = TestDevices.Ids.ToDictionary(id => id, id => TestDevices.Get(id).Pool.LiveBytes);
        foreach (string id in TestDevices.Ids)
            TestDevices.Get(id).Pool.Poison = false;
    }

    [TearDown]
    public void Poison()
    {
        foreach (string id in TestDevices.Ids)
        {
            Assert.That(TestDevices.Get(id).Pool.LiveBytes, Is.EqualTo(_live[id]), "live bytes");
            TestDevices.Get(id).Pool.Poison = true;
        }
    }
}
