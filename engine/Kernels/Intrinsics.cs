using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

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

    /// <summary>The method of <see cref="Intrinsics"/> that writes OpenCL C for it instead, where ILGPU's own would be wrong.</summary>
    public string? OpenCL { get; init; }
}

/// <summary>Tells ILGPU about all device bodies of this assembly.</summary>
internal static class Intrinsics
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
            MethodInfo body = method.DeclaringType!.GetMethod(names.Replacement, AllStatic)!;
            manager.RegisterMethod(method, new PTXIntrinsic(body, IntrinsicImplementationMode.Redirect));
            manager.RegisterMethod(method, names.OpenCL is null
                ? new CLIntrinsic(body, IntrinsicImplementationMode.Redirect)
                : new CLIntrinsic(typeof(Intrinsics).GetMethod(names.OpenCL, AllStatic)!, IntrinsicImplementationMode.GenerateCode));
        }
    }

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

    public static void GenerateBarrier(CLBackend backend, CLCodeGenerator generator, Value value)
    {
        using CLCodeGenerator.StatementEmitter statement =
            generator.BeginStatement("barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)");
    }
}
