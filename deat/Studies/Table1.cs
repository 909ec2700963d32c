namespace Deat.Training;

/// <summary>
/// Table 1 of the paper: CIFAR-10, PreAct-ResNet-18, 50 epochs. Numbers: Wang, Zhang, Zheng, Ruan, arXiv 2103.03076, Table 1, as printed in
/// the repository TrustAI/DEAT; APGD-CE, passes, seconds and best epochs from the training and evaluation logs in it. Evaluated as in its
/// evaluation_cifar10.py: PGD-100 and CW-20 with steps of 2/255, AutoAttack standard, all on 10,000 images, on the epoch with the highest
/// accuracy under CW-10 on the first 2,560 of them.
/// </summary>
public static class Table1
{
    /// <summary>The study.</summary>
    public static Study Study { get; } = new(
        "table1", "Table 1 of the paper",
        [
            Row("free-4", "FREE-4", new(85.10, 47.17, 47.11, 43.98, 83.1), 46.36, 200, 24.9, (41, 48.55)),
            Row("free-6", "FREE-6", new(82.30, 48.27, 47.12, 44.78, 124.0), 47.59, 300, 24.8, (40, 48.55)),
            Row("free-8", "FREE-8", new(80.77, 48.54, 47.11, 44.79, 162.4), 47.89, 400, 24.4, (40, 48.32)),
            Row("m+deat", "M+DEAT", new(83.93, 48.87, 48.12, 45.56, 102.1), 48.26, 246, 24.9, (40, 49.22)),
            Row("pgd-7", "PGD-7", new(82.33, 49.48, 48.64, 45.95, 157.2), 48.91, 400, 23.6, (41, 49.34)),
            Row("fat-5", "FAT-5", new(81.77, 48.65, 47.97, 44.87, 92.2), 47.93, null, null, (27, 49.18)),
            Row("yopo-5-3", "YOPO-5-3", new(82.09, 43.02, 43.23, 40.69, 77.8), null, null, null, null),
            Row("amata-2-10", "Amata-2-10", new(79.63, 50.28, 48.24, 46.20, 135.4), 50.12, 322, 25.2, (30, 49.14)),
            Row("m+pgd", "M+PGD", new(83.43, 45.94, 45.66, 42.57, 94.8), 45.23, 237, 24.0, (26, 46.95)),
            Row("trades", "TRADES", new(79.29, 51.06, 48.46, 47.64, 456.4), 50.73, 1150, 23.8, (47, 48.79)),
            Row("f+trades", "F+TRADES", new(81.91, 51.12, 48.72, 47.54, 236.0), 50.45, null, null, (49, 49.34)),
            Row("m+trades", "M+TRADES", new(79.89, 51.43, 48.61, 47.52, 317.7) { LoggedNatural = 79.98 }, 50.83, 802, 23.8, (48, 49.30)),
            Row("mart", "MART", new(78.04, 54.88, 48.42, 46.67, 148.7) { LoggedNatural = 75.86 }, 54.17, 600, 14.9, (45, 49.26)),
            Row("f+mart", "F+MART", new(84.05, 49.46, 47.02, 45.46, 240.5), 48.73, null, null, (49, 48.71)),
            Row("m+mart", "M+MART", new(78.04, 55.83, 49.19, 47.20, 87.6), 54.91, 356, 14.8, (42, 50.12)),
        ])
    {
        // AutoAttack begins with APGD-CE, whose column that fills.
        Attacks = "clean,pgd100,cw20,autoattack",
        Checkpoint = "best",
        // The study attacks the network afterwards, and can be interrupted in that.
        Options = Presets.Parse("test-attacks=clean"),
        PublishedOn = "cifar10",
    };

    private static StudyRow Row(
        string name, string title, PublishedRow printed, double? apgdCe, int? passes, double? secondsPerPass, (int, double)? best) =>
        new(name, title, Options(name))
        {
            Published = printed with { LoggedApgdCe = apgdCe, Passes = passes, SecondsPerPass = secondsPerPass, Best = best },
        };

    private static Dictionary<string, string> Options(string name) =>
        Presets.All.First(preset => preset.Name == $"table1/{name}").Options.Where(option => option.Key != "test-attacks").ToDictionary();
}
