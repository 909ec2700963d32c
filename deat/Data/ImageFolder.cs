using StbImageSharp;

namespace Deat.Training;

/// <summary>
/// Images in folders: DIR/train/CLASS/*.png and DIR/test/CLASS/*.png, also .jpg and .jpeg. Labels follow the ordinal order of the
/// class names, images the class and then the ordinal order of their file names. All images must be of one size; they are decoded
/// to three channels (grey becomes equal channels, transparency is dropped).
/// </summary>
public static class ImageFolder
{
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png"];

    /// <summary>Reads both parts, at most <paramref name="limits"/> images of each; only chosen files are decoded.</summary>
    /// <param name="folder">The folder that holds train and test.</param>
    /// <param name="limits">How many images at most; the first files of each class are taken, classes keeping their shares.</param>
    /// <returns>
    /// The parts. Images of 32 x 32 are normalised with the statistics of CIFAR-10, others with mean 0.5 and deviation 0.25: constants,
    /// so that a model is evaluated with the numbers it was trained with whatever files are chosen.
    /// </returns>
    /// <exception cref="DataException">
    /// A folder is missing or empty, the classes of test and train differ, a file cannot be decoded, or two images differ in size.
    /// </exception>
    public static (ImageSet Train, ImageSet Test) Read(string folder, DataLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        string[] classes = ListClasses(folder, "train");
        string[] testClasses = ListClasses(folder, "test");
        RequireSame(classes, testClasses, folder);
        (string File, int Label)[] train = ListFiles(folder, "train", classes, limits.Train);
        (string File, int Label)[] test = ListFiles(folder, "test", classes, limits.Test);
        (int Width, int Height) size = SizeOf(folder, train[0].File);
        return (Decode(folder, "train", classes, train, train[0].File, size), Decode(folder, "test", classes, test, train[0].File, size));
    }

    private static string[] ListClasses(string folder, string part)
    {
        string path = Path.Combine(folder, part);
        if (!Directory.Exists(path))
            throw new DataException($"no folder {path}: expected {Path.Combine(folder, part, "CLASS")} with .jpg, .jpeg or .png images");
        string[] classes = List(() => Directory.GetDirectories(path), path);
        if (classes.Length == 0)
            throw new DataException($"{path} has no class folders: expected one folder of images per class");
        return classes;
    }

    private static void RequireSame(string[] train, string[] test, string folder)
    {
        string[] onlyTrain = [.. train.Except(test)], onlyTest = [.. test.Except(train)];
        if (onlyTrain.Length > 0)
            throw new DataException($"{folder}: class '{onlyTrain[0]}' is in train but not in test");
        if (onlyTest.Length > 0)
            throw new DataException($"{folder}: class '{onlyTest[0]}' is in test but not in train");
    }

    /// <summary>The chosen files of one part, as paths below the data folder, with their labels.</summary>
    private static (string File, int Label)[] ListFiles(string folder, string part, string[] classes, int? limit)
    {
        List<(string File, int Label)> all = [];
        int[][] members = new int[classes.Length][];
        for (int c = 0; c < classes.Length; c++)
        {
            string below = Path.Combine(part, classes[c]);
            string[] files = List(() => Directory.GetFiles(Path.Combine(folder, below)), Path.Combine(folder, below));
            string[] images = Array.FindAll(files, f => Extensions.Contains(Path.GetExtension(f), StringComparer.OrdinalIgnoreCase));
            if (images.Length == 0)
                throw new DataException($"{below} has no images (.jpg, .jpeg or .png)");
            members[c] = [.. Enumerable.Range(all.Count, images.Length)];
            int label = c;
            all.AddRange(images.Select(name => (Path.Combine(below, name), label)));
        }

        return limit is { } count && count < all.Count ? Array.ConvertAll(Strata.Prefix(members, count), i => all[i]) : [.. all];
    }

