using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// One or several elements that lie side by side and are handled alike. A kernel over lanes is written once: with
/// <see cref="Lane1{T}"/> a work-item handles single elements (ragged channel counts), with <see cref="Quad{T}"/> four (GPUs, which have
/// instructions for 128 bits), with <see cref="Lane8{T}"/> eight (CPU-like devices, where compilers do not vectorise across work-items).
/// </summary>
internal interface ILane<TSelf, T>
    where TSelf : unmanaged, ILane<TSelf, T>
    where T : unmanaged, INumber<T>
{
    /// <summary>Elements per lane.</summary>
    static abstract int Width { get; }

    static abstract TSelf operator +(TSelf a, TSelf b);

    static abstract TSelf operator -(TSelf a, TSelf b);

    static abstract TSelf operator *(TSelf a, TSelf b);

    /// <summary>a * b + c.</summary>
    static abstract TSelf Fma(TSelf a, TSelf b, TSelf c);

    /// <summary>The same value everywhere.</summary>
    static abstract TSelf Splat(T value);

    /// <summary>v &lt; 0 ? 0 : v, which keeps NaN (max(NaN, 0) is 0 on devices).</summary>
    static abstract TSelf Relu(TSelf v);

    /// <summary>condition &lt;= 0 ? 0 : v, the gradient of ReLU, which keeps v where the condition is NaN.</summary>
    static abstract TSelf WherePositive(TSelf condition, TSelf v);

    /// <summary>The larger of each two; NaN where one is.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>a &gt; b ? v : other.</summary>
    static abstract TSelf WhereLarger(TSelf a, TSelf b, TSelf v, TSelf other);

    /// <summary>The function of each element.</summary>
    static abstract TSelf Map<TFunction>(TSelf v)
        where TFunction : struct, IFunction<T>;

    /// <summary>Elements side by side of a view, from any <paramref name="place"/> on.</summary>
    static abstract TSelf Load(ArrayView<T> view, int place);

    /// <summary>Sets elements side by side of a view, from any <paramref name="place"/> on.</summary>
    static abstract void Store(ArrayView<T> view, int place, TSelf value);

    /// <summary>Elements <paramref name="place"/>, <paramref name="place"/> + <paramref name="step"/>, ... of a view.</summary>
    static abstract TSelf Gather(ArrayView<T> view, int place, int step);

    /// <summary>Sets elements <paramref name="place"/>, <paramref name="place"/> + <paramref name="step"/>, ... of a view.</summary>
    static abstract void Scatter(ArrayView<T> view, int place, int step, TSelf value);
}

/// <summary>A function of one element.</summary>
internal interface IFunction<T>
    where T : unmanaged
{
    static abstract T Of(T v);
}

/// <summary>A single element.</summary>
[ExcludeFromCodeCoverage]
internal struct Lane1<T> : ILane<Lane1<T>, T>
    where T : unmanaged, INumber<T>
{
    public T A;

    public static int Width => 1;

    public static Lane1<T> operator +(Lane1<T> a, Lane1<T> b) => new() { A = a.A + b.A };

    public static Lane1<T> operator -(Lane1<T> a, Lane1<T> b) => new() { A = a.A - b.A };

    public static Lane1<T> operator *(Lane1<T> a, Lane1<T> b) => new() { A = a.A * b.A };

    public static Lane1<T> Fma(Lane1<T> a, Lane1<T> b, Lane1<T> c) => new() { A = Real.Fma(a.A, b.A, c.A) };

    public static Lane1<T> Splat(T value) => new() { A = value };

    public static Lane1<T> Relu(Lane1<T> v) => new() { A = v.A < T.Zero ? T.Zero : v.A };

    public static Lane1<T> WherePositive(Lane1<T> condition, Lane1<T> v) => new() { A = condition.A <= T.Zero ? T.Zero : v.A };

    public static Lane1<T> Max(Lane1<T> a, Lane1<T> b) => new() { A = Real.Max(a.A, b.A) };

    public static Lane1<T> WhereLarger(Lane1<T> a, Lane1<T> b, Lane1<T> v, Lane1<T> other) => new() { A = a.A > b.A ? v.A : other.A };

    public static Lane1<T> Map<TFunction>(Lane1<T> v)
        where TFunction : struct, IFunction<T> => new() { A = TFunction.Of(v.A) };

    public static Lane1<T> Load(ArrayView<T> view, int place) => new() { A = Real.Load(view, place) };

    public static void Store(ArrayView<T> view, int place, Lane1<T> value) => Real.Store(view, place, value.A);

    public static Lane1<T> Gather(ArrayView<T> view, int place, int step) => new() { A = Real.Load(view, place) };

    public static void Scatter(ArrayView<T> view, int place, int step, Lane1<T> value) => Real.Store(view, place, value.A);
}

