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
    /// <summary>Runs <paramref name="launch"/> for <paramref name="type"/>, eight elements a lane if <paramref name="wide"/>.</summary>
    public static void Run<TLaunch>(ElementType type, bool wide, in TLaunch launch)
        where TLaunch : struct, ITypedLaunch
    {
        switch (type, wide)
        {
            case (ElementType.Float32, true):
                launch.Run<float, Lane8<float>>();
                break;
            case (ElementType.Float32, false):
                launch.Run<float, Lane1<float>>();
                break;
            case (ElementType.Float64, true):
                launch.Run<double, Lane8<double>>();
                break;
            case (ElementType.Float64, false):
                launch.Run<double, Lane1<double>>();
                break;
            default:
                throw new ArgumentException($"Kernels work on Float32 and Float64, not {type}.", nameof(type));
        }
    }
}
