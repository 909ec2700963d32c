using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>
/// Losses of training and of attacks through the golden network in training mode, on golden batch 0 with the uniform perturbation of its
/// epoch 0 and batch 0, up to 64/255: value, gradient to the normalised adversarial input, gradients of all parameters. Those towards a
/// target aim at the class <see cref="TargetShift"/> behind the label.
/// </summary>
internal static class ObjectivesFile
{
    /// <summary>The part of each label that all classes share.</summary>
    public const double Smoothing = 0.1;

    /// <summary>From the label of an image to its target, in a circle of all classes.</summary>
    public const int TargetShift = 3;

    private const int Classes = 10;

    // With 8/255 the divergence is 5e-4, and its gradients are differences of numbers that agree in their first digits.
    private const double Epsilon = 64.0 / 255;

    private static readonly (string Name, Func<Tensor, Tensor, Tensor, Tensor> Of)[] Objectives =
    [
        ("smoothed", (_, adversarial, labels) => functional.cross_entropy(adversarial, labels, label_smoothing: Smoothing)),
        ("divergence", (natural, adversarial, _) => TorchLosses.Divergence(natural, adversarial)),
        ("margin", (_, adversarial, labels) => TorchLosses.Margin(adversarial, labels)),
        ("dlr", (_, adversarial, labels) => TorchLosses.Dlr(adversarial, labels)),
        ("targeted-dlr", (_, adversarial, labels) =>
            TorchLosses.TargetedDlr(adversarial, labels, (labels + TargetShift).remainder(Classes))),
        ("trades", TorchLosses.Trades),
        ("mart", TorchLosses.Mart),
    ];

    public static GoldenFile Make(ulong seed)
    {
        var file = new GoldenFile();
        file.Remark("seed", $"{seed}");
        file.Remark("losses", $"beta={TorchLosses.Beta:R} smoothing={Smoothing:R} shift={TargetShift} epsilon={Epsilon:R}");
        foreach ((string name, Func<Tensor, Tensor, Tensor, Tensor> loss) in Objectives)
        {
            using var scope = NewDisposeScope();
            PreActResNet18 network = GoldenSetting.Network(seed);
            network.train();
            Tensor x = GoldenSetting.Images(seed, 0);
            Tensor moved = x + GoldenSetting.UniformDelta(seed, 0, 0, Epsilon);
            Tensor z = ((moved - GoldenSetting.Mean()) / GoldenSetting.Std()).requires_grad_();
            Tensor natural = network.forward((x - GoldenSetting.Mean()) / GoldenSetting.Std());
            Tensor value = loss(natural, network.forward(z), GoldenSetting.Labels(seed, 0));
            value.backward();
            Console.WriteLine($"objectives, {name}: {value.item<double>():F6}");
            file.Add($"{name}/loss", value);
            TrajectoryFiles.AddPart(file, $"{name}/dz", z.grad!);
            foreach ((string parameter, Tensor weights) in network.named_parameters())
                TrajectoryFiles.AddPart(file, $"{name}/{parameter}", weights.grad!);
        }

        return file;
    }
}
