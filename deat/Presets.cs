namespace Deat.Training;

/// <summary>A named set of options.</summary>
/// <param name="Name">What --preset takes.</param>
/// <param name="Title">What it is for.</param>
/// <param name="Options">The options by name, written as on the command line.</param>
public sealed record Preset(string Name, string Title, IReadOnlyDictionary<string, string> Options);

/// <summary>Named sets of options; what the user writes goes before.</summary>
public static class Presets
{
    private const string Table1 = "a row of the paper's Table 1 (50 epochs, test images choose the best)";
    private const string Fast = "a run of the authors' FAST training, or of fast_adversarial's (cyclic learning rate)";

    private const string Others = "the authors' runs of other networks (50 epochs, wrn-34-10 100)";

    private const string Rows = "validation-from=test test-attacks=clean,pgd100,cw20";

    // Of the methods in which the scripts behind Table 1 differ from newer ones.
    private const string Old = "compat=table1";
    private const string Vgg = $"{Rows} model=vgg16 lr-max=0.01";
    private const string Dense = $"{Rows} model=dense121 lr-max=0.01";
    private const string Wide = $"{Rows} model=wrn-34-10 epochs=100 lr-max=0.1 lr-milestones=50,75";
    private const string Cyclic = "lr-schedule=cyclic lr-max=0.1";

    /// <summary>All presets, in the order of the help.</summary>
    public static IReadOnlyList<Preset> All { get; } =
    [
        Of(
            "demo", "built-in images, a narrow network, under two minutes on two cores",
            "width=16 epochs=5 batch-size=32 lr-schedule=cyclic lr-max=0.1 max-replays=4 train-images=960 validation-images=64 "
            + "validation-attack=cw5 test-images=300"),
        Of("standard", "the paper's setting for CIFAR-10: 50 epochs, multistep, full width", ""),
        Of("fast", "the authors' FAST setting: 10 epochs, cyclic learning rate", $"epochs=10 {Cyclic}"),
        Of("table1/free-4", Table1, $"{Rows} method=free replays=4"),
        Of("table1/free-6", Table1, $"{Rows} method=free replays=6"),
        Of("table1/free-8", Table1, $"{Rows} method=free replays=8"),
        Of("table1/m+deat", Table1, $"{Rows} {Old} method=mdeat"),
        Of("table1/pgd-7", Table1, $"{Rows} method=pgd replays=7"),
        Of("table1/fat-5", Table1, $"{Rows} method=fat lr-milestones=24,39"),
        // In pixels, as in its script; whose network has other shortcuts and one more normalisation, which this one has not.
        Of("table1/yopo-5-3", Table1, $"{Rows} method=yopo normalization=01 lr-milestones=25,40"),
        Of("table1/amata-2-10", Table1, $"{Rows} method=amata min-replays=2 max-replays=10"),
        Of("table1/m+pgd", Table1, $"{Rows} {Old} method=mpgd"),
        // The scripts of TRADES and MART count epochs from 1 in part, so that their rates fall an epoch or two earlier.
        Of("table1/trades", Table1, $"{Rows} {Old} method=trades lr-milestones=23,38"),
        Of("table1/f+trades", Table1, $"{Rows} {Old} method=ftrades lr-milestones=24,39"),
        Of("table1/m+trades", Table1, $"{Rows} {Old} method=mtrades lr-milestones=25,40"),
        Of("table1/mart", Table1, $"{Rows} method=mart lr-milestones=24,39 seed=1"),
        Of("table1/f+mart", Table1, $"{Rows} method=fmart lr-milestones=24,39"),
        Of("table1/m+mart", Table1, $"{Rows} {Old} method=mmart lr-milestones=25,40"),
        Of("vgg16/m+deat", Others, $"{Vgg} {Old} method=mdeat"),
        Of("vgg16/pgd-7", Others, $"{Vgg} method=pgd replays=7 delta-init=zero"),
        Of("vgg16/m+pgd", Others, $"{Vgg} {Old} method=mpgd alpha=10"),
        Of("dense121/m+deat", Others, $"{Dense} {Old} method=mdeat"),
        Of("dense121/pgd-7", Others, $"{Dense} method=pgd replays=7 delta-init=zero"),
        Of("dense121/m+pgd", Others, $"{Dense} {Old} method=mpgd alpha=10"),
        // With the usual step of 10/255 the authors' run overfits catastrophically after the first drop of the rate; this one does not.
        Of("wrn-34-10/m+deat", Others, $"{Wide} {Old} method=mdeat alpha=2"),
        Of("wrn-34-10/pgd-7", Others, $"{Wide} method=pgd replays=7 delta-init=zero"),
        Of("wrn-34-10/m+pgd", Others, $"{Wide} {Old} method=mpgd"),
        Of("fast/deat-d", Fast, $"{Cyclic} method=deat-d epochs=12 delay=3 max-replays=5"),
        Of("fast/deat-p", Fast, $"{Cyclic} method=deat-p epochs=10 target-accuracy=0.4 max-replays=4"),
        Of("fast/m+deat", Fast, $"{Cyclic} method=mdeat epochs=10 alpha=12 gamma=1 clamp-start=off"),
        Of("fast/u-fgsm", Fast, "lr-schedule=cyclic lr-max=0.2 method=u-fgsm epochs=15"),
    ];

    /// <summary>The preset of a name; without a name, demo where no data are named and standard otherwise.</summary>
    /// <exception cref="UsageException">There is none of the name.</exception>
    public static Preset Find(IReadOnlyDictionary<string, string> given)
    {
        bool namesData = given.ContainsKey("data") || given.ContainsKey("data-dir");
        string name = given.GetValueOrDefault("preset") ?? (namesData ? "standard" : "demo");
        return All.FirstOrDefault(preset => preset.Name == name)
            ?? throw new UsageException($"--preset '{name}' is not one of {string.Join(", ", All.Select(preset => preset.Name))}");
    }

    /// <summary>Options written as <c>name=value</c> with blanks between them.</summary>
    public static IReadOnlyDictionary<string, string> Parse(string options) =>
        options.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(option => option.Split('='))
            .ToDictionary(parts => parts[0], parts => parts[1]);

    private static Preset Of(string name, string title, string options) => new(name, title, Parse(options));
}
