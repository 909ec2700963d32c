using ILGPU;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>The memory behind an argument that is a view, asked without making an object of it.</summary>
internal static class ViewMemory<T>
    where T : struct
{
    /// <summary>Null where <typeparamref name="T"/> is no view.</summary>
    public static readonly Func<T, MemoryBuffer?>? Of = typeof(T).IsAssignableTo(typeof(IArrayView))
        ? typeof(ViewMemory).GetMethod(nameof(ViewMemory.Of))!.MakeGenericMethod(typeof(T)).CreateDelegate<Func<T, MemoryBuffer?>>()
        : null;
}

/// <inheritdoc cref="ViewMemory{T}"/>
internal static class ViewMemory
{
    /// <summary>The memory of a view.</summary>
    public static MemoryBuffer? Of<TView>(TView view)
        where TView : struct, IArrayView => view.Buffer;
}
