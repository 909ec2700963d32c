using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>Four elements that are loaded and stored at once: 128 bits of binary32, which GPUs have instructions for.</summary>
[ExcludeFromCodeCoverage]
internal struct Quad<T> : ILane<Quad<T>, T>
    where T : unmanaged, INumber<T>
{
    public T A, B, C, D;

    public static int Width => 4;

    public static Quad<T> operator +(Quad<T> a, Quad<T> b) => new() { A = a.A + b.A, B = a.B + b.B, C = a.C + b.C, D = a.D + b.D };

    public static Quad<T> operator -(Quad<T> a, Quad<T> b) => new() { A = a.A - b.A, B = a.B - b.B, C = a.C - b.C, D = a.D - b.D };

    public static Quad<T> operator *(Quad<T> a, Quad<T> b) => new() { A = a.A * b.A, B = a.B * b.B, C = a.C * b.C, D = a.D * b.D };

    public static Quad<T> Fma(Quad<T> a, Quad<T> b, Quad<T> c) => new()
    {
        A = Real.Fma(a.A, b.A, c.A),
        B = Real.Fma(a.B, b.B, c.B),
        C = Real.Fma(a.C, b.C, c.C),
        D = Real.Fma(a.D, b.D, c.D),
    };

    public static Quad<T> Splat(T value) => new() { A = value, B = value, C = value, D = value };

    public static Quad<T> Relu(Quad<T> v) => new()
    {
        A = v.A < T.Zero ? T.Zero : v.A,
        B = v.B < T.Zero ? T.Zero : v.B,
        C = v.C < T.Zero ? T.Zero : v.C,
        D = v.D < T.Zero ? T.Zero : v.D,
    };

    public static Quad<T> WherePositive(Quad<T> condition, Quad<T> v) => new()
    {
        A = condition.A <= T.Zero ? T.Zero : v.A,
        B = condition.B <= T.Zero ? T.Zero : v.B,
        C = condition.C <= T.Zero ? T.Zero : v.C,
        D = condition.D <= T.Zero ? T.Zero : v.D,
    };

    public static Quad<T> Max(Quad<T> a, Quad<T> b) => new()
    {
        A = Real.Max(a.A, b.A),
        B = Real.Max(a.B, b.B),
        C = Real.Max(a.C, b.C),
        D = Real.Max(a.D, b.D),
    };

    public static Quad<T> WhereLarger(Quad<T> a, Quad<T> b, Quad<T> v, Quad<T> other) => new()
    {
        A = a.A > b.A ? v.A : other.A,
        B = a.B > b.B ? v.B : other.B,
        C = a.C > b.C ? v.C : other.C,
        D = a.D > b.D ? v.D : other.D,
    };

    public static Quad<T> Map<TFunction>(Quad<T> v)
        where TFunction : struct, IFunction<T> =>
        new() { A = TFunction.Of(v.A), B = TFunction.Of(v.B), C = TFunction.Of(v.C), D = TFunction.Of(v.D) };

    public static Quad<T> Load(ArrayView<T> view, int place) => Gather(view, place, 1);

    public static void Store(ArrayView<T> view, int place, Quad<T> value) => Scatter(view, place, 1, value);

    public static Quad<T> Gather(ArrayView<T> view, int place, int step) => new()
    {
        A = Real.Load(view, place),
        B = Real.Load(view, place + step),
        C = Real.Load(view, place + (2 * step)),
        D = Real.Load(view, place + (3 * step)),
    };

    public static void Scatter(ArrayView<T> view, int place, int step, Quad<T> value)
    {
        Real.Store(view, place, value.A);
        Real.Store(view, place + step, value.B);
        Real.Store(view, place + (2 * step), value.C);
        Real.Store(view, place + (3 * step), value.D);
    }
}
