namespace Deat.Training;

/// <summary>
/// CIFAR-100 in its binary version (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009): train.bin of 50,000 and
/// test.bin of 10,000 records, each of a coarse label, the fine one, which is taken, and 3,072 bytes of red, green and blue plane.
/// </summary>
public static class Cifar100Binary
{
    private const string TrainFile = "train.bin", TestFile = "test.bin";
    private const int TrainRecords = 50_000, TestRecords = 10_000;

    private static readonly string[] Places =
        [".", "cifar-100-binary", "CIFAR100", Path.Combine("CIFAR100", "cifar-100-binary")];

    private static readonly string[] Names = (
        "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle "
        + "caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant "
        + "flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man "
        + "maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree "
        + "plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail "
        + "snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout "
        + "tulip turtle wardrobe whale willow_tree wolf woman worm").Split(' ');

    /// <summary>Reads the 50,000 training and the 10,000 test images.</summary>
    /// <param name="folder">The folder of the files, or one that holds it as cifar-100-binary or below CIFAR100.</param>
    /// <exception cref="DataException">A file is missing, cannot be read, is not of the exact size, or holds a label above 99.</exception>
    public static (ImageSet Train, ImageSet Test) Read(string folder) => Read(folder, TrainRecords, TestRecords);

    /// <summary>The same for files of other numbers of records, which must again be exact.</summary>
    internal static (ImageSet Train, ImageSet Test) Read(string folder, int trainRecords, int testRecords)
    {
        string place = Find(folder) ?? throw new DataException(
            $"no CIFAR-100 binary files in {folder}: neither there nor in {string.Join(", ", Places[1..])} is a {TrainFile}. "
            + "Unpack cifar-100-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html there");
        return (Part("cifar100/train", TrainFile, trainRecords), Part("cifar100/test", TestFile, testRecords));

        // The statistics that the authors' script normalises with: those of the 50,000 training images.
        ImageSet Part(string name, string file, int records) =>
            new CifarRecords(LabelBytes: 2, Names.Length).Read(name, place, [file], records) with
            {
                ClassNames = Names,
                Mean = [0.5071f, 0.4865f, 0.4409f],
                Std = [0.2673f, 0.2564f, 0.2762f],
            };
    }

    /// <summary>The folder of the files; null if they are nowhere.</summary>
    internal static string? Find(string folder) => DataFile.Find(folder, Places, TrainFile, TestFile);
}
