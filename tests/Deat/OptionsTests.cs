using System.Globalization;
using Deat.Engine;
using Deat.Nn;
using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class OptionsTests
{
    private static readonly string[] Lines =
    [
        "",
        "--method natural",
        "--method free --replays 8 --epsilon 0.031 --alpha 2.5",
        "--method pgd --max-replays 3 --delta-init zero",
        "--method free --delta-init previous",
        "--method deat-d --delay 2 --init-tau 4/255",
        "--method deat-p --target-accuracy 0.25",
        "--method mdeat --gamma inf --max-replays 6 --seed 18446744073709551615",
        "--method trades --beta 1 --attack-bn eval --replays 3 --init uniform --init-tau 4",
        "--model pre --width 8",
        "--model wrn-16-4",
        "--model dense121",
        "--method mart --schedule m+ --gamma 1.1 --compat table1",
        "--method mpgd --loop replay --label-smoothing 0.1",
        "--method amata --min-replays 3 --max-replays 6 --lr-schedule multistep --lr-milestones 2,3",
        "--method n-fgsm --loss trades",
        "--method fat --patience 0 --attack-bn train --clamp-start off",
        "--preset fast/m+deat --data cifar10",
        "--method pgd --clamp-start on --attack-weight-gradients on",
        "--method mmart --loop friendly",
        "--method yopo --first-steps 2 --schedule m+",
        "--lr-schedule multistep --momentum 0.85 --weight-decay 0 --lr-max 1e-3",
        "--lr-schedule cyclic --lr-min 0.001 --train-images 100 --test-images 7 --validation-images 0 --normalization +-1",
        "--method cat --target-accuracy 0.3 --max-replays 5",
        "--method fosc --fosc 0.2",
        "--method trades --loop fosc --awp-gamma 0.005 --grad-align 0.2",
        "--model wrn-10-2 --width 4 --dropout 0.25",
        "--average ema --average-decay 0.99 --average-warm-up off --stop-after 3",
        "--average swa --average-start 2 --epochs 4 --on-collapse rollback --on-jump stop",
        "--lr-schedule cosine --lr-min 0.001 --momentum 0.8",
        "--lr-schedule one-cycle --lr-max 0.2",
        "--precision bf16",
        "--precision bf16 --attack-precision tf32",
        "--validation-attack fgsm --test-attacks pgd10",
        "--validation-attack pgd5 --test-attacks clean,fgsm,cw20 --attack-step 1/255 --device cpu",
    ];

    [TestCaseSource(nameof(Lines))]
    public void WhatIsSavedIsReadBackAsTheSameOptions(string line)
    {
        TrainOptions options = Resolve(line);
        Dictionary<string, string> saved = options.ToJson().ToDictionary(option => option.Key, option => option.Value!.ToString());
        TrainOptions again = OptionsResolution.Train(new OptionTexts(new Dictionary<string, string>(), saved));
        Assert.That(again.ToJson().ToJsonString(), Is.EqualTo(options.ToJson().ToJsonString()));
        Assert.That(again.Adversary, Is.EqualTo(options.Adversary));
        Assert.That(again.Data, Is.EqualTo(options.Data));
        Assert.That(again.Optimizer, Is.EqualTo(options.Optimizer));
        Assert.That(again with { TestAttacks = options.TestAttacks }, Is.EqualTo(options));
    }

    [Test]
    public void TheLanguageOfTheMachineChangesNothing()
    {
        string expected = Resolve(Lines[^5]).ToJson().ToJsonString();
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            // As in German and, for the sign, in Persian.
            CultureInfo foreign = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            (foreign.NumberFormat.NumberDecimalSeparator, foreign.NumberFormat.NumberGroupSeparator) = (",", ".");
            foreign.NumberFormat.NegativeSign = "\u2212";
            CultureInfo.CurrentCulture = foreign;
            Assert.That(Resolve(Lines[^5]).ToJson().ToJsonString(), Is.EqualTo(expected));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Test]
    public void NothingSaidIsTheDemoAndNamedDataThePapersSetting()
    {
        Assert.That(Resolve("").Width, Is.LessThan(64));
        Assert.That(Resolve("").Data.Name, Is.EqualTo("procedural"));
        TrainOptions paper = Resolve("--data cifar10");
        Assert.That((paper.Width, paper.Epochs, paper.BatchSize), Is.EqualTo((64, 50, 128)));
        Assert.That(paper.Optimizer, Is.EqualTo(new OptimizerOptions
        {
            Rate = LearningRates.All[0],
            LearningRate = 0.05,
            Momentum = 0.9,
            WeightDecay = 5e-4,
        }));
        Assert.That((paper.Method.Name, paper.Adversary.Gamma, paper.Adversary.MaxReplays), Is.EqualTo(("mdeat", 1.01, 8)));
        Assert.That((paper.Adversary.Alpha!.Value.Value, paper.Adversary.Epsilon.Value), Is.EqualTo((10 / 255.0, 8 / 255.0)));
        Assert.That(Resolve("--data cifar10 --preset fast").Epochs, Is.EqualTo(10));
        Assert.That(Resolve("--data cifar10 --preset fast --epochs 3").Epochs, Is.EqualTo(3));
    }

    [TestCase("--method trades --schedule m+ --init uniform", "8/255")]
    [TestCase("--method mart --init bernoulli --epsilon 4", "4/255")]
    [TestCase("--method trades --init normal", "0.001")]
    [TestCase("--method mtrades", "0.001")]
    [TestCase("--method n-fgsm --init normal", "16/255")]
    public void AStartOfAnotherKindHasItsOwnSize(string line, string size) =>
        Assert.That(Resolve(line).Texts().Single(option => option.Name == "init-tau").Value, Is.EqualTo(size));

    [TestCase("--method mdeat", "on", null)]
    [TestCase("--preset fast/m+deat", "off", null)]
    [TestCase("--preset table1/m+deat", "on", null)]
    [TestCase("--method free", null, null)]
    [TestCase("--method free --init uniform", "off", null)]
    [TestCase("--method pgd", "off", "off")]
    [TestCase("--method mpgd --clamp-start off --attack-weight-gradients on", "off", "on")]
    [TestCase("--method natural", null, null)]
    public void WhatTheMethodDoesIsLoggedThoughNobodyAskedForIt(string line, string? clamp, string? gradients)
    {
        Dictionary<string, string> texts = Resolve(line).Texts().ToDictionary(option => option.Name, option => option.Value);
        Assert.That(texts.GetValueOrDefault("clamp-start"), Is.EqualTo(clamp));
        Assert.That(texts.GetValueOrDefault("attack-weight-gradients"), Is.EqualTo(gradients));
    }

    [Test]
    public void PresetsSayNothingThatTheirMethodDoesNotTake()
    {
        foreach (Preset preset in Presets.All)
        {
            // As if the user had written every option of it.
            Dictionary<string, string> none = [];
            TrainOptions options = OptionsResolution.Train(new OptionTexts(preset.Options, none));
            Dictionary<string, string> texts = options.Texts().ToDictionary(option => option.Name, option => option.Value);
            foreach ((string name, string value) in preset.Options)
                Assert.That(texts[name].Replace("/255", ""), Is.EqualTo(value), $"{preset.Name}, {name}");
        }
    }

    [TestCase("table1/free-8", 8, 8, "m", Compatibility.None)]
    [TestCase("table1/m+deat", 10, 8, "m", Compatibility.Table1)]
    [TestCase("table1/trades", 2, 10, "m,e", Compatibility.Table1)]
    [TestCase("table1/m+trades", 2, 10, "m,e", Compatibility.Table1)]
    [TestCase("table1/mart", 2, 10, "m,e", Compatibility.None)]
    public void RowsOfTable1AreTheAuthorsSettings(string name, int alpha, int replays, string rates, Compatibility version)
    {
        TrainOptions options = Resolve($"--data cifar10 --preset {name}");
        Assert.That(
            (options.Width, options.Epochs, options.BatchSize, options.Compatibility), Is.EqualTo((64, 50, 128, version)));
        Assert.That((options.Data.ValidatesOnTest, options.Data.ValidationImages), Is.EqualTo((true, 2560)));
        Assert.That(options.ValidationAttack.Name, Is.EqualTo("cw10"));
        Assert.That(options.Adversary.Alpha!.Value.Value * 255, Is.EqualTo(alpha).Within(1e-12));
        Assert.That(options.Adversary.Replays ?? options.Adversary.MaxReplays, Is.EqualTo(replays));
        Assert.That(options.Optimizer.Milestones is null ? "m" : "m,e", Is.EqualTo(rates));
    }

    [Test]
    public void ValidationImagesAreHeldOutOrTheFirstTestImages()
    {
        const string Sizes = "--train-images 40 --test-images 20 --validation-images 10";
        (ImageSet train, ImageSet? validation, ImageSet test) = Resolve(Sizes).Data.Open();
        Assert.That((train.Count, validation!.Count, test.Count), Is.EqualTo((30, 10, 20)));
        Assert.That(validation.Digest, Is.Not.EqualTo(test.Take(10).Digest));
        (train, validation, test) = Resolve($"{Sizes} --validation-from test").Data.Open();
        Assert.That((train.Count, validation!.Digest, test.Count), Is.EqualTo((40, test.Take(10).Digest, 20)));
    }

    [Test]
    public void RatesFallAtTheEpochsThatAreNamed()
    {
        ILearningRateSchedule rates = Resolve("--data cifar10 --lr-milestones 23,38").Optimizer.Over(epochs: 50, batches: 391);
        double[] seen = [.. new[] { 0, (23 * 391) - 1, 23 * 391, (38 * 391) - 1, 38 * 391 }.Select(step => rates.At(step).LearningRate)];
        Assert.That(seen, Is.EqualTo(new[] { 0.05, 0.05, 0.005, 0.005, 0.0005 }).Within(1e-15));
    }

    [Test]
    public void APresetsReplaysAreNotTakenForAnotherMethods()
    {
        Assert.That(Resolve("--method free").Adversary.Replays, Is.EqualTo(4));
        Assert.That(Resolve("--method pgd").Adversary.Replays, Is.EqualTo(7));
        Assert.That(Resolve("--method pgd --max-replays 3").Adversary.Replays, Is.EqualTo(3), "the authors' --max-iteration");
    }

    [Test]
    public void APresetsVersionIsNotThatOfAMethodWithoutVersions()
    {
        Assert.That(Resolve("--preset table1/m+pgd").Texts(), Does.Contain(("compat", "table1")));
        TrainOptions options = Resolve("--preset table1/m+pgd --method free");
        Assert.That(options.Compatibility, Is.EqualTo(Compatibility.None));
        Assert.That(options.Texts().Select(option => option.Name), Has.No.Member("compat"));
    }

    [TestCase("--delta-init zero", DeltaInit.Zero)]
    [TestCase("--delta-init random", DeltaInit.Uniform)]
    [TestCase("--delta-init bernoulli", DeltaInit.Bernoulli)]
    [TestCase("", DeltaInit.Uniform)]
    public void DeltaStartsWhereAsked(string line, DeltaInit start) => Assert.That(Resolve(line).Adversary.Start, Is.EqualTo(start));

    [TestCase("--replays 4 --method mdeat", "--replays 4 conflicts with --method mdeat")]
    [TestCase("--replays 4", "use --max-replays")]
    [TestCase("--replays 4 --method natural", "--replays 4 conflicts with --method natural")]
    [TestCase("--max-replays 4 --replays 3 --method free", "--max-replays 4 conflicts with --method free")]
    [TestCase("--max-replays 4 --method natural", "--max-replays 4 conflicts with --method natural")]
    [TestCase("--alpha 2 --method natural", "--alpha 2 conflicts")]
    [TestCase("--delta-init zero --method natural", "--delta-init zero conflicts")]
    [TestCase("--init-tau 8 --method natural", "--init-tau 8 conflicts")]
    [TestCase("--init-tau 8 --delta-init zero", "--init-tau conflicts with --delta-init zero")]
    [TestCase("--gamma 1.01 --method free", "--gamma 1.01 conflicts with --method free")]
    [TestCase("--delay 3 --method deat-p", "--delay 3 conflicts with --method deat-p")]
    [TestCase("--target-accuracy 0.4 --method deat-d", "--target-accuracy 0.4 conflicts")]
    [TestCase("--lr-schedule flat --lr-min 0.1", "--lr-min 0.1 conflicts with --lr-schedule flat")]
    [TestCase("--lr-schedule cyclic --momentum 0.8", "--momentum 0.8 conflicts with --lr-schedule cyclic")]
    [TestCase("--lr-schedule one-cycle --momentum 0.9", "--momentum 0.9 conflicts with --lr-schedule one-cycle")]
    [TestCase("--lr-schedule one-cycle --lr-min 0", "--lr-min 0 conflicts with --lr-schedule one-cycle, whose ends are its own")]
    [TestCase("--data procedural --data-dir x", "--data-dir x conflicts with --data procedural")]
    [TestCase("--probe 8 --epsilon 0", "--probe 8 conflicts with --epsilon 0: there is no ball to measure in")]
    [TestCase("--method atrades", "--method 'atrades' is not known; choose natural, fgsm")]
    [TestCase("--schedule m", "--schedule 'm' is not known; choose fixed, delay, accuracy, curriculum, m+, ramp")]
    [TestCase("--loss kl", "--loss 'kl' is not known; choose ce, trades, mart")]
    [TestCase("--loop once", "--loop 'once' is not known; choose replay, attack, friendly, fosc, propagate")]
    [TestCase("--loop propagate --method trades", "--loop propagate conflicts with --loss trades")]
    [TestCase("--first-steps 2 --method pgd", "--first-steps 2 conflicts with --method pgd")]
    [TestCase("--schedule m+ --method natural", "--schedule m+ conflicts with --method natural (it has no adversary)")]
    [TestCase("--loss mart --method natural", "--loss mart conflicts with --method natural (it has no adversary)")]
    [TestCase("--method trades --delta-init zero", "--delta-init zero conflicts with --loss trades: at the image itself")]
    [TestCase("--method fgsm --loss trades", "--delta-init zero conflicts with --loss trades: at the image itself")]
    [TestCase("--beta 6 --method pgd", "--beta 6 conflicts with --loss ce")]
    [TestCase("--label-smoothing 0.1 --method trades", "--label-smoothing 0.1 conflicts with --loss trades")]
    [TestCase("--label-smoothing 2 --method pgd", "--label-smoothing '2' is not a number from 0 to 1")]
    [TestCase("--attack-bn eval --method free", "--attack-bn eval conflicts with --method free (none of its passes only attacks)")]
    [TestCase("--attack-weight-gradients on --method free", "conflicts with --method free (none of its passes only attacks)")]
    [TestCase("--attack-weight-gradients yes --method pgd", "--attack-weight-gradients 'yes' is not one of on, off")]
    [TestCase("--clamp-start on --method natural", "--clamp-start on conflicts with --method natural")]
    [TestCase("--clamp-start off --method free", "--clamp-start conflicts with --delta-init zero, which is not drawn")]
    [TestCase("--attack-bn on --method pgd", "--attack-bn 'on' is not one of train, eval")]
    [TestCase("--replays 4 --method pgd --schedule m+", "--replays 4 conflicts with --method pgd (the schedule decides how many")]
    [TestCase("--gamma 1.1 --method mdeat --schedule fixed", "--gamma 1.1 conflicts")]
    [TestCase("--min-replays 9 --max-replays 8 --method amata", "--min-replays 9 conflicts with --max-replays 8")]
    [TestCase("--patience 1 --method pgd", "--patience 1 conflicts with --method pgd")]
    [TestCase("--method free --compat table1", "--compat table1 conflicts with --method free (the scripts behind Table 1 differ in")]
    [TestCase("--method mart --compat table1", "--compat table1 conflicts with --method mart")]
    [TestCase("--method natural --compat table1", "--compat table1 conflicts with --method natural")]
    [TestCase("--method mdeat --schedule fixed --compat table1", "--compat table1 conflicts with --method mdeat")]
    [TestCase("--on-jump stop", "--on-jump stop conflicts with --on-collapse none")]
    [TestCase("--on-jump none --on-collapse say", "--on-jump 'none' is not one of say, stop, rollback")]
    [TestCase("--on-jump stop --on-collapse say --method mmart --compat table1", "--on-jump stop conflicts with --method mmart")]
    [TestCase("--compat table2", "--compat 'table2' is not one of none, table1")]
    [TestCase("--lr-milestones 24,x --data cifar10", "--lr-milestones '24,x' is not a list")]
    [TestCase("--lr-milestones 24 --lr-schedule cyclic", "--lr-milestones 24 conflicts with --lr-schedule cyclic")]
    [TestCase("--preset deat", "--preset 'deat' is not one of demo")]
    [TestCase("--epochs 0", "--epochs '0' is not a whole number")]
    [TestCase("--epochs 1.5", "--epochs '1.5'")]
    [TestCase("--epochs 1e3", "--epochs '1e3'")]
    [TestCase("--batch-size 99999999999", "--batch-size '99999999999'")]
    [TestCase("--lr-max 0,05", "--lr-max '0,05' is not a number")]
    [TestCase("--lr-max NaN", "--lr-max 'NaN'")]
    [TestCase("--lr-max -1", "--lr-max '-1'")]
    [TestCase("--target-accuracy 40 --method deat-p", "--target-accuracy '40' is not a number from 0 to 1")]
    [TestCase("--epsilon 300", "--epsilon '300'")]
    [TestCase("--alpha eight", "--alpha 'eight'")]
    [TestCase("--delta-init last", "--delta-init 'last' is not one of zero, uniform, normal, bernoulli, previous")]
    [TestCase("--delta-init previous --init-tau 8", "--init-tau conflicts with --delta-init previous")]
    [TestCase("--method trades --delta-init previous", "--delta-init previous conflicts with --loss trades: at the image itself")]
    [TestCase("--lr-schedule step", "--lr-schedule 'step'")]
    [TestCase("--normalization mean", "--normalization 'mean'")]
    [TestCase("--model wide", "--model 'wide'")]
    [TestCase("--opt-level O2", "--opt-level 'O2'")]
    [TestCase("--seed -1", "--seed '-1'")]
    [TestCase("--test-attacks aa", "attack 'aa' is not known")]
    [TestCase("--data imagenet", "--data 'imagenet'")]
    public void WhatCannotBeMeantIsRefused(string line, string message) => Assert.That(
        () => Resolve(line), Throws.TypeOf<UsageException>().With.Message.Contains(message));

    private static TrainOptions Resolve(string line)
    {
        Dictionary<string, string> given = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Chunk(2)
            .ToDictionary(pair => pair[0] == "--init" ? "delta-init" : pair[0][2..], pair => pair[1]);
        return OptionsResolution.Train(new OptionTexts(given, Presets.Find(given).Options));
    }
}
