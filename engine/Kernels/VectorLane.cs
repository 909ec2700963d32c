using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// Eight elements of binary32 in a vector register of the CPU: a <see cref="Lane8{T}"/> in .NET's hands, for code behind a
/// <see cref="DeviceBodyAttribute"/>, because ILGPU's compiler knows no vectors.
/// </summary>
[ExcludeFromCodeCoverage]
internal readonly struct VectorLane(Vector256<float> value) : ILane<VectorLane, float>
{
    private readonly Vector256<float> _value = value;

    public static int Width => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane operator +(VectorLane a, VectorLane b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane operator -(VectorLane a, VectorLane b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane operator *(VectorLane a, VectorLane b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane Fma(VectorLane a, VectorLane b, VectorLane c) => new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane Splat(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane Relu(VectorLane v) =>
        new(Vector256.AndNot(v._value, Vector256.LessThan(v._value, Vector256<float>.Zero)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane WherePositive(VectorLane condition, VectorLane v) =>
        new(Vector256.AndNot(v._value, Vector256.LessThanOrEqual(condition._value, Vector256<float>.Zero)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane Gather(ArrayView<float> view, int place, int step) => new(Vector256.Create(
        Real.Load(view, place), Real.Load(view, place + step), Real.Load(view, place + (2 * step)), Real.Load(view, place + (3 * step)),
        Real.Load(view, place + (4 * step)), Real.Load(view, place + (5 * step)), Real.Load(view, place + (6 * step)),
        Real.Load(view, place + (7 * step))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(ArrayView<float> view, int place, int step, VectorLane value)
    {
        for (int i = 0; i < Width; i++)
            Real.Store(view, place + (i * step), value._value[i]);
    }
}
