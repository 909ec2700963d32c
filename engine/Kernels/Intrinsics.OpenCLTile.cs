using System.Text;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.IR;
using ILGPU.IR.Values;

namespace Deat.Engine;

/// <summary>Writes <see cref="OpenCLTile"/>.</summary>
internal static partial class Intrinsics
{
    public static void GenerateTile(CLBackend backend, CLCodeGenerator generator, Value value) =>
        new TileWriter(generator, value, width: 8, tilesOfRows: 1).Write();

    public static void GenerateWideTile(CLBackend backend, CLCodeGenerator generator, Value value) =>
        new TileWriter(generator, value, width: 16, tilesOfRows: 2).Write();

    private sealed class TileWriter(CLCodeGenerator generator, Value call, int width, int tilesOfRows)
    {
        private const int FirstRows = 4;

        private readonly string _type = call[0].Resolve().BasicValueType == BasicValueType.Float64 ? "double" : "float";
        private readonly StringBuilder _text = new();

        private int Rows => tilesOfRows * ContractionTile.Rows;

        private string Vector => $"{_type}{width}";

        // From the first vector of a row to the second: within the tile of 16 columns, or in the next tile.
        private string SecondY => width < ContractionTile.Columns ? $"{width}" : Of(nameof(Contraction.YTile));

        private string SecondOutput => width < ContractionTile.Columns ? $"{width}" : Of(nameof(Contraction.OTile));

        public void Write()
        {
            string tile = Number(0), split = Number(1), k0 = Number(2), k0End = Number(3);
            _text.Append($$"""
                {
                typedef {{Vector}} __attribute__((aligned(sizeof({{_type}})))) vector;
                global {{_type}}* y = {{Pointer(1)}} + {{Of("YOrigin")}} + {{tile}} * {{Of("YTile")}};
                global {{_type}}* o = {{Pointer(2)}} + {{tile}} * {{Of("OTile")}} + {{split}} * {{Of("OSplit")}};
                vector v, u0, u1;

                """);
            for (int row = 0; row < Rows; row++)
                _text.Append($"vector a{row} = 0, b{row} = 0; int x{row} = {Row(row, "X")};\n");
            _text.Append($$"""
                for (int i0 = {{k0}}; i0 < {{k0End}}; i0++)
                for (int i1 = 0; i1 < {{Of("K1")}}; i1++)
                for (int i2 = 0; i2 < {{Of("K2")}}; i2++) {
                global {{_type}}* px = {{Pointer(0)}} + i0 * {{Of("XK0")}} + i1 * {{Of("XK1")}} + i2 * {{Of("XK2")}};
                global {{_type}}* py = y + i0 * {{Of("YK0")}} + i1 * {{Of("YK1")}} + i2 * {{Of("YK2")}};
                for (int i3 = {{Of("K3")}}; i3 > 0; i3--) {
                u0 = *(global vector*)py; u1 = *(global vector*)(py + {{SecondY}});

                """);
            for (int row = 0; row < Rows; row++)
                _text.Append($"v = px[x{row}]; a{row} = fma(v, u0, a{row}); b{row} = fma(v, u1, b{row});\n");
            _text.Append($"px += {Of("XK3")}; py += {Of("YK3")}; }} }}\n");
            for (int row = 0; row < Rows; row++)
            {
                string place = $"o + {Row(row, "O")}";
                _text.Append($"if ({Row(row, "Count")} > {row % ContractionTile.Rows}) ");
                _text.Append($"{{ *(global vector*)({place}) = a{row}; *(global vector*)({place} + {SecondOutput}) = b{row}; }}\n");
            }

            generator.Builder.Append(_text.Append("}\n"));
        }

        private string Pointer(int argument) => generator.Load(((Load)call[argument].Resolve()).Source.Resolve()).ToString();

        private string Number(int argument) => generator.Load(call[FirstRows + tilesOfRows + argument]).ToString();

        private string Of(string field) => Field<Contraction>(3, field);

        private string Row(int row, string field) => Field<TileRows>(
            FirstRows + (row / ContractionTile.Rows), field == "Count" ? field : $"{field}{row % ContractionTile.Rows}");

        // ILGPU numbers the fields of structures, in their order in memory.
        private string Field<T>(int argument, string name)
        {
            string[] names = [.. typeof(T).GetFields().OrderBy(field => field.MetadataToken).Select(field => field.Name)];
            return $"{generator.Load(call[argument])}->field_{Array.IndexOf(names, name)}";
        }
    }
}
