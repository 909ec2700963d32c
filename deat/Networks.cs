using System.Globalization;
using System.Text.RegularExpressions;
using Deat.Nn;

namespace Deat.Training;

/// <summary>A kind of network.</summary>
/// <param name="Name">What --model takes.</param>
/// <param name="Title">One line for people.</param>
/// <param name="Width">Channels of the first layer as published.</param>
/// <param name="Make">The network of a width, for a number of classes and channels, with a rate of dropout.</param>
public sealed record NetworkKind(string Name, string Title, int Width, Func<int, int, int, double, Module> Make) : IPart
{
    /// <summary>The rate of dropout, from 0 to below 1; null where the network has none.</summary>
    public double? Dropout { get; init; }

    /// <summary>Rows and columns of the images that it takes; any if null.</summary>
    public int? Size { get; init; }

    /// <summary>Into how many parts rows and columns of an image are cut until the last batch normalisation; 1 without any.</summary>
    public int Shrinks { get; init; } = 1;

    /// <summary>What the width must be a multiple of.</summary>
    public int WidthStep { get; init; } = 1;

    /// <summary>The network for images of a data set, not yet placed.</summary>
    /// <param name="width">Channels of the first layer.</param>
    /// <param name="images">Tells channels, size and classes.</param>
    /// <exception cref="UsageException">It takes images of another size.</exception>
    public Module Create(int width, ImageSet images)
    {
        RequireFit(images);
        return Make(width, images.Classes, images.Channels, Dropout ?? 0);
    }

    /// <inheritdoc/>
    public bool Equals(NetworkKind? other) => other is not null && (other.Name, other.Dropout) == (Name, Dropout);

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    /// <summary>Refuses minibatches of which batch normalisation would see one value for each channel, which has no variance.</summary>
    /// <param name="images">The training images.</param>
    /// <param name="batchSize">Images per minibatch.</param>
    /// <exception cref="UsageException">One has a single image, and the network ends in a single pixel.</exception>
    public void RequireVariance(ImageSet images, int batchSize)
    {
        bool isAlone = images.Count == 1 || batchSize == 1 || images.Count % batchSize == 1;
        if (isAlone && Shrinks > 1 && images.Height <= Shrinks && images.Width <= Shrinks)
        {
            throw new UsageException(
                $"--batch-size {batchSize} leaves a minibatch of one of {images.Count} images, and of {images.Height}x{images.Width} "
                + $"pixels --model {Name} leaves one, which has no variance for batch norm; choose another --batch-size");
        }
    }

    /// <summary>Refuses images that the network does not take.</summary>
    /// <exception cref="UsageException">They are of another size.</exception>
    public void RequireFit(ImageSet images)
    {
        if (Size is int size && (images.Height, images.Width) != (size, size))
        {
            throw new UsageException(
                $"--model {Name} takes images of {size}x{size}; those of {images.Name} are {images.Height}x{images.Width}");
        }
    }
}

/// <summary>The networks by name.</summary>
public static partial class Networks
{
    /// <summary>All networks, in the order of the help.</summary>
    public static IReadOnlyList<NetworkKind> All { get; } =
    [
        .. ((int[])[18, 34, 50]).Select(depth => new NetworkKind(
            $"pre{depth}", $"PreAct-ResNet-{depth}", 64,
            (width, classes, channels, _) => new PreActResNet(depth, width, classes, channels)) { Shrinks = 8 }),
        Wide(28, 10),
        Wide(34, 10),
        .. ((int[])[16, 19]).Select(depth => new NetworkKind(
            $"vgg{depth}", $"VGG-{depth} with batch norm", 64, (width, classes, channels, _) => new Vgg(depth, width, classes, channels))
        {
            Size = Vgg.Size,
        }),
        new(
            "dense121", "DenseNet-121 of growth 12", 24, (width, classes, channels, _) => new DenseNet121(width / 2, classes, channels))
        {
            WidthStep = 2,
            Shrinks = 8,
        },
        new("mnist", "the small one of fast_adversarial", 16, (width, classes, channels, _) => new MnistNet(width, classes, channels))
        {
            Size = MnistNet.Size,
        },
    ];

    /// <summary>
    /// The network of a name; also "pre", as the authors call PreAct-ResNet-18, and wrn-D-F for other wide networks of a depth 6 n + 4.
    /// </summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static NetworkKind Find(string name)
    {
        if (name == "pre")
            return All[0] with { Name = name };
        Match wide = WideName().Match(name);
        (int depth, int factor) = wide.Success ? (Number(wide.Groups[1]), Number(wide.Groups[2])) : (0, 0);
        return depth >= 10 && depth % 6 == 4 && factor > 0 ? Wide(depth, factor) : All.Find(name, "--model");
    }

    private static NetworkKind Wide(int depth, int factor) => new(
        $"wrn-{depth}-{factor}", $"WRN-{depth}-{factor}", 16,
        (width, classes, channels, dropout) => new WideResNet(depth, factor, width, classes, channels, dropout))
    {
        Dropout = 0,
        Shrinks = 4,
    };

    private static int Number(Group digits) => int.Parse(digits.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^wrn-(\d{1,3})-(\d{1,3})$")]
    private static partial Regex WideName();
}
