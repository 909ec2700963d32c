using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Deat.Engine;

/// <summary>What a kernel applies to its result in the same pass.</summary>
internal interface IActivation
{
    /// <summary>The value of the activation.</summary>
    static abstract TLane Apply<T, TLane>(TLane v)
        where T : unmanaged, INumber<T>
        where TLane : unmanaged, ILane<TLane, T>;

    /// <summary>The gradient before the activation, from the value before it and the gradient behind it.</summary>
    static abstract TLane Gradient<T, TLane>(TLane v, TLane dy)
        where T : unmanaged, INumber<T>
        where TLane : unmanaged, ILane<TLane, T>;
}

/// <summary>No activation.</summary>
[ExcludeFromCodeCoverage]
internal readonly struct Identity : IActivation
{
    public static TLane Apply<T, TLane>(TLane v)
        where T : unmanaged, INumber<T>
        where TLane : unmanaged, ILane<TLane, T> => v;

    public static TLane Gradient<T, TLane>(TLane v, TLane dy)
        where T : unmanaged, INumber<T>
        where TLane : unmanaged, ILane<TLane, T> => dy;
}

/// <summary>ReLU.</summary>
[ExcludeFromCodeCoverage]
internal readonly struct Rectifier : IActivation
{
    public static TLane Apply<T, TLane>(TLane v)
        where T : unmanaged, INumber<T>
        where TLane : unmanaged, ILane<TLane, T> => TLane.Relu(v);

    public static TLane Gradient<T, TLane>(TLane v, TLane dy)
        where T : unmanaged, INumber<T>
        where TLane : unmanaged, ILane<TLane, T> => TLane.WherePositive(v, dy);
}
