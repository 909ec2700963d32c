using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Reflection;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>Every kernel of the engine, found by its convention: a static method of a class named ...Kernels that is not private.</summary>
internal static class KernelCatalog
{
    private const BindingFlags AllStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Type[] Engine = typeof(KernelCatalog).Assembly.GetTypes();
    private static readonly ConcurrentDictionary<MethodInfo, string> Names = new();

    public static IEnumerable<Type> Classes => Engine.Where(type => type.Name.EndsWith("Kernels", StringComparison.Ordinal));

    public static IEnumerable<MethodInfo> KernelsOf(Type type) =>
        type.GetMethods(AllStatic).Where(method => method.ReturnType == typeof(void) && !method.IsPrivate);

    /// <summary>Every kernel in every instantiation.</summary>
    public static IEnumerable<MethodInfo> All => Classes.SelectMany(KernelsOf).SelectMany(Instances);

    /// <summary>The kernel's name wherever one is shown, such as "AddKernels.Sum&lt;Single, Lane1&gt;".</summary>
    public static string NameOf(MethodInfo kernel) => Names.GetOrAdd(kernel, static method =>
    {
        string types = string.Join(", ", method.GetGenericArguments().Select(type => type.Name.Split('`')[0]));
        return $"{method.DeclaringType!.Name}.{method.Name}{(types.Length == 0 ? "" : $"<{types}>")}";
    });

    /// <summary>Work-items per group on GPUs.</summary>
    public static int GroupSizeOf(MethodInfo kernel) => GroupSize(kernel)?.Items ?? DeviceTraits.GpuGroupSize;

    /// <summary>The one group size that the kernel is written for; null if any will do.</summary>
    public static int? FixedGroupSizeOf(MethodInfo kernel) =>
        GroupSize(kernel) is { IsLargest: false } size ? size.Items : null;

    /// <summary>What compilers are told about the group and the registers that it may take.</summary>
    public static KernelSpecialization BoundsOf(MethodInfo kernel) => GroupSize(kernel) is { Resident: > 0 } size
        ? new KernelSpecialization(
            size.Items, kernel.GetGenericArguments().Contains(typeof(double)) ? Math.Max(1, size.Resident / 2) : size.Resident)
        : KernelSpecialization.Empty;

    /// <summary>The kernel for every combination of type arguments that its constraints allow.</summary>
    public static IEnumerable<MethodInfo> Instances(MethodInfo kernel)
    {
        if (!kernel.IsGenericMethodDefinition)
            return [kernel];
        IEnumerable<Type[]> combinations = [[]];
        foreach (Type parameter in kernel.GetGenericArguments())
        {
            combinations = combinations.SelectMany(
                chosen => Candidates(parameter, chosen).Select(type => (Type[])[.. chosen, type])).ToArray();
        }

        return combinations.Select(types => TryClose(kernel, types)).OfType<MethodInfo>();
    }

    private static GroupSizeAttribute? GroupSize(MethodInfo kernel) => kernel.GetGenericArguments()
        .Select(type => type.GetCustomAttribute<GroupSizeAttribute>())
        .Prepend(kernel.GetCustomAttribute<GroupSizeAttribute>())
        .FirstOrDefault(size => size is not null);

    private static IEnumerable<Type> Candidates(Type parameter, Type[] chosen)
    {
        Type[] constraints = [.. parameter.GetGenericParameterConstraints().Where(type => type.IsInterface)];
        if (constraints.Any(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IBinaryFloatingPointIeee754<>)))
            return [typeof(float), typeof(double)];
        return Engine
            .Where(type => type is { IsValueType: true, IsEnum: false } && type != typeof(VectorLane))
            .Where(type => constraints.All(constraint => Implements(type, constraint)))
            .SelectMany(type => Close(type, chosen));
    }

    private static bool Implements(Type type, Type constraint) =>
        type.GetInterfaces().Any(implemented => Definition(implemented) == Definition(constraint));

    private static Type Definition(Type type) => type.IsGenericType ? type.GetGenericTypeDefinition() : type;

    // A generic struct takes the type arguments already chosen, from the left.
    private static IEnumerable<Type> Close(Type type, Type[] chosen)
    {
        if (!type.IsGenericTypeDefinition)
            return [type];
        int count = type.GetGenericArguments().Length;
        try
        {
            return count <= chosen.Length ? [type.MakeGenericType(chosen[..count])] : [];
        }
        catch (ArgumentException)
        {
            return [];
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Constraints are checked by trying.")]
    private static MethodInfo? TryClose(MethodInfo kernel, Type[] types)
    {
        try
        {
            return kernel.MakeGenericMethod(types);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
