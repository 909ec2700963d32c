using System.Diagnostics.CodeAnalysis;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>Keeps a value in a register from here on.</summary>
[ExcludeFromCodeCoverage]
internal static class Pin
{
    /// <summary>
    /// The value itself. ILGPU 1.5.3 moves arithmetic as close as possible to its use, into loops too, where ptxas leaves it: what is
    /// pinned before a loop is computed once.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(ValueBody), Ptx = nameof(Intrinsics.GenerateMove))]
    public static int Value(int value) => ValueBody(value);

    private static int ValueBody(int value) => value;
}
