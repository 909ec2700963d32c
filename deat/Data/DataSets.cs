namespace Deat.Training;

/// <summary>How many images are used at most; all where null.</summary>
public sealed record DataLimits
{
    /// <summary>Largest number of training images, before validation images are held out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit below 1.</exception>
    public int? Train { get; init => field = AtLeastOne(value); }

    /// <summary>Largest number of test images.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit below 1.</exception>
    public int? Test { get; init => field = AtLeastOne(value); }

    private static int? AtLeastOne(int? limit) =>
        limit is null or >= 1 ? limit : throw new ArgumentOutOfRangeException(nameof(limit), limit, "a limit is at least 1");
}

/// <summary>The data sets by name.</summary>
public static class DataSets
{
    /// <summary>Environment variable that names the data folder where no option does.</summary>
    public const string FolderVariable = "DEAT_DATA";

    /// <summary>What <see cref="Open"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["procedural", "cifar10", "cifar100", "mnist", "svhn", "folder"];

    private static readonly (string Name, Func<string, string?> Find)[] Files =
    [
        ("cifar10", Cifar10Binary.Find), ("cifar100", Cifar100Binary.Find), ("mnist", MnistIdx.Find), ("svhn", Svhn.Find),
    ];

    /// <summary>Reads or makes a data set.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="folder">Where the files are; where null, the folder that DEAT_DATA names.</param>
    /// <param name="limits">Largest numbers of images; the first of each class are used, classes keeping their shares.</param>
    /// <param name="seed">What the procedural images follow from; without effect on files.</param>
    /// <exception cref="DataException">An unknown name, no folder, or files that cannot be used.</exception>
    public static (ImageSet Train, ImageSet Test) Open(string name, string? folder, DataLimits limits, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(limits);
        return name switch
        {
            "procedural" => (
                Procedural.Train(limits.Train ?? Procedural.DefaultTrainCount, seed),
                Procedural.Test(limits.Test ?? Procedural.DefaultTestCount, seed)),
            "cifar10" => Limit(Cifar10Binary.Read(Resolve(name, folder)), limits),
            "cifar100" => Limit(Cifar100Binary.Read(Resolve(name, folder)), limits),
            "mnist" => Limit(MnistIdx.Read(Resolve(name, folder)), limits),
            "svhn" => Limit(Svhn.Read(Resolve(name, folder)), limits),
            "folder" => ImageFolder.Read(Resolve(name, folder), limits),
            _ => throw new DataException($"unknown data set '{name}'; known: {string.Join(", ", Names)}"),
        };
    }

    /// <summary>
    /// The name of the data set whose files are in a folder: image folders have one for each part of the data; cifar10 where nothing tells.
    /// </summary>
    internal static string KindOf(string folder) =>
        Directory.Exists(Path.Combine(folder, "train"))
            ? "folder"
            : Files.FirstOrDefault(files => files.Find(folder) is not null, Files[0]).Name;

    private static (ImageSet Train, ImageSet Test) Limit((ImageSet Train, ImageSet Test) sets, DataLimits limits) =>
        (sets.Train.TakeBalanced(limits.Train ?? sets.Train.Count), sets.Test.TakeBalanced(limits.Test ?? sets.Test.Count));

    private static string Resolve(string name, string? folder)
    {
        string? variable = Environment.GetEnvironmentVariable(FolderVariable);
        string? chosen = !string.IsNullOrEmpty(folder) ? folder : variable;
        string source = !string.IsNullOrEmpty(folder) ? "--data-dir" : FolderVariable;
        if (string.IsNullOrEmpty(chosen))
        {
            throw new DataException($"data set '{name}' needs a folder: give --data-dir or set {FolderVariable} "
                + "(the data set 'procedural' needs none)");
        }

        return Directory.Exists(chosen) ? chosen : throw new DataException($"data folder '{chosen}' (from {source}) does not exist");
    }
}
