using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace Deat.Engine;

/// <summary>
/// Names the method that stands for this one in OpenCL and PTX code. On the CPU accelerator the method's own body runs, so it may
/// use what ILGPU's compiler does not know, such as <see cref="System.Runtime.Intrinsics.Vector256"/>.
/// </summary>
/// <param name="replacement">The method of the same class and signature that ILGPU compiles instead.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DeviceBodyAttribute(string replacement) : Attribute
{
    public string Replacement { get; } = replacement;

    /// <summary>Another method of the class for OpenCL alone.</summary>
    public string? OpenCLReplacement { get; init; }

    /// <summary>Another one for OpenCL where <see cref="Real.ChecksBounds"/>.</summary>
    public string? CheckedOpenCLReplacement { get; init; }

    /// <summary>The method of <see cref="Intrinsics"/> that writes OpenCL C for it instead, where ILGPU's own would be wrong.</summary>
    public string? OpenCL { get; init; }

    /// <summary>The same for PTX.</summary>
    public string? Ptx { get; init; }
}

/// <summary>Tells ILGPU about all device bodies of this assembly.</summary>
internal static partial class Intrinsics
{
    private const BindingFlags AllStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly MethodInfo[] Redirected = [.. typeof(Intrinsics).Assembly.GetTypes()
        .SelectMany(type => type.GetMethods(AllStatic))
        .Where(method => method.GetCustomAttribute<DeviceBodyAttribute>() is not null)];

    public static void Register(Context.Builder builder)
    {
        IntrinsicImplementationManager manager = builder.GetIntrinsicManager();
        foreach (MethodInfo method in Redirected)
        {
            DeviceBodyAttribute names = method.GetCustomAttribute<DeviceBodyAttribute>()!;
            MethodInfo Other(string name) => method.DeclaringType!.GetMethod(name, AllStatic)!;
            manager.RegisterMethod(method, names.Ptx is null
                ? new PTXIntrinsic(Other(names.Replacement), IntrinsicImplementationMode.Redirect)
                : new PTXIntrinsic(typeof(Intrinsics), names.Ptx, IntrinsicImplementationMode.GenerateCode));
            manager.RegisterMethod(method, names.OpenCL is null
                ? new CLIntrinsic(Other(OpenCLReplacementOf(names)), IntrinsicImplementationMode.Redirect)
                : new CLIntrinsic(typeof(Intrinsics), names.OpenCL, IntrinsicImplementationMode.GenerateCode));
        }
    }

    private static string OpenCLReplacementOf(DeviceBodyAttribute names) =>
        (Real.ChecksBounds ? names.CheckedOpenCLReplacement : null) ?? names.OpenCLReplacement ?? names.Replacement;

    public static void GenerateFma(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        var (a, b, c) = (generator.Load(value[0]), generator.Load(value[1]), generator.Load(value[2]));
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(generator.Allocate(value));
        statement.AppendCommand("fma");
        statement.BeginArguments();
        statement.AppendArgument(a);
        statement.AppendArgument(b);
        statement.AppendArgument(c);
        statement.EndArguments();
    }

    // Redirected, an Fma inside another redirected method is a function call in PTX, which ptxas does not inline.
    public static void GenerateFmaPtx(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var (a, b, c) = (generator.LoadPrimitive(value[0]), generator.LoadPrimitive(value[1]), generator.LoadPrimitive(value[2]));
        var result = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command =
            generator.BeginCommand(value.BasicValueType == BasicValueType.Float64 ? "fma.rn.f64" : "fma.rn.f32");
        command.AppendArgument(result);
        command.AppendArgument(a);
        command.AppendArgument(b);
        command.AppendArgument(c);
    }

    public static void GenerateBarrier(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        using CLCodeGenerator.StatementEmitter statement =
            generator.BeginStatement("barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)");
    }

    public static void GenerateVolatileLoad(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        string place = generator.Load(((Load)value[0].Resolve()).Source.Resolve()).ToString();
        string type = value.BasicValueType == BasicValueType.Float64 ? "double" : "float";
        using CLCodeGenerator.StatementEmitter statement = generator.BeginStatement(generator.Allocate(value));
        statement.AppendCommand($"*(volatile global {type}*){place}");
    }

    public static void GenerateNothing(CLBackend backend, CLCodeGenerator generator, Value value)
    {
    }

    public static void GenerateNothingPtx(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
    }
}