    /// <summary>Names in ordinal order; what begins with a dot is the system's and not the user's.</summary>
    private static string[] List(Func<string[]> entries, string path)
    {
        try
        {
            string[] names = Array.FindAll(Array.ConvertAll(entries(), e => Path.GetFileName(e)), n => n[0] != '.');
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static ImageSet Decode(
        string folder, string part, string[] classes, (string File, int Label)[] files, string first, (int Width, int Height) size)
    {
        int plane = size.Width * size.Height;
        if (3L * plane * files.Length > Array.MaxLength)
        {
            throw new DataException($"{part}: {files.Length:N0} images of {size.Width}x{size.Height} need more than the "
                + $"{Array.MaxLength:N0} bytes that one set may have; limit the number of images");
        }

        byte[] pixels = new byte[files.Length * 3 * plane];
        DataException?[] errors = new DataException?[files.Length];
        Parallel.For(0, files.Length, (i, loop) =>
        {
            try
            {
                DecodeInto(folder, files[i].File, first, size, pixels.AsSpan(i * 3 * plane, 3 * plane));
            }
            catch (DataException e)
            {
                // Break, unlike Stop, still runs every earlier index: the first bad file is named whatever the timing.
                errors[i] = e;
                loop.Break();
            }
        });
        if (Array.Find(errors, e => e is not null) is { } error)
            throw new DataException(error.Message, error);
        bool likeCifar = size == (32, 32);
        return new ImageSet
        {
            Name = "folder/" + part,
            Channels = 3,
            Height = size.Height,
            Width = size.Width,
            ClassNames = classes,
            Pixels = pixels,
            Labels = Array.ConvertAll(files, f => f.Label),
            Mean = likeCifar ? Cifar10Binary.ChannelMean : [0.5f, 0.5f, 0.5f],
            Std = likeCifar ? Cifar10Binary.ChannelStd : [0.25f, 0.25f, 0.25f],
            Augment = true,
        };
    }

    private static (int Width, int Height) SizeOf(string folder, string file)
    {
        using MemoryStream stream = new(ReadFile(folder, file));
        return ReadSize(stream, file);
    }

    /// <summary>The size in the header, so that an image of another size is refused before memory is taken for it.</summary>
    private static (int Width, int Height) ReadSize(MemoryStream stream, string file)
    {
        ImageInfo? info = Guarded(file, () => ImageInfo.FromStream(stream));
        return info is { Width: > 0, Height: > 0 } known
            ? (known.Width, known.Height)
            : throw new DataException($"{file}: not a JPEG or PNG image");
    }

    private static void DecodeInto(string folder, string file, string first, (int Width, int Height) size, Span<byte> planes)
    {
        byte[] bytes = ReadFile(folder, file);
        using MemoryStream stream = new(bytes);
        (int Width, int Height) own = ReadSize(stream, file);
        if (own != size)
        {
            throw new DataException(
                $"{file}: image is {own.Width}x{own.Height}, but {first} is {size.Width}x{size.Height}; all images must be of one size");
        }

        // The decoder fills what a cut JPEG lacks with grey; the end marker cannot occur in picture data.
        if (bytes.AsSpan().StartsWith<byte>([0xFF, 0xD8]) && bytes.AsSpan().LastIndexOf<byte>([0xFF, 0xD9]) < 0)
            throw new DataException($"{file}: damaged image (cut off: no end marker)");
        ImageResult image = Guarded(file, () => ImageResult.FromMemory(bytes, ColorComponents.RedGreenBlue));
        int plane = size.Width * size.Height;
        for (int i = 0; i < plane; i++)
        {
            planes[i] = image.Data[3 * i];
            planes[plane + i] = image.Data[3 * i + 1];
            planes[2 * plane + i] = image.Data[3 * i + 2];
        }
    }

    private static byte[] ReadFile(string folder, string file)
    {
        try
        {
            return File.ReadAllBytes(Path.Combine(folder, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{file}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The decoder answers damage with exceptions of any type; all of them mean the same to the user.</summary>
    private static T Guarded<T>(string file, Func<T> decode)
    {
        try
        {
            return decode();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new DataException($"{file}: damaged image ({e.Message.ReplaceLineEndings(" ")})", e);
        }
    }
}
