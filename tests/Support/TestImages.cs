using Deat.Engine;

namespace Deat.Tests;

/// <summary>Images, perturbations and results as float64 on the host, and as the element type under test on a device.</summary>
internal sealed class TestImages(string device, bool isSingle) : IDisposable
{
    public Workspace Workspace { get; } = new(TestDevices.Get(device), MemoryCategory.Data);

    public ElementType Type => isSingle ? ElementType.Float32 : ElementType.Float64;

    public static Normalization Normalization(int channels) => new()
    {
        Mean = [.. Enumerable.Range(0, channels).Select(c => 0.4914 - (0.013 * c))],
        Std = [.. Enumerable.Range(0, channels).Select(c => 0.2471 + (0.007 * c))],
    };

    /// <summary>Values in [0, 1], one in eight of them 0 and one in eight 1; rounded to float32 if <paramref name="isSingle"/>.</summary>
    public static double[] Pixels(Shape shape, int seed, bool isSingle)
    {
        Random random = new(seed);
        return Draw(shape, isSingle, () => random.Next(8) switch { 0 => 0, 1 => 1, _ => random.NextDouble() });
    }

    /// <summary>Values in [-range, range].</summary>
    public static double[] Uniform(Shape shape, int seed, double range, bool isSingle)
    {
        Random random = new(seed);
        return Draw(shape, isSingle, () => ((2 * random.NextDouble()) - 1) * range);
    }

    public Tensor Empty(Shape shape) => Workspace.Activation(shape, Type);

    public Tensor Make(Shape shape, double[] values) => Make(Workspace.Device.Traits.LayoutFor(shape), values);

    public Tensor Make(Layout layout, double[] values)
    {
        Tensor tensor = Workspace.Allocate(layout, Type);
        Write(tensor, values);
        return tensor;
    }

    public Tensor Plain(Shape shape, double[] values)
    {
        Tensor tensor = Workspace.Plain(shape, Type);
        Write(tensor, values);
        return tensor;
    }

    public Tensor Integers(params int[] values) => Workspace.Plain<int>(new Shape(values.Length, 1), ElementType.Int32, values);

    public double[] Read(Tensor tensor) => isSingle ? [.. tensor.ToArray<float>().Select(v => (double)v)] : tensor.ToArray<double>();

    public void Dispose() => Workspace.Dispose();

    private static double[] Draw(Shape shape, bool isSingle, Func<double> draw) =>
        [.. Enumerable.Range(0, (int)shape.Count).Select(_ => isSingle ? (float)draw() : draw())];

    public void Write(Tensor tensor, double[] values)
    {
        if (isSingle)
            tensor.CopyFrom<float>([.. values.Select(v => (float)v)]);
        else
            tensor.CopyFrom<double>(values);
    }
}
