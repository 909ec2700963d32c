namespace Deat.Engine;

/// <summary>
/// The one group size that a kernel is written for. On a struct: for kernels that have it as a type argument. Kernels without it take
/// any size, and are launched with the device's.
/// </summary>
/// <param name="items">Work-items per group.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Struct)]
internal sealed class GroupSizeAttribute(int items) : Attribute
{
    public int Items { get; } = items;

    /// <summary>Whether smaller groups will do: what devices get that have no larger ones, or are CPUs.</summary>
    public bool IsLargest { get; init; }

    /// <summary>
    /// Groups that are to find room on a multiprocessor at the same time, which bounds the registers of an item; with binary64 half as
    /// many. 0 leaves it to the compiler.
    /// </summary>
    public int Resident { get; init; }
}
