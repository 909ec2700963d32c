using System.Runtime.InteropServices;
using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// The memory of a placed model: three flat tensors [1, length, 1, 1], for the weights, their gradients and the running
/// statistics. Each parameter begins at a multiple of 16 elements; the elements between them are zero and stay so. One tensor
/// for all weights makes an optimizer step one launch, and a checkpoint two transfers.
/// </summary>
internal sealed class Arena : IDisposable
{
    public const int Alignment = 16;

    private readonly Workspace _parameters;
    private readonly Workspace _gradients;

    public Arena(IReadOnlyList<Parameter> parameters, ComputeDevice device, ElementType type, ulong seed)
    {
        if (type is not (ElementType.Float32 or ElementType.Float64))
            throw new ArgumentException($"Parameters are Float32 or Float64, not {type}.", nameof(type));
        _parameters = new Workspace(device, MemoryCategory.Parameters);
        _gradients = new Workspace(device, MemoryCategory.Gradients);
        try
        {
            Parameter[] trained = [.. parameters.Where(p => p.IsTrained)];
            Gradients = _gradients.Plain(Shape.Vector(Length(trained)), type);
            Ops.Fill(Gradients, 0);
            Weights = Place(trained, type, seed, Gradients);
            Statistics = Place([.. parameters.Where(p => !p.IsTrained)], type, seed, null);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Tensor Weights { get; }

    public Tensor Gradients { get; }

    public Tensor Statistics { get; }

    public Tensor Holding(Parameter parameter) => parameter.IsTrained ? Weights : Statistics;

    /// <summary>Lets these convolutions pack their weights together.</summary>
    public void PackTogether(IReadOnlyList<(Tensor W, int Start, int Stride)> convolutions) =>
        ConvolutionWeights.PackTogether(_parameters, Weights, convolutions);

    /// <summary>The elements of a flat tensor as bytes on the host.</summary>
    public static byte[] Read(Tensor flat) => flat.Type == ElementType.Float64
        ? MemoryMarshal.AsBytes<double>(flat.ToArray<double>()).ToArray()
        : MemoryMarshal.AsBytes<float>(flat.ToArray<float>()).ToArray();

    /// <summary>Sets the elements of a flat tensor.</summary>
    public static void Write(Tensor flat, byte[] bytes)
    {
        if (flat.Type == ElementType.Float64)
            flat.CopyFrom<double>(MemoryMarshal.Cast<byte, double>(bytes));
        else
            flat.CopyFrom<float>(MemoryMarshal.Cast<byte, float>(bytes));
    }

    public void Dispose()
    {
        _parameters.Dispose();
        _gradients.Dispose();
    }

    private static int Aligned(long count) => checked((int)((count + Alignment - 1) / Alignment * Alignment));

    // Never empty: a model without statistics still has somewhere to read none from.
    private static int Length(IEnumerable<Parameter> parameters) =>
        Math.Max(Alignment, parameters.Aggregate(0, (length, p) => checked(length + Aligned(p.Shape.Count))));

    private Tensor Place(Parameter[] parameters, ElementType type, ulong seed, Tensor? gradients)
    {
        float[] values = new float[Length(parameters)];
        Tensor flat = _parameters.Plain(Shape.Vector(values.Length), type);
        int start = 0;
        foreach ((int index, Parameter parameter) in parameters.Index())
        {
            parameter.Initialize(new RandomKey(seed, Purpose.Weights, index), values.AsSpan(start, (int)parameter.Shape.Count));
            Tensor value = flat.Slice(start, parameter.Shape);
            parameter.Bind(gradients is null ? value : value.WithGradient(gradients.Slice(start, parameter.Shape)), start);
            start += Aligned(parameter.Shape.Count);
        }

        if (type == ElementType.Float64)
            flat.CopyFrom<double>(Array.ConvertAll(values, value => (double)value));
        else
            flat.CopyFrom<float>(values);
        return flat;
    }
}
