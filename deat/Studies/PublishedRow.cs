namespace Deat.Training;

/// <summary>What the paper prints of a method and what the authors' logs say of it; accuracies in percent, of 10,000 images.</summary>
/// <param name="Natural">Printed accuracy on clean images.</param>
/// <param name="Pgd100">Printed accuracy under PGD-100.</param>
/// <param name="Cw20">Printed accuracy under CW-20.</param>
/// <param name="AutoAttack">Printed accuracy under AutoAttack.</param>
/// <param name="Minutes">Printed minutes of training, on the authors' machine, some with and some without autotuning.</param>
public sealed record PublishedRow(double Natural, double Pgd100, double Cw20, double AutoAttack, double Minutes)
{
    /// <summary>Logged accuracy on clean images where it is not the printed one: the table has two misprints.</summary>
    public double? LoggedNatural { get; init; }

    /// <summary>Logged accuracy under APGD-CE, AutoAttack's first attack; null without a log.</summary>
    public double? LoggedApgdCe { get; init; }

    /// <summary>Passes over the training images in 50 epochs; null where they are not known.</summary>
    public int? Passes { get; init; }

    /// <summary>Logged seconds of a pass; null where they are not known.</summary>
    public double? SecondsPerPass { get; init; }

    /// <summary>The epoch that was chosen, counted as the authors count, and its accuracy under CW-10; null without a log.</summary>
    public (int Epoch, double Accuracy)? Best { get; init; }

    /// <summary>The printed and the logged accuracy under an attack; null where there is none.</summary>
    /// <param name="attack">The attack's name: clean, pgd100, cw20, apgd-ce, autoattack.</param>
    public (double? Printed, double? Logged) Of(string attack) => attack switch
    {
        "clean" => (Natural, LoggedNatural ?? Natural),
        "pgd100" => (Pgd100, null),
        "cw20" => (Cw20, null),
        "apgd-ce" => (null, LoggedApgdCe),
        "autoattack" => (AutoAttack, null),
        _ => (null, null),
    };
}