/// <summary>Eight elements: one Vector256 of binary32 on the CPU accelerator, a vector or two after OpenCL's and PTX's compilers.</summary>
[ExcludeFromCodeCoverage]
internal struct Lane8<T> : ILane<Lane8<T>, T>
    where T : unmanaged, INumber<T>
{
    public T A, B, C, D, E, F, G, H;

    public static int Width => 8;

    public static Lane8<T> operator +(Lane8<T> a, Lane8<T> b) => Lane8Math.Add(a, b);

    public static Lane8<T> operator -(Lane8<T> a, Lane8<T> b) => Lane8Math.Subtract(a, b);

    public static Lane8<T> operator *(Lane8<T> a, Lane8<T> b) => Lane8Math.Multiply(a, b);

    public static Lane8<T> Fma(Lane8<T> a, Lane8<T> b, Lane8<T> c) => Lane8Math.Fma(a, b, c);

    public static Lane8<T> Splat(T value) => Lane8Math.Splat(value);

    public static Lane8<T> Relu(Lane8<T> v) => Lane8Math.Relu(v);

    public static Lane8<T> WherePositive(Lane8<T> condition, Lane8<T> v) => Lane8Math.WherePositive(condition, v);

    public static Lane8<T> Max(Lane8<T> a, Lane8<T> b) => Lane8Math.Max(a, b);

    public static Lane8<T> WhereLarger(Lane8<T> a, Lane8<T> b, Lane8<T> v, Lane8<T> other) => Lane8Math.WhereLarger(a, b, v, other);

    public static Lane8<T> Map<TFunction>(Lane8<T> v)
        where TFunction : struct, IFunction<T> => new()
        {
            A = TFunction.Of(v.A),
            B = TFunction.Of(v.B),
            C = TFunction.Of(v.C),
            D = TFunction.Of(v.D),
            E = TFunction.Of(v.E),
            F = TFunction.Of(v.F),
            G = TFunction.Of(v.G),
            H = TFunction.Of(v.H),
        };

    public static Lane8<T> Load(ArrayView<T> view, int place) => new()
    {
        A = Real.Load(view, place),
        B = Real.Load(view, place + 1),
        C = Real.Load(view, place + 2),
        D = Real.Load(view, place + 3),
        E = Real.Load(view, place + 4),
        F = Real.Load(view, place + 5),
        G = Real.Load(view, place + 6),
        H = Real.Load(view, place + 7),
    };

    public static void Store(ArrayView<T> view, int place, Lane8<T> value) => Scatter(view, place, 1, value);

    public static Lane8<T> Gather(ArrayView<T> view, int place, int step) => new()
    {
        A = Real.LoadAlone(view, place),
        B = Real.LoadAlone(view, place + step),
        C = Real.LoadAlone(view, place + (2 * step)),
        D = Real.LoadAlone(view, place + (3 * step)),
        E = Real.LoadAlone(view, place + (4 * step)),
        F = Real.LoadAlone(view, place + (5 * step)),
        G = Real.LoadAlone(view, place + (6 * step)),
        H = Real.LoadAlone(view, place + (7 * step)),
    };

    public static void Scatter(ArrayView<T> view, int place, int step, Lane8<T> value)
    {
        Real.Store(view, place, value.A);
        Real.Store(view, place + step, value.B);
        Real.Store(view, place + (2 * step), value.C);
        Real.Store(view, place + (3 * step), value.D);
        Real.Store(view, place + (4 * step), value.E);
        Real.Store(view, place + (5 * step), value.F);
        Real.Store(view, place + (6 * step), value.G);
        Real.Store(view, place + (7 * step), value.H);
    }
}
