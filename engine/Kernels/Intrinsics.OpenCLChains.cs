using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.IR;
using ILGPU.IR.Values;

namespace Deat.Engine;

/// <summary>Writes <see cref="MultiplyAddChains.Run"/>.</summary>
internal static partial class Intrinsics
{
    public static void GenerateChains(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        string type = value[0].Resolve().BasicValueType == BasicValueType.Float64 ? "double" : "float";
        string place = generator.Load(((Load)value[0].Resolve()).Source.Resolve()).ToString();
        int width = ((PrimitiveValue)value[1].Resolve()).Int32Value;
        string vector = width == 1 ? type : $"{type}{width}";
        string[] sums = [.. Enumerable.Range(0, MultiplyAddChains.Count).Select(i => $"s{i}")];
        string step = string.Concat(sums.Select(sum => $"{sum} = fma({sum}, factor, ({vector})(1)); "));
        generator.Builder.Append($$"""
            {
            typedef {{vector}} __attribute__((aligned(sizeof({{type}})))) vector;
            global vector* place = (global vector*){{place}};
            vector factor = *place, {{string.Join(", ", sums.Select(sum => $"{sum} = 0"))}};
            for (int i = {{generator.Load(value[2])}}; i > 0; i--) {
            {{string.Concat(Enumerable.Repeat(step + "\n", MultiplyAddChains.Repeats))}}}
            *place = {{string.Join(" + ", sums)}};
            }

            """);
    }
}
