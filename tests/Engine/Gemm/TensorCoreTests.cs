using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>
/// Convolutions by tensor cores, in all directions, against the definition in binary64. Where there are no tensor cores their
/// instructions are emulated by the documented fragments, so that the maps of rows, columns and words are those of the GPU.
/// </summary>
public sealed class TensorCoreTests
{
    public static IEnumerable<string> Devices => TestDevices.Ids.Where(id => TestDevices.Get(id).Traits.HasTensorCores);

    /// <summary>N, C, H, W; K, R, S; stride, padding: ragged tiles of rows, columns and slabs, every border, every parity.</summary>
    private static readonly int[][] Shapes =
    [
        [2, 32, 8, 8, 64, 3, 3, 1, 1],
        [1, 64, 16, 16, 80, 3, 3, 1, 1],
        [3, 48, 5, 7, 16, 3, 3, 1, 1],
        [5, 16, 4, 4, 144, 3, 3, 1, 1],
        [3, 80, 8, 8, 96, 3, 3, 2, 1],
        [3, 32, 8, 8, 64, 1, 1, 2, 0],
        [2, 96, 6, 4, 48, 1, 1, 1, 0],
        [7, 16, 1, 1, 32, 1, 1, 1, 0],
    ];

    [Test]
    public void GivesTheConvolutionAndBothGradients(
        [ValueSource(nameof(Devices))] string id, [ValueSource(nameof(Shapes))] int[] shape,
        [Values(Precision.TensorFloat32, Precision.BFloat16)] Precision precision)
    {
        Check(TestDevices.Get(id), shape, precision);
    }

    /// <summary>The precision of the tape decides, where the shape fits: the stem of a network stays binary32.</summary>
    [Test]
    public void ThePrecisionOfTheTapeChoosesThem([ValueSource(nameof(Devices))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        ConvolutionGeometry wide = Geometry(32), stem = Geometry(3);
        Assert.That(Convolutions.Choose(wide, Precision.TensorFloat32), Is.EqualTo(ConvolutionAlgorithm.TensorCore));
        Assert.That(Convolutions.Choose(wide, Precision.Float32), Is.Not.EqualTo(ConvolutionAlgorithm.TensorCore));
        Assert.That(Convolutions.Choose(stem, Precision.BFloat16), Is.EqualTo(ConvolutionAlgorithm.Tiled));

        ConvolutionGeometry Geometry(int channels) =>
            new(device.Traits.LayoutFor(new Shape(1, channels, 8, 8)), new Shape(32, channels, 3, 3), 1, 1, device.Traits);
    }

    [Test]
    public void ADeviceWithoutThemRefusesTheTape() => Assert.That(
        () => new Tape(TestDevices.Get("cpu"), Wanted.Both, Precision.BFloat16), Throws.InstanceOf<DeviceException>());

    /// <summary>
    /// Few groups in each direction, three slabs forwards: for checkers that interpret. Of ten images BF16 takes two slabs for the weights,
    /// of which the second is nearly empty.
    /// </summary>
    internal static void Check(ComputeDevice device, int images)
    {
        int[] shape = [images, 48, 2, 4, 16, 1, 3, 1, 1];
        Check(device, shape, Precision.TensorFloat32);
        Check(device, shape, Precision.BFloat16);
    }

    private static void Check(ComputeDevice device, int[] shape, Precision precision)
    {
        Random random = new(1);
        TensorCoreCase @case = TensorCoreCase.Draw(shape, random);
        Dictionary<string, float[]> results = @case.Run(device, precision);
        Dictionary<string, double[]> exact = @case.Reference(value => value, value => value);
        // The weight gradient of odd extents is binary32 in BF16. Emulation rounds as the instructions do;
        // what the hardware adds in which order and width is not documented.
        Dictionary<string, double[]> rounded = @case.Reference(TensorCoreCase.Copied(precision), TensorCoreCase.Packed(precision));
        double tolerance = precision == Precision.BFloat16 ? 2e-2 : 2e-3;
        foreach ((string name, float[] result) in results)
        {
            Assert.That(TensorCoreCase.Distance(result, exact[name]), Is.LessThan(tolerance), name);
            bool isRounded = name != "dw" || @case.WeightGradientFits(device, precision);
            double[] own = (isRounded ? rounded : exact)[name];
            Assert.That(TensorCoreCase.Distance(result, own), Is.LessThan(1e-5), name + ", its own operands");
        }
    }
}
