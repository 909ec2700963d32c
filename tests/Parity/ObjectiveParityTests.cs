using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using Deat.Twins;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// The losses of training and of attacks through PreAct-ResNet-18 of width 8 in float64 against libtorch: value and all gradients.
/// </summary>
public sealed class ObjectiveParityTests : WholeRuns
{
    private const double Tolerance = 1e-11;

    private static readonly GoldenFile File = GoldenFile.Open("objectives");

    private static readonly Dictionary<string, Loss> All = new()
    {
        ["smoothed"] = Losses.SmoothedCrossEntropy(File.Setting("losses", "smoothing")),
        ["divergence"] = Losses.Divergence,
        ["margin"] = Losses.Margin,
        ["dlr"] = Losses.Dlr,
        ["targeted-dlr"] = Losses.TargetedDlr,
        ["trades"] = Losses.Trades(File.Setting("losses", "beta")),
        ["mart"] = Losses.Mart(File.Setting("losses", "beta")),
    };

    private static IEnumerable<string> Names => All.Keys;

    [Test]
    public void MatchesLibtorch(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id, [ValueSource(nameof(Names))] string name)
    {
        ComputeDevice device = TestDevices.Get(id);
        Assume.That(device.Traits.HasFloat64);
        Compare(device, name, change: 0).RequireWithin(Tolerance);
    }

    [Test]
    public void SeesOneChangedWeight([ValueSource(nameof(Names))] string name) => Assert.That(
        Compare(TestDevices.Get("cpu"), name, GoldenRun.Change).Largest, Is.GreaterThan(Tolerance));

    private static Deviations Compare(ComputeDevice device, string name, double change)
    {
        Deviations deviations = new();
        using PreActResNet18 model = GoldenNetwork.Place(device, ElementType.Float64, File.Seed, change);
        using Workspace workspace = new(device, MemoryCategory.Data);
        Minibatch batch = Minibatch.Allocate(workspace, GoldenNetwork.BatchShape, ElementType.Float64, seesNatural: true) with
        {
            Targets = workspace.Plain(new Shape(GoldenNetwork.BatchShape.N, 1), ElementType.Int32),
        };
        batch.X.CopyFrom<double>(GoldenWeights.Images(File.Seed, 0));
        int[] labels = [.. GoldenWeights.Labels(File.Seed, 0)];
        batch.Labels.CopyFrom<int>(labels);
        batch.Targets!.CopyFrom<int>([.. labels.Select(label => (label + (int)File.Setting("losses", "shift")) % 10)]);
        using AdversarialPass pass = new(model, All[name], GoldenNetwork.Normalization)
        {
            Batch = batch,
            Update = () => { },
            Observer = shown =>
            {
                deviations.Add("loss", shown.Loss.ToArray<double>(), File[$"{name}/loss"]);
                GoldenPart.Compare(deviations, File, $"{name}/dz", shown.InputGradient!.ToArray<double>());
            },
        };
        pass.Start(
            DeltaInit.Uniform, File.Setting("losses", "epsilon"), clampPixels: false, new RandomKey(File.Seed, Purpose.Delta));
        pass.Run(Wanted.Both, iteration: 0);
        foreach ((string parameter, Parameter weights) in model.Parameters())
            GoldenPart.Compare(deviations, File, $"{name}/{parameter}", weights.Value.Gradient!.ToArray<double>());
        return deviations;
    }
}
