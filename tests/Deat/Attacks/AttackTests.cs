using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class AttackTests
{
    private static readonly Pixels Epsilon = Pixels.Parse("8", "--epsilon");
    private static readonly Pixels Step = Pixels.Parse("2", "--attack-step");

    [TestCase("clean", "clean", "Test", 0, false)]
    [TestCase("fgsm", "FGSM", "FGSM", 1, false)]
    [TestCase("pgd20", "PGD-20", "PGD20", 20, true)]
    [TestCase("pgd-100", "PGD-100", "PGD100", 100, true)]
    [TestCase("cw1", "CW-1", "CW1", 1, true)]
    public void AttacksAreReadByTheirNames(string text, string title, string logName, int steps, bool startsAtRandom)
    {
        Attack attack = Attack.Parse(text, Epsilon, Step, restarts: 3);
        Assert.That((attack.Title, attack.LogName), Is.EqualTo((title, logName)));
        Assert.That((attack.Steps, attack.StartsAtRandom), Is.EqualTo((steps, startsAtRandom)));
        Assert.That(attack.StepSize, Is.EqualTo(text == "fgsm" ? Epsilon : Step));
        Assert.That(attack.Restarts, Is.EqualTo(startsAtRandom ? 3 : 1));
        Assert.That(attack.Loss == Losses.Margin, Is.EqualTo(text.StartsWith("cw", StringComparison.Ordinal)));
    }

    [TestCase("pgd")]
    [TestCase("pgd0")]
    [TestCase("fgsm5")]
    [TestCase("clean1")]
    [TestCase("pgd 20")]
    [TestCase("apgd20")]
    [TestCase("pgd99999999999")]
    [TestCase("")]
    public void OthersAreRefused(string text) => Assert.That(
        () => Attack.Parse(text, Epsilon, Step), Throws.TypeOf<UsageException>().With.Message.Contains($"'{text}'"));

    // Where an ensemble can stand, the refusal names it too; within a chain and in training none can.
    [TestCase("autoatack", true)]
    [TestCase("fgsm,autoatack", true)]
    [TestCase("fgsm+autoattack", false)]
    public void RefusalsNameAllThatCanBeWritten(string text, bool withEnsembles)
    {
        string refusal = Assert.Throws<UsageException>(() => AttackChain.ParseList(text, Epsilon, Step))!.Message;
        Assert.That(refusal, Does.Contain("apgd-t, fab, fab-t, square"));
        Assert.That(refusal.Contains("square, autoattack, autoattack-plus,"), Is.EqualTo(withEnsembles));
        Assert.That(() => Attack.Parse("autoattack", Epsilon, Step), Throws.TypeOf<UsageException>().With.Message.Not.Contains("-plus"));
    }

    [Test]
    public void SeveralAreSeparatedByCommas() => Assert.That(
        Attack.ParseList("clean, fgsm,pgd20", Epsilon, Step).Select(attack => attack.Name), Is.EqualTo(new[] { "clean", "fgsm", "pgd20" }));
}
