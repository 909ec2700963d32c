using Deat.Engine;

namespace Deat.Tests;

/// <summary>Runs a case on a device and reads back everything it could have touched.</summary>
internal static class OpExecution
{
    private const int ArenaAlignment = 16;

    /// <summary>
    /// All tensors after the op: "y", every operand, and the gradients "d..." that <paramref name="wanted"/> asks for. Gradients that
    /// were not asked for must still be as they were.
    /// </summary>
    public static Dictionary<string, double[]> Run(OpCase @case, ComputeDevice device, Draw draw, double[]? dy, Wanted wanted)
    {
        Dictionary<string, double[]> results = [];
        using Workspace arena = new(device, MemoryCategory.Data);
        using Tape tape = new(device, wanted);
        Dictionary<string, Tensor> tensors = [];
        List<Embedded> embedded = [];
        foreach (Operand operand in @case.Operands)
            tensors[operand.Name] = Place(operand, arena, tape, draw, embedded);
        Tensor? y = @case.Run(new OpScope(tape, tensors));
        if (y is not null)
        {
            results["y"] = Read(y);
            if (dy is not null && wanted != Wanted.None)
                Backward(tape, y, dy);
        }

        foreach (Operand operand in @case.Operands)
        {
            Tensor tensor = tensors[operand.Name];
            results[operand.Name] = Read(tensor);
            if (operand.Role == Role.Parameter && dy is not null)
                ReadParameterGradient(results, operand, tensor, wanted);
            else if (operand.Role == Role.Input && dy is not null && wanted.HasFlag(Wanted.Input))
                results["d" + operand.Name] = Read(tape.Gradient(tensor));
        }

        if (embedded.FirstOrDefault(e => !e.IsIntact()) is Embedded touched)
            throw new CheckFailedException($"wrote outside its slice '{touched.Name}'");
        return results;
    }

    /// <summary>All elements in N, C, H, W order as binary64.</summary>
    public static double[] Read(Tensor tensor) => tensor.Type switch
    {
        ElementType.Float32 => [.. tensor.ToArray<float>().Select(v => (double)v)],
        ElementType.Float64 => tensor.ToArray<double>(),
        ElementType.Int32 => [.. tensor.ToArray<int>().Select(v => (double)v)],
        ElementType.UInt8 => [.. tensor.ToArray<byte>().Select(v => (double)v)],
        _ => throw new NotSupportedException(tensor.Type.ToString()),
    };

    public static void Write(Tensor tensor, double[] values)
    {
        switch (tensor.Type)
        {
            case ElementType.Float32:
                tensor.CopyFrom<float>([.. values.Select(v => (float)v)]);
                break;
            case ElementType.Float64:
                tensor.CopyFrom<double>(values);
                break;
            case ElementType.Int32:
                tensor.CopyFrom<int>([.. values.Select(v => (int)v)]);
                break;
            default:
                tensor.CopyFrom<byte>([.. values.Select(v => (byte)v)]);
                break;
        }
    }

    private static void Backward(Tape tape, Tensor y, double[] dy)
    {
        Tensor gradient = tape.Allocate(y.Layout, y.Type);
        Write(gradient, dy);
        tape.Backward(y, gradient);
    }

    private static void ReadParameterGradient(Dictionary<string, double[]> results, Operand operand, Tensor tensor, Wanted wanted)
    {
        double[] gradient = Read(tensor.Gradient!);
        if (wanted.HasFlag(Wanted.Parameters))
            results["d" + operand.Name] = gradient;
        else if (gradient.Any(v => v != Untouched))
            throw new CheckFailedException($"wrote the gradient of {operand.Name}, which was not wanted");
    }

    private const double Untouched = -12345;

    private static Tensor Place(Operand operand, Workspace arena, Tape tape, Draw draw, List<Embedded> embedded)
    {
        ElementType type = operand.Role switch
        {
            Role.Index => ElementType.Int32,
            Role.Bytes => ElementType.UInt8,
            _ => draw.Type,
        };
        Tensor tensor;
        if (operand.Role is Role.Input or Role.Activation)
        {
            tensor = arena.Activation(operand.Shape, type);
        }
        else
        {
            tensor = Embed(operand, arena, type, draw, embedded);
            if (operand.Role == Role.Parameter)
            {
                Tensor gradient = Embed(operand with { Name = "d" + operand.Name }, arena, type, draw, embedded);
                Write(gradient, [.. Enumerable.Repeat(Untouched, (int)operand.Shape.Count)]);
                tensor.WithGradient(gradient);
            }
        }

        if (operand.Values is not null)
            Write(tensor, operand.Values);
        return operand.Role == Role.Input ? tape.Watch(tensor) : tensor;
    }

    // Without poison the slice is a tensor of its own, so that a checker like Oclgrind sees its ends.
    private static Tensor Embed(Operand operand, Workspace arena, ElementType type, Draw draw, List<Embedded> embedded)
    {
        if (!arena.Device.Pool.Poison)
            return arena.Plain(operand.Shape, type);
        int before = operand.Role is Role.PerImage or Role.Index ? draw.Between(0, 5) : ArenaAlignment * draw.Between(0, 2);
        int count = (int)operand.Shape.Count;
        int after = draw.Between(0, ArenaAlignment);
        Tensor whole = arena.Plain(new Shape(1, before + count + after), type);
        Write(whole, [.. Enumerable.Repeat(Embedded.Surrounding, before + count + after)]);
        embedded.Add(new Embedded(operand.Name, whole, before, count));
        return whole.Slice(before, operand.Shape);
    }

    private sealed record Embedded(string Name, Tensor Whole, int Start, int Count)
    {
        public const double Surrounding = 77;

        public bool IsIntact() => Read(Whole).Where((_, i) => i < Start || i >= Start + Count).All(v => v == Surrounding);
    }
}
