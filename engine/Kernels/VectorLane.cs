using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using ILGPU.Runtime;

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
    public static VectorLane Max(VectorLane a, VectorLane b)
    {
        Vector256<float> ordered = Vector256.ConditionalSelect(
            Vector256.LessThanOrEqual(b._value, a._value), a._value, a._value + b._value);
        return new(Vector256.ConditionalSelect(Vector256.GreaterThan(b._value, a._value), b._value, ordered));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static VectorLane WhereLarger(VectorLane a, VectorLane b, VectorLane v, VectorLane other) =>
        new(Vector256.ConditionalSelect(Vector256.GreaterThan(a._value, b._value), v._value, other._value));

    public static VectorLane Map<TFunction>(VectorLane v)
        where TFunction : struct, IFunction<float>
    {
        Span<float> elements = stackalloc float[Width];
        v._value.CopyTo(elements);
        foreach (ref float element in elements)
            element = TFunction.Of(element);
        return new(Vector256.Create<float>(elements));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe VectorLane Load(ArrayView<float> view, int place)
    {
        if (Real.ChecksBounds)
            _ = view[place] + view[place + 7];
        return new(Vector256.Load((float*)view.LoadEffectiveAddressAsPtr() + place));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Store(ArrayView<float> view, int place, VectorLane value)
    {
        if (Real.ChecksBounds)
            _ = view[place] + view[place + 7];
        value._value.Store((float*)view.LoadEffectiveAddressAsPtr() + place);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe VectorLane Gather(ArrayView<float> view, int place, int step)
    {
        if (Real.ChecksBounds)
            _ = view[place] + view[place + (7 * step)];
        // One look at the view for all eight.
        float* p = (float*)view.LoadEffectiveAddressAsPtr() + place;
        nint s = step;
        return new(Vector256.Create(p[0], p[s], p[2 * s], p[3 * s], p[4 * s], p[5 * s], p[6 * s], p[7 * s]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Scatter(ArrayView<float> view, int place, int step, VectorLane value)
    {
        if (Real.ChecksBounds)
            _ = view[place] + view[place + (7 * step)];
        float* p = (float*)view.LoadEffectiveAddressAsPtr() + place;
        Vector128<float> low = value._value.GetLower(), high = value._value.GetUpper();
        nint s = step;
        p[0] = low.ToScalar();
        p[s] = low.GetElement(1);
        p[2 * s] = low.GetElement(2);
        p[3 * s] = low.GetElement(3);
        p[4 * s] = high.ToScalar();
        p[5 * s] = high.GetElement(1);
        p[6 * s] = high.GetElement(2);
        p[7 * s] = high.GetElement(3);
    }
}
