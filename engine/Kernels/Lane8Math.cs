using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>
/// The arithmetic of <see cref="Lane8{T}"/>. Each operation has two bodies: <see cref="VectorLane"/>'s for binary32 on the CPU
/// accelerator, and eight scalar operations for OpenCL, PTX and binary64. The tests compare them.
/// </summary>
[ExcludeFromCodeCoverage]
internal static class Lane8Math
{
    [IntrinsicImplementation]
    [DeviceBody(nameof(AddBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> Add<T>(Lane8<T> a, Lane8<T> b)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? L<T>(V(a) + V(b)) : AddBody(a, b);

    [IntrinsicImplementation]
    [DeviceBody(nameof(SubtractBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> Subtract<T>(Lane8<T> a, Lane8<T> b)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? L<T>(V(a) - V(b)) : SubtractBody(a, b);

    [IntrinsicImplementation]
    [DeviceBody(nameof(MultiplyBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> Multiply<T>(Lane8<T> a, Lane8<T> b)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? L<T>(V(a) * V(b)) : MultiplyBody(a, b);

    [IntrinsicImplementation]
    [DeviceBody(nameof(FmaBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> Fma<T>(Lane8<T> a, Lane8<T> b, Lane8<T> c)
        where T : unmanaged, INumber<T> =>
        typeof(T) == typeof(float) ? L<T>(VectorLane.Fma(V(a), V(b), V(c))) : FmaBody(a, b, c);

    [IntrinsicImplementation]
    [DeviceBody(nameof(SplatBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> Splat<T>(T value)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? L<T>(VectorLane.Splat((float)(object)value)) : SplatBody(value);

    [IntrinsicImplementation]
    [DeviceBody(nameof(ReluBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> Relu<T>(Lane8<T> v)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? L<T>(VectorLane.Relu(V(v))) : ReluBody(v);

    [IntrinsicImplementation]
    [DeviceBody(nameof(WherePositiveBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> WherePositive<T>(Lane8<T> condition, Lane8<T> v)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float)
            ? L<T>(VectorLane.WherePositive(V(condition), V(v)))
            : WherePositiveBody(condition, v);

    [IntrinsicImplementation]
    [DeviceBody(nameof(MaxBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> Max<T>(Lane8<T> a, Lane8<T> b)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float) ? L<T>(VectorLane.Max(V(a), V(b))) : MaxBody(a, b);

    [IntrinsicImplementation]
    [DeviceBody(nameof(WhereLargerBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8<T> WhereLarger<T>(Lane8<T> a, Lane8<T> b, Lane8<T> v, Lane8<T> other)
        where T : unmanaged, INumber<T> => typeof(T) == typeof(float)
            ? L<T>(VectorLane.WhereLarger(V(a), V(b), V(v), V(other)))
            : WhereLargerBody(a, b, v, other);

    private static Lane8<T> AddBody<T>(Lane8<T> a, Lane8<T> b)
        where T : unmanaged, INumber<T> => new()
        {
            A = a.A + b.A,
            B = a.B + b.B,
            C = a.C + b.C,
            D = a.D + b.D,
            E = a.E + b.E,
            F = a.F + b.F,
            G = a.G + b.G,
            H = a.H + b.H,
        };

    private static Lane8<T> SubtractBody<T>(Lane8<T> a, Lane8<T> b)
        where T : unmanaged, INumber<T> => new()
        {
            A = a.A - b.A,
            B = a.B - b.B,
            C = a.C - b.C,
            D = a.D - b.D,
            E = a.E - b.E,
            F = a.F - b.F,
            G = a.G - b.G,
            H = a.H - b.H,
        };

    private static Lane8<T> MultiplyBody<T>(Lane8<T> a, Lane8<T> b)
        where T : unmanaged, INumber<T> => new()
        {
            A = a.A * b.A,
            B = a.B * b.B,
            C = a.C * b.C,
            D = a.D * b.D,
            E = a.E * b.E,
            F = a.F * b.F,
            G = a.G * b.G,
            H = a.H * b.H,
        };

    private static Lane8<T> FmaBody<T>(Lane8<T> a, Lane8<T> b, Lane8<T> c)
        where T : unmanaged, INumber<T> => new()
        {
            A = Real.Fma(a.A, b.A, c.A),
            B = Real.Fma(a.B, b.B, c.B),
            C = Real.Fma(a.C, b.C, c.C),
            D = Real.Fma(a.D, b.D, c.D),
            E = Real.Fma(a.E, b.E, c.E),
            F = Real.Fma(a.F, b.F, c.F),
            G = Real.Fma(a.G, b.G, c.G),
            H = Real.Fma(a.H, b.H, c.H),
        };

    private static Lane8<T> SplatBody<T>(T value)
        where T : unmanaged, INumber<T> => new()
        {
            A = value,
            B = value,
            C = value,
            D = value,
            E = value,
            F = value,
            G = value,
            H = value,
        };

    private static Lane8<T> ReluBody<T>(Lane8<T> v)
        where T : unmanaged, INumber<T> => new()
        {
            A = v.A < T.Zero ? T.Zero : v.A,
            B = v.B < T.Zero ? T.Zero : v.B,
            C = v.C < T.Zero ? T.Zero : v.C,
            D = v.D < T.Zero ? T.Zero : v.D,
            E = v.E < T.Zero ? T.Zero : v.E,
            F = v.F < T.Zero ? T.Zero : v.F,
            G = v.G < T.Zero ? T.Zero : v.G,
            H = v.H < T.Zero ? T.Zero : v.H,
        };

    private static Lane8<T> WherePositiveBody<T>(Lane8<T> condition, Lane8<T> v)
        where T : unmanaged, INumber<T> => new()
        {
            A = condition.A <= T.Zero ? T.Zero : v.A,
            B = condition.B <= T.Zero ? T.Zero : v.B,
            C = condition.C <= T.Zero ? T.Zero : v.C,
            D = condition.D <= T.Zero ? T.Zero : v.D,
            E = condition.E <= T.Zero ? T.Zero : v.E,
            F = condition.F <= T.Zero ? T.Zero : v.F,
            G = condition.G <= T.Zero ? T.Zero : v.G,
            H = condition.H <= T.Zero ? T.Zero : v.H,
        };

    private static Lane8<T> MaxBody<T>(Lane8<T> a, Lane8<T> b)
        where T : unmanaged, INumber<T> => new()
        {
            A = Real.Max(a.A, b.A),
            B = Real.Max(a.B, b.B),
            C = Real.Max(a.C, b.C),
            D = Real.Max(a.D, b.D),
            E = Real.Max(a.E, b.E),
            F = Real.Max(a.F, b.F),
            G = Real.Max(a.G, b.G),
            H = Real.Max(a.H, b.H),
        };

    private static Lane8<T> WhereLargerBody<T>(Lane8<T> a, Lane8<T> b, Lane8<T> v, Lane8<T> other)
        where T : unmanaged, INumber<T> => new()
        {
            A = a.A > b.A ? v.A : other.A,
            B = a.B > b.B ? v.B : other.B,
            C = a.C > b.C ? v.C : other.C,
            D = a.D > b.D ? v.D : other.D,
            E = a.E > b.E ? v.E : other.E,
            F = a.F > b.F ? v.F : other.F,
            G = a.G > b.G ? v.G : other.G,
            H = a.H > b.H ? v.H : other.H,
        };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static VectorLane V<T>(Lane8<T> lane)
        where T : unmanaged, INumber<T> => Unsafe.BitCast<Lane8<T>, VectorLane>(lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lane8<T> L<T>(VectorLane lane)
        where T : unmanaged, INumber<T> => Unsafe.BitCast<VectorLane, Lane8<T>>(lane);
}
