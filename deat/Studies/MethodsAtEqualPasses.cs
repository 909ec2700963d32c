namespace Deat.Training;

/// <summary>All methods that the paper compares, with the same number of passes and the same learning rates over them.</summary>
public static class MethodsAtEqualPasses
{
    private const string Single = "natural, one step, replays", Steps = "attack steps", Regularised = "TRADES and MART";

    /// <summary>The study.</summary>
    public static Study Study { get; } = new(
        "methods", "Training methods at equal passes",
        [
            Row("natural", "natural", Single, "method=natural"),
            Row("fast", "FAST", Single, "method=u-fgsm"),
            Row("free-8", "FREE-8", Single, "method=free replays=8"),
            Row("pgd-7", "PGD-7", Steps, "method=pgd replays=7"),
            Row("fat-5", "FAT-5", Steps, "method=fat"),
            // The sum of five gradients is what it updates with, as if the learning rate were five times as large.
            Row("yopo-5-3", "YOPO-5-3", Steps, "method=yopo lr-max=0.01"),
            // 2 to 10 steps and the update.
            Row("amata-2-10", "Amata-2-10", Steps, "method=amata") with { PassesPerEpoch = 6 },
            Row("trades", "TRADES", Regularised, "method=trades"),
            Row("mart", "MART", Regularised, "method=mart"),
            Row("deat-d", "DEAT-d", Single, "method=deat-d"),
            Row("deat-p", "DEAT-p", Single, "method=deat-p"),
            Row("m+deat", "M+DEAT", Single, "method=mdeat"),
            Row("m+pgd", "M+PGD", Steps, "method=mpgd"),
            Row("m+trades", "M+TRADES", Regularised, "method=mtrades"),
            Row("m+mart", "M+MART", Regularised, "method=mmart"),
        ])
    {
        Attacks = "clean,pgd20,cw20,apgd-ce",
        // The learning rate has come to its end there, and validation images are few.
        Checkpoint = "last",
        Options = Presets.Parse(
            "width=16 batch-size=16 max-passes=30 lr-schedule=cyclic lr-max=0.05 train-images=768 validation-images=128 test-images=200 "
            + "validation-attack=cw5 test-attacks=clean"),
    };

    private static StudyRow Row(string name, string title, string group, string options) =>
        new(name, title, Presets.Parse(options)) { Group = group };
}
