using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The epochs that runs in benchmarks/results logged, given to the schedules that their options name.</summary>
public sealed class LoggedRunTests
{
    private static readonly string[] Methods =
    [
        "natural", "fast", "free-8", "pgd-7", "fat-5", "yopo-5-3", "amata-2-10", "trades", "mart", "deat-d", "deat-p", "m+deat", "m+pgd",
        "m+trades", "m+mart",
    ];

    private static IEnumerable<TestCaseData> Runs =>
        from method in Methods
        select new TestCaseData(Path.Combine(SourceFiles.Root, "benchmarks", "results", "amd-epyc-avx512-2-cores", "methods", method))
            .SetArgDisplayNames(method);

    [TestCaseSource(nameof(Runs))]
    public void LoggedMagnitudesAndAccuraciesGiveTheLoggedIterations(string folder)
    {
        TrainOptions options = OptionsResolution.Train(new OptionTexts(new Dictionary<string, string>(), RunConfig.Read(folder)));
        List<EpochMetrics> epochs = new RunRecords(folder, new AtomicFile(new FileOperations())).ReadMetrics();
        IReplaySchedule schedule = options.Replays();
        ReplayState state = schedule.First;
        foreach (EpochMetrics epoch in epochs)
        {
            Assert.That((state.Epoch, state.Count, state.StepSize, state.Threshold), Is.EqualTo((
                epoch.Epoch, epoch.Replays, epoch.StepSize, epoch.Threshold)));
            state = schedule.Next(state, new EpochOutcome(epoch.Magnitude ?? 0, epoch.TrainAccuracy));
        }

        // Their schedules decide by what was logged, and did.
        if (options.Method.Name is "deat-p" or "mdeat" or "mpgd" or "mtrades" or "mmart")
            Assert.That(epochs.Select(epoch => epoch.Replays).Distinct().Count(), Is.GreaterThan(1));
    }
}
