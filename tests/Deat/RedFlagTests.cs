using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Each red flag is raised by a network made for it, and by no sound one.</summary>
public sealed class RedFlagTests : WholeRuns
{
    private const string OneInThree = "0.008";
    private const int Count = 24, Classes = TwoLayers.Classes;

    private static readonly Pixels Epsilon = Pixels.Parse("8/255", "--epsilon");

    private static readonly ImageSet Images = TinyRuns.Images(Count, size: TwoLayers.Size) with
    {
        ClassNames = [.. Enumerable.Range(0, Classes).Select(c => $"class{c}")],
        Labels = new int[Count],
    };

    [Test]
    public void ASoundNetworkRaisesNone()
    {
        using Odd network = new((_, logits) => logits);
        Assert.That(OfOutputs(network), Is.Empty);
        Assert.That(RedFlags.Of(Run(network, "apgd-ce")), Is.Empty);
    }

    [Test]
    public void RandomOutputs()
    {
        int calls = 0;
        using Odd network = new((tape, logits) => Ops.Add(tape, logits, Constant(tape, logits, i => 0.1 * (i + calls++) % 7)));
        Assert.That(OfOutputs(network).Single(), Does.Contain("output is random"));
    }

    [Test]
    public void ProbabilitiesInsteadOfLogits()
    {
        using Odd network = new((tape, logits) => Constant(tape, logits, i => i % Classes == 1 ? 0.5 : 0.1));
        Assert.That(OfOutputs(network).Single(), Does.Contain("probabilities, not logits"));
    }

    [Test]
    public void ZeroGradients()
    {
        using Odd network = new((tape, logits) => Passing(tape, logits, gradient: 0));
        string[] flags = [.. RedFlags.Of(Run(network, "apgd-ce"))];
        Assert.That(flags[0], Does.Contain("APGD-CE: the gradient is zero at the start for").And.Contain("images"));
    }

    [Test]
    public void NoProgress()
    {
        using Odd network = new((tape, logits) => Passing(tape, logits, gradient: -1));
        string[] flags = [.. RedFlags.Of(Run(network, "fgsm"))];
        Assert.That(flags.Single(), Does.Contain("FGSM: the attack makes no progress"));
        Assert.That(RedFlags.Of(Run(network, "fgsm"), follows: true), Is.Empty, "others have been there before");
        Assert.That(RedFlags.Of(Run(network, "fgsm", Pixels.Parse("0", "--epsilon"))), Is.Empty, "there is no room for any");
    }

    // What it does not fool it leaves as it was, so that its losses say nothing.
    [Test]
    public void AnAttackThatFoolsOrLeavesMakesProgressWhereItFoolsSome()
    {
        using Odd network = new((_, logits) => logits);
        EvaluationResult some = Run(network, "fab-t-5", Pixels.Parse(OneInThree, "--epsilon"));
        Assert.That(some.Attacked - some.Total.Hits, Is.Positive.And.LessThan(some.Attacked / 2));
        Assert.That(RedFlags.Of(some), Is.Empty);
        EvaluationResult none = Run(network, "fab-t-5", Pixels.Parse("0.00001", "--epsilon"));
        Assert.That(
            RedFlags.Of(none).Single(), Does.Contain($"FAB-T-5: the attack makes no progress: it fooled only 0 of {none.Attacked} images"));
    }

    [TestCase("clean")]
    [TestCase("pgd3")]
    [TestCase("apgd-ce")]
    [TestCase("apgd-t")]
    public void OutputsThatAreNoNumbersNeverCountAsRobust(string name)
    {
        using Odd network = new((tape, logits) => Ops.Add(tape, logits, Constant(tape, logits, _ => double.NaN)));
        EvaluationResult result = Run(network, name);
        Assert.That((result.Total.Hits, result.NotNumbers), Is.EqualTo((0, Count)));
        Assert.That(RedFlags.Of(result).Single(), Does.Contain($"not a number for {Count} images"));
    }

    // The images are classified well, but no attack's gradient is a number: their examples are none either.
    [Test]
    public void GradientsThatAreNoNumbersShow()
    {
        using Odd network = new((tape, logits) => Passing(tape, logits, gradient: double.NaN));
        EvaluationResult result = Run(network, "fgsm");
        Assert.That(result.Attacked, Is.Positive);
        Assert.That(result.Total.Hits, Is.Zero);
        Assert.That(RedFlags.Of(result).First(), Does.Contain($"not a number for {result.Attacked} images"));
    }

    [Test]
    public void AnAttackWithoutGradientsThatFindsMore()
    {
        using Odd network = new((tape, logits) => Passing(tape, logits, gradient: 0));
        EvaluationResult white = Run(network, "pgd3");
        EvaluationResult black = Run(network, RandomCorner.Attack(Pixels.Parse("255/255", "--epsilon"), restarts: 4));
        string[] flags = [.. RedFlags.OfAll([[white], [black]])];
        Assert.That(flags.Single(), Does.Contain("Noise-1 asks for no gradients").And.Contain("masked"));
        // What follows it in a chain has what it found, and must not hide it.
        Assert.That(RedFlags.OfAll([[white, black, white with { Total = black.Total }]]), Is.EqualTo(flags));
        Assert.That(RedFlags.OfAll([[white], [white]]), Is.Empty);
        Assert.That(RedFlags.OfAll([[black]]), Is.Empty, "nothing to compare with");
    }

    private static IEnumerable<string> OfOutputs(Odd network)
    {
        using Evaluator evaluator = Evaluator(network);
        return [.. RedFlags.OfOutputs(evaluator.Logits(RedFlags.Repetitions))];
    }

    private static EvaluationResult Run(Odd network, string name, Pixels? epsilon = null) =>
        Run(network, Attack.Parse(name, epsilon ?? Epsilon, Epsilon));

    private static EvaluationResult Run(Odd network, Attack attack)
    {
        using Evaluator evaluator = Evaluator(network);
        return evaluator.Run(attack, seed: 3);
    }

    // All have the same weights.
    private static Evaluator Evaluator(Odd network)
    {
        using Odd sound = new((_, logits) => logits);
        return new Evaluator(network, TinyRuns.AsSeenBy(sound, Images), TinyRuns.Options().Data.NormalizationOf(Images), 8);
    }

    private static Tensor Constant(Tape tape, Tensor like, Func<int, double> value)
    {
        Tensor constant = tape.Allocate(like.Layout, like.Type);
        constant.CopyFrom<double>([.. Enumerable.Range(0, (int)like.Shape.Count).Select(value)]);
        return constant;
    }

    // The logits as they are, with a gradient that is a multiple of theirs.
    private static Tensor Passing(Tape tape, Tensor logits, double gradient)
    {
        Tensor cut = tape.Allocate(logits.Layout, logits.Type);
        Ops.Keep(logits, cut);
        return tape.Record(cut, [logits], upstream => tape.Accumulate(
            logits, Constant(tape, logits, i => gradient * upstream.ToArray<double>()[i])));
    }

    private sealed class Odd : Module
    {
        private readonly Conv2d _weights;
        private readonly Func<Tape, Tensor, Tensor> _change;

        public Odd(Func<Tape, Tensor, Tensor> change)
        {
            _change = change;
            _weights = Add("weights", new Conv2d(3, Classes, TwoLayers.Size, stride: 1, padding: 0));
            Place(TestDevices.Get("cpu"), ElementType.Float64, 5);
        }

        protected override Tensor Compute(Tape tape, Tensor x) => _change(tape, _weights.Forward(tape, x));
    }
}
