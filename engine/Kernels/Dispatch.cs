using System.Numerics;

namespace Deat.Engine;

/// <summary>A launch written for any element type and lane; <see cref="Dispatch"/> picks both.</summary>
internal interface ITypedLaunch
{
    /// <summary>Launches the kernel for <typeparamref name="T"/> and <typeparamref name="TLane"/>.</summary>
    void Run<T, TLane>()
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>;
}

/// <summary>The one place where element types and lane widths become type parameters.</summary>
internal static class Dispatch
{
    /// <summary>Runs <paramref name="launch"/> for <paramref name="type"/>, in lanes of <paramref name="width"/>: 1, 4 or 8.</summary>
    public static void Run<TLaunch>(ElementType type, int width, in TLaunch launch)
        where TLaunch : struct, ITypedLaunch
    {
        switch (type, width)
        {
            case (ElementType.Float32, 8):
                launch.Run<float, Lane8<float>>();
                break;
            case (ElementType.Float32, 4):
                launch.Run<float, Quad<float>>();
                break;
            case (ElementType.Float32, 1):
                launch.Run<float, Lane1<float>>();
                break;
            case (ElementType.Float64, 8):
                launch.Run<double, Lane8<double>>();
                break;
            case (ElementType.Float64, 4):
                launch.Run<double, Quad<double>>();
                break;
            case (ElementType.Float64, 1):
                launch.Run<double, Lane1<double>>();
                break;
            default:
                throw new ArgumentException($"Kernels work on Float32 and Float64, not {type}, in lanes of 1, 4 or 8.", nameof(type));
        }
    }
}
