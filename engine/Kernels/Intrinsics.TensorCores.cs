using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Values;
using Register = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.Register;
using CompoundRegister = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.CompoundRegister;
using PrimitiveRegister = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.PrimitiveRegister;

namespace Deat.Engine;

/// <summary>
/// Writes the PTX instructions around tensor cores. Inline PTX of ILGPU's own (CudaAsm.EmitRef) keeps each operand in local memory, and
/// ptxas leaves it there beside cp.async; here operands are registers.
/// </summary>
internal static partial class Intrinsics
{
    public static void GenerateTensorFloat32Multiply(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        Multiply(generator, value, "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32");

    public static void GenerateBFloat16Multiply(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        Multiply(generator, value, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32");

    public static void GenerateTensorFloat32(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PrimitiveRegister operand = generator.LoadPrimitive(value[0]);
        var result = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("cvt.rna.tf32.f32");
        command.AppendArgument(result);
        command.AppendArgument(operand);
    }

    public static void GenerateBFloat16Pair(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PrimitiveRegister low = generator.LoadPrimitive(value[0]), high = generator.LoadPrimitive(value[1]);
        var result = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("cvt.rn.bf16x2.f32");
        command.AppendArgument(result);
        command.AppendArgument(high);
        command.AppendArgument(low);
    }

    public static void GenerateCopy(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var (shared, global) = (generator.LoadHardware(Specific(value[0])), generator.LoadHardware(Specific(value[1])));
        PrimitiveRegister bytes = generator.LoadPrimitive(value[2]);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("cp.async.ca.shared.global");
        command.AppendArgumentValue(shared);
        command.AppendArgumentValue(global);
        command.AppendConstant(16);
        command.AppendArgument(bytes);
    }

    public static void GenerateMove(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PrimitiveRegister operand = generator.LoadPrimitive(value[0]);
        var result = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("mov.b32");
        command.AppendArgument(result);
        command.AppendArgument(operand);
    }

    public static void GenerateWait(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        generator.Command("cp.async.wait_all");

    // Parameters are generic pointers to ILGPU; before the cast they are addresses of shared and of global memory.
    private static Value Specific(Value pointer)
    {
        Value resolved = pointer.Resolve();
        return resolved is AddressSpaceCast cast ? cast.Value.Resolve() : resolved;
    }

    private static void Multiply(PTXCodeGenerator generator, Value value, string instruction)
    {
        PrimitiveRegister[] sums = Parts(generator.Load(value[0]));
        PrimitiveRegister[] left = Parts(generator.Load(value[1]));
        PrimitiveRegister[] right = Parts(generator.Load(value[2]));
        PrimitiveRegister[] results = Parts(generator.Allocate(value));
        int columns = ((PrimitiveValue)value[3].Resolve()).Int32Value;
        for (int f = 0; f < results.Length / 4; f++)
        {
            (int a, int b) = MatrixMultiply.Factors(f, columns);
            using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand(instruction);
            command.AppendVectorArgument(results[(4 * f)..(4 * (f + 1))]);
            command.AppendVectorArgument(left[(4 * a)..(4 * (a + 1))]);
            command.AppendVectorArgument(right[(2 * b)..(2 * (b + 1))]);
            command.AppendVectorArgument(sums[(4 * f)..(4 * (f + 1))]);
        }
    }

    private static PrimitiveRegister[] Parts(Register register) =>
        [.. ((CompoundRegister)register).Children.Cast<PrimitiveRegister>()];
}
