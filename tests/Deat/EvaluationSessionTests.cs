using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class EvaluationSessionTests : WholeRuns
{
    private const int Count = 24;

    private static readonly ImageSet Images = TinyRuns.Images(Count, size: TwoLayers.Size) with
    {
        ClassNames = [.. Enumerable.Range(0, TwoLayers.Classes).Select(c => $"class{c}")],
        Labels = new int[Count],
    };

    private static readonly Pixels Epsilon = Pixels.Parse("3/255", "--epsilon");
    private static readonly Dictionary<string, string> Subject = new() { ["network"] = "two layers", ["seed"] = "3" };

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Delete();

    [Test]
    public void AnInterruptedEvaluationGoesOnToTheSameResult([Values(1, 2, 4, 7, 11)] int batches)
    {
        IReadOnlyList<ChainResult> whole = Run("pgd5,apgd-ce-9+apgd-t-7", int.MaxValue)!;
        Assert.That(Run("pgd5,apgd-ce-9+apgd-t-7", batches), Is.Null, "stopped");
        Assert.That(File.Exists(_folder["state.json"]));
        IReadOnlyList<ChainResult> resumed = Run("pgd5,apgd-ce-9+apgd-t-7", int.MaxValue, resumes: true)!;
        EvaluationResult[] expected = [.. whole.SelectMany(result => result.Stages)];
        EvaluationResult[] actual = [.. resumed.SelectMany(result => result.Stages)];
        Assert.That(actual.Select(stage => stage.Correct), Is.EqualTo(expected.Select(stage => stage.Correct)));
        Assert.That(actual.Select(stage => stage.Losses), Is.EqualTo(expected.Select(stage => stage.Losses)));
        Assert.That(actual.Select(stage => stage.Passes), Is.EqualTo(expected.Select(stage => stage.Passes)));
        Assert.That(actual.Select(stage => stage.Attacked), Is.EqualTo(expected.Select(stage => stage.Attacked)));
        Assert.That(File.Exists(_folder["state.json"]), Is.False, "nothing is left to go on with");
    }

    [Test]
    public void EachAttackOfAChainTakesUpWhatTheOneBeforeLeft()
    {
        ChainResult[] results = [.. Run("clean,apgd-ce-9+apgd-t-7,apgd-t-7", int.MaxValue)!];
        EvaluationResult clean = results[0].Final, first = results[1].Stages[0], second = results[1].Stages[1];
        Assert.That(first.Attacked, Is.EqualTo(clean.Total.Hits));
        Assert.That(second.Attacked, Is.EqualTo(first.Total.Hits));
        Assert.That(second.Correct.Zip(first.Correct, (s, f) => f || !s), Is.All.True);
        Assert.That(second.Total.Hits, Is.LessThanOrEqualTo(results[2].Final.Total.Hits));
        Assert.That(second.Passes.ForwardImages, Is.LessThanOrEqualTo(results[2].Final.Passes.ForwardImages));
    }

    [Test]
    public void TheStateOfAnotherEvaluationIsRefused()
    {
        Run("pgd5", 1);
        using TwoLayers network = new();
        using Evaluator evaluator = Evaluator(network);
        Dictionary<string, string> other = new(Subject) { ["seed"] = "4" };
        EvaluationSession session = new(evaluator, 4, other, _folder["state.json"], TimeProvider.System);
        Assert.That(() => session.Resume(), Throws.TypeOf<CheckpointException>().With.Message.Contains("seed is 4, was 3"));
    }

    [TestCase("")]
    [TestCase("{}")]
    [TestCase("null")]
    [TestCase("""
        {"subject":{"network":"two layers","seed":"3"},
        "standings":[{"correct":[true],"losses":[1],"flat":[],"moved":[],"attacked":1}]}
        """)]
    public void ADamagedStateIsRefused(string content)
    {
        File.WriteAllText(_folder["state.json"], content);
        using TwoLayers network = new();
        using Evaluator evaluator = Evaluator(network);
        EvaluationSession session = new(evaluator, 3, Subject, _folder["state.json"], TimeProvider.System);
        Assert.That(() => session.Resume(), Throws.TypeOf<CheckpointException>().With.Message.Contains("state.json"));
    }

    [Test]
    public void EnsemblesAreThoseOfAutoAttack()
    {
        Assert.That(
            AttackChain.Ensembles[0].Attacks, Is.EqualTo(new[] { ("apgd-ce", 1), ("apgd-t", 1), ("fab-t", 1), ("square", 1) }));
        Assert.That(
            AttackChain.Ensembles[1].Attacks,
            Is.EqualTo(new[] { ("apgd-ce", 5), ("apgd-dlr", 5), ("fab", 5), ("square", 1), ("apgd-t", 1), ("fab-t", 1) }));
        Assert.That(
            AttackChain.ParseList("autoattack-plus", Epsilon, Epsilon)[0].Attacks.Select(attack => (attack.Kind.Name, attack.Restarts)),
            Is.EqualTo(AttackChain.Ensembles[1].Attacks));
        AttackChain chain = AttackChain.ParseList("clean, apgd-ce + apgd-dlr-50", Epsilon, Epsilon, restarts: 2)[1];
        Assert.That((chain.Name, chain.Title), Is.EqualTo(("apgd-ce+apgd-dlr-50", "APGD-CE + APGD-DLR-50")));
        Assert.That(chain.Attacks.Select(attack => attack.Restarts), Is.EqualTo(new[] { 2, 2 }));
    }

    // Null if it was stopped after so many batches.
    private IReadOnlyList<ChainResult>? Run(string attacks, int batches, bool resumes = false)
    {
        using TwoLayers network = new();
        using Evaluator evaluator = Evaluator(network);
        EvaluationSession session = new(evaluator, 3, Subject, _folder["state.json"], TimeProvider.System);
        Assert.That(session.Resume(), Is.EqualTo(resumes));
        int done = 0;
        try
        {
            return session.Run(AttackChain.ParseList(attacks, Epsilon, Epsilon), (_, _) => done++, () => done == batches);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private static Evaluator Evaluator(TwoLayers network) =>
        new(network, TinyRuns.AsSeenBy(network, Images), TinyRuns.Options().Data.NormalizationOf(Images), 8);
}
