using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class LedgerTests
{
    private static readonly Shape Images = new(2, 3, 5, 7);
    private static readonly Shape Weights = new(16, 3, 3, 3);
    private static readonly Shape Result = new(2, 16, 3, 4);

    // 2 * (2 * 16 * 3 * 4) * (3 * 3 * 3) operations and (210 + 432 + 384) * 4 bytes, whichever kernels do it.
    private const long Flops = 20_736;
    private const long Bytes = 4_104;

    [Test]
    public void AConvolutionCostsWhatItsDefinitionSays(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values(ConvolutionAlgorithm.Tiled, ConvolutionAlgorithm.Direct)] ConvolutionAlgorithm algorithm)
    {
        ComputeDevice device = TestDevices.Get(id);
        device.Ledger.Clear();
        using Tape tape = new(device, Wanted.Both);
        Convolve(tape, algorithm);
        foreach (Direction direction in Enum.GetValues<Direction>())
        {
            Assert.That(device.Ledger.Total(key => key.Direction == direction).Flops, Is.EqualTo(Flops), $"{direction}");
            LedgerEntry multiplying = device.Ledger.Total(key => key.Direction == direction && IsMultiplying(key.Kernel));
            Assert.That((multiplying.Flops, multiplying.Bytes), Is.EqualTo((Flops, Bytes)), $"{direction}");
        }
    }

    // Weights [16, 3, 3, 3] read and written once; backwards the three channels fill a tile of 16.
    [Test]
    public void PackingWeightsIsCountedToo([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        const string Pack = "PackingKernels.Pack<Single>";
        ComputeDevice device = TestDevices.Get(id);
        device.Ledger.Clear();
        using Tape tape = new(device, Wanted.Both);
        Convolve(tape, ConvolutionAlgorithm.Tiled);
        LedgerEntry forward = device.Ledger.Total(key => key is { Kernel: Pack, Direction: Direction.Forward });
        LedgerEntry backward = device.Ledger.Total(key => key is { Kernel: Pack, Direction: Direction.InputGradient });
        Assert.That(forward, Is.EqualTo(new LedgerEntry(1, 0, (432 + 432) * 4)));
        Assert.That(backward, Is.EqualTo(new LedgerEntry(1, 0, (432 + (16 * 16 * 9)) * 4)));
    }

    [Test]
    public void LaunchesAreCountedByPhaseIterationAndLayer()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Ledger ledger = device.Ledger;
        using Tape tape = new(device, Wanted.None);
        Tensor x = tape.Activation<float>(new Shape(1, 2, 3, 5), ElementType.Float32, new float[30]);
        ledger.Clear();
        using (ledger.In(Phase.Attack, 2))
        {
            using (ledger.Enter("layer1"))
            {
                using (ledger.Enter("0"))
                    Ops.Add(tape, x, x);
                Ops.Add(tape, x, x);
                Ops.Add(tape, x, x);
            }

            using (ledger.In(Phase.Update))
                Ops.Add(tape, x, x);
            Ops.Add(tape, x, x);
        }

        Ops.Add(tape, x, x);
        Assert.That(ledger.Entries, Is.EquivalentTo(new Dictionary<LedgerKey, LedgerEntry>
        {
            [Key(Phase.Attack, 2, "layer1.0")] = new(1, 30, 360),
            [Key(Phase.Attack, 2, "layer1")] = new(2, 60, 720),
            [Key(Phase.Update, 0, "")] = new(1, 30, 360),
            [Key(Phase.Attack, 2, "")] = new(1, 30, 360),
            [Key(Phase.Setup, 0, "")] = new(1, 30, 360),
        }));
        Assert.That(ledger.Total(), Is.EqualTo(new LedgerEntry(6, 180, 2160)));
        Assert.That(ledger.Total(key => key.Phase == Phase.Attack), Is.EqualTo(new LedgerEntry(4, 120, 1440)));
        ledger.Clear();
        Assert.That(ledger.Total(), Is.EqualTo(default(LedgerEntry)));

        LedgerKey Key(Phase phase, int iteration, string layer) =>
            new(phase, iteration, layer, "AddKernels.Sum<Single, Lane1>", Direction.Forward);
    }

    [Test]
    public void BackwardPassesAreCountedUnderTheLayerThatRecordedThem()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Ledger ledger = device.Ledger;
        using Tape tape = new(device, Wanted.Both);
        Tensor loss;
        using (ledger.In(Phase.Update))
        using (ledger.Enter("layer1"))
        using (ledger.Enter("conv1"))
            loss = Forward(tape, ConvolutionAlgorithm.Auto);
        ledger.Clear();
        using (ledger.In(Phase.Attack, 3))
        using (ledger.Enter("elsewhere"))
        {
            tape.Backward(loss);
            Assert.That(ledger.Layer, Is.EqualTo("elsewhere"));
        }

        IEnumerable<LedgerKey> gradients = ledger.Entries.Keys.Where(key => key.Direction != Direction.Forward);
        Assert.That(gradients.Select(key => key.Direction).Distinct().Count(), Is.EqualTo(2));
        Assert.That(
            gradients.Select(key => (key.Phase, key.Iteration, key.Layer)), Is.All.EqualTo((Phase.Attack, 3, "layer1.conv1")));
    }

    private static bool IsMultiplying(string kernel) =>
        kernel.StartsWith($"{nameof(ContractionKernels)}.") || kernel.StartsWith($"{nameof(GroupContractionKernels)}.")
        || kernel.StartsWith($"{nameof(DirectConvolutionKernels)}.");

    private static void Convolve(Tape tape, ConvolutionAlgorithm algorithm) => tape.Backward(Forward(tape, algorithm));

    private static Tensor Forward(Tape tape, ConvolutionAlgorithm algorithm)
    {
        Tensor x = tape.Watch(tape.Activation<float>(Images, ElementType.Float32, new float[Images.Count]));
        Tensor w = tape.Plain<float>(Weights, ElementType.Float32, new float[Weights.Count])
            .WithGradient(tape.Plain(Weights, ElementType.Float32));
        Tensor y = Ops.Conv2d(tape, x, w, stride: 2, padding: 1, algorithm);
        Assert.That(y.Shape, Is.EqualTo(Result));
        return tape.Record(tape.Plain<float>(new Shape(1, 1), y.Type, [0]), [y], _ =>
        {
            Tensor dy = tape.Activation<float>(Result, ElementType.Float32, new float[Result.Count]);
            tape.Accumulate(y, dy);
        });
    }
}
