using Deat.Training;
using NUnit.Framework;

namespace Deat.Tests;

[NonParallelizable]
public sealed class DataSetsTests
{
    private string? variable;

    [SetUp]
    public void Unset()
    {
        variable = Environment.GetEnvironmentVariable(DataSets.FolderVariable);
        Environment.SetEnvironmentVariable(DataSets.FolderVariable, null);
    }

    [TearDown]
    public void Restore() => Environment.SetEnvironmentVariable(DataSets.FolderVariable, variable);

    private static DataFiles OneClass(byte red)
    {
        DataFiles files = new();
        files.Write("train/a/0.png", DataFiles.Plain(red, 0, 0));
        files.Write("test/a/0.png", DataFiles.Plain(red, 0, 0));
        return files;
    }

    private static byte Red(string? folder) => DataSets.Open("folder", folder, new DataLimits(), 0).Train.Pixels[0];

    private static string Fault(string name, string? folder) =>
        Assert.Throws<DataException>(() => DataSets.Open(name, folder, new DataLimits(), 0))!.Message;

    [Test]
    public void TheOptionWinsOverTheEnvironment()
    {
        using DataFiles given = OneClass(1), fallback = OneClass(2);
        Environment.SetEnvironmentVariable(DataSets.FolderVariable, fallback.Folder);
        Assert.That(Red(given.Folder), Is.EqualTo(1));
        Assert.That(Red(null), Is.EqualTo(2));
    }

    [Test]
    public void NoFolderSaysWhatToGive()
    {
        Assert.That(Fault("cifar10", null), Is.EqualTo(
            "data set 'cifar10' needs a folder: give --data-dir or set DEAT_DATA (the data set 'procedural' needs none)"));
    }

    [Test]
    public void AnAbsentFolderIsNamedWithWhereItCameFrom()
    {
        string absent = Path.Combine(Path.GetTempPath(), "deat-absent");
        Assert.That(Fault("folder", absent), Is.EqualTo($"data folder '{absent}' (from --data-dir) does not exist"));
        Environment.SetEnvironmentVariable(DataSets.FolderVariable, absent);
        Assert.That(Fault("cifar10", null), Is.EqualTo($"data folder '{absent}' (from DEAT_DATA) does not exist"));
    }

    [Test]
    public void BadDataHasItsOwnExitCode() => Assert.That(new DataException("x").ExitCode, Is.EqualTo(ExitCodes.Data));

    [Test]
    public void AnUnknownNameListsTheKnownOnes() =>
        Assert.That(Fault("emnist", null), Is.EqualTo(
            "unknown data set 'emnist'; known: procedural, cifar10, cifar100, mnist, svhn, folder"));

    [Test]
    public void ProceduralNeedsNoFolderAndFollowsLimitsAndSeed()
    {
        DataLimits limits = new() { Train = 20, Test = 10 };
        (ImageSet train, ImageSet test) = DataSets.Open("procedural", null, limits, 5);
        Assert.That((train.Count, test.Count), Is.EqualTo((20, 10)));
        Assert.That(train.Digest, Is.EqualTo(Procedural.Train(20, 5).Digest));
        Assert.That(test.Digest, Is.EqualTo(Procedural.Test(10, 5).Digest));
    }
}
