using System.Globalization;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class Table1Tests
{
    // Method, natural, PGD-100, CW-20, AutoAttack, minutes as printed; then of the logs APGD-CE, passes, seconds of a pass, best epoch
    // and its CW-10. Two natural accuracies are printed wrongly: the log's comes after them.
    private const string Published = """
        FREE-4 | 85.10 | 47.17 | 47.11 | 43.98 | 83.1 | 46.36 | 200 | 24.9 | 41 48.55
        FREE-6 | 82.30 | 48.27 | 47.12 | 44.78 | 124.0 | 47.59 | 300 | 24.8 | 40 48.55
        FREE-8 | 80.77 | 48.54 | 47.11 | 44.79 | 162.4 | 47.89 | 400 | 24.4 | 40 48.32
        M+DEAT | 83.93 | 48.87 | 48.12 | 45.56 | 102.1 | 48.26 | 246 | 24.9 | 40 49.22
        PGD-7 | 82.33 | 49.48 | 48.64 | 45.95 | 157.2 | 48.91 | 400 | 23.6 | 41 49.34
        FAT-5 | 81.77 | 48.65 | 47.97 | 44.87 | 92.2 | 47.93 | - | - | 27 49.18
        YOPO-5-3 | 82.09 | 43.02 | 43.23 | 40.69 | 77.8 | - | - | - | -
        Amata-2-10 | 79.63 | 50.28 | 48.24 | 46.20 | 135.4 | 50.12 | 322 | 25.2 | 30 49.14
        M+PGD | 83.43 | 45.94 | 45.66 | 42.57 | 94.8 | 45.23 | 237 | 24.0 | 26 46.95
        TRADES | 79.29 | 51.06 | 48.46 | 47.64 | 456.4 | 50.73 | 1150 | 23.8 | 47 48.79
        F+TRADES | 81.91 | 51.12 | 48.72 | 47.54 | 236.0 | 50.45 | - | - | 49 49.34
        M+TRADES | 79.89 79.98 | 51.43 | 48.61 | 47.52 | 317.7 | 50.83 | 802 | 23.8 | 48 49.30
        MART | 78.04 75.86 | 54.88 | 48.42 | 46.67 | 148.7 | 54.17 | 600 | 14.9 | 45 49.26
        F+MART | 84.05 | 49.46 | 47.02 | 45.46 | 240.5 | 48.73 | - | - | 49 48.71
        M+MART | 78.04 | 55.83 | 49.19 | 47.20 | 87.6 | 54.91 | 356 | 14.8 | 42 50.12
        """;

    [Test]
    public void ItsNumbersAreThePublishedOnes()
    {
        string[] rows = [.. Table1.Study.Rows.Select(row => $"{row.Title} | {Written(row.Published!)}")];
        Assert.That(rows, Is.EqualTo(Published.Split('\n')));
    }

    [Test]
    public void AllItsPublishedAccuraciesHaveAnAttack()
    {
        string[] attacks = ["clean", "pgd100", "cw20", "autoattack"];
        Assert.That(Table1.Study.Attacks.Split(','), Is.EqualTo(attacks));
        foreach (string attack in attacks.Append(AttackChain.Ensembles[0].Attacks[0].Attack))
            Assert.That(Table1.Study.Rows.Count(row => row.Published!.Of(attack) != (null, null)), Is.GreaterThanOrEqualTo(14), attack);
    }

    // TRADES runs the network twice at the images in its last pass, as the scripts behind the table did.
    [TestCase("free-4", 200)]
    [TestCase("free-6", 300)]
    [TestCase("free-8", 400)]
    [TestCase("trades", 1150)]
    [TestCase("pgd-7", 400)]
    [TestCase("amata-2-10", 322)]
    [TestCase("mart", 600)]
    public void ItsRunsMakeTheLoggedPasses(string name, int passes)
    {
        StudyRow row = Table1.Study.Choose(name).Single();
        Assert.That(row.Published!.Passes, Is.EqualTo(passes));
        TrainOptions options = OptionsResolution.Train(Table1.Study.Texts(row, new Dictionary<string, string>()));
        Assert.That(options.Epochs, Is.EqualTo(50));
        IReplaySchedule schedule = options.Replays();
        ReplayState state = schedule.First;
        int sum = 0, update = row.Name switch { "trades" => 3, "mart" => 2, _ => options.Method.Loop.HasAttack ? 1 : 0 };
        for (int epoch = 0; epoch < options.Epochs; epoch++, state = schedule.Next(state, new EpochOutcome(0, 0)))
            sum += ((row.Name == "trades" ? 2 : 1) * state.Count) + update;
        Assert.That(sum, Is.EqualTo(passes));
    }

    [Test]
    public void EveryRowOfEveryStudyIsARunThatCanBeMade()
    {
        Assert.That(MethodsAtEqualPasses.Study.Rows, Has.Count.EqualTo(15));
        foreach (Study study in Studies.All)
        {
            Assert.That(study.Rows.Select(row => row.Name), Is.Unique);
            foreach (StudyRow row in study.Rows)
                Assert.That(() => OptionsResolution.Train(study.Texts(row, new Dictionary<string, string>())), Throws.Nothing, row.Name);
        }
    }

    [TestCase("m+mart,free-4", "free-4,m+mart")]
    [TestCase("pgd-7", "pgd-7")]
    public void RowsAreChosenInTheOrderOfTheTable(string names, string expected) =>
        Assert.That(string.Join(',', Table1.Study.Choose(names).Select(row => row.Name)), Is.EqualTo(expected));

    private static string Written(PublishedRow known)
    {
        string logged = known.LoggedNatural is { } natural ? $" {Text(natural, "F2")}" : "";
        string best = known.Best is var (epoch, accuracy) ? $"{epoch} {Text(accuracy, "F2")}" : "-";
        return string.Join(
            " | ", Text(known.Natural, "F2") + logged, Text(known.Pgd100, "F2"), Text(known.Cw20, "F2"), Text(known.AutoAttack, "F2"),
            Text(known.Minutes, "F1"), Text(known.LoggedApgdCe, "F2"), Text(known.Passes, "F0"), Text(known.SecondsPerPass, "F1"), best);
    }

    private static string Text(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
}
