using System.Reflection;
using ILGPU;
using ILGPU.Runtime;

namespace Deat.Engine;

/// <summary>
/// The one place where kernels are launched, whatever arguments they take: each launch is <see cref="Prepare">prepared</see>, and a kernel
/// compiled on first use.
/// </summary>
public sealed partial class ComputeDevice
{
    private readonly Dictionary<MethodInfo, Delegate> _launchers = [];

    /// <summary>Enough groups for <paramref name="items"/> work-items; the kernel must ignore the surplus.</summary>
    internal LaunchGrid Grid(int items) => new((items + Traits.GroupSize - 1) / Traits.GroupSize, Traits.GroupSize);

    internal void Launch<T1>(
        Action<T1> kernel, LaunchGrid grid, Cost cost, T1 a1)
        where T1 : struct
    {
        bool owns = Owns(a1);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1) => workers.Run(grid.GridDim.X, () => k(a1)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1);
        _timer?.Return();
    }

    internal void Launch<T1, T2>(
        Action<T1, T2> kernel, LaunchGrid grid, Cost cost, T1 a1, T2 a2)
        where T1 : struct
        where T2 : struct
    {
        bool owns = Owns(a1) && Owns(a2);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1, T2> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2) => workers.Run(grid.GridDim.X, () => k(a1, a2)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3>(
        Action<T1, T2, T3> kernel, LaunchGrid grid, Cost cost, T1 a1, T2 a2, T3 a3)
        where T1 : struct
        where T2 : struct
        where T3 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1, T2, T3> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3) => workers.Run(grid.GridDim.X, () => k(a1, a2, a3)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4>(
        Action<T1, T2, T3, T4> kernel, LaunchGrid grid, Cost cost, T1 a1, T2 a2, T3 a3, T4 a4)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4) => workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4, T5>(
        Action<T1, T2, T3, T4, T5> kernel, LaunchGrid grid, Cost cost, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4) && Owns(a5);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4, a5) => workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4, a5)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4, a5);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4, T5, T6>(
        Action<T1, T2, T3, T4, T5, T6> kernel, LaunchGrid grid, Cost cost, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4) && Owns(a5) && Owns(a6);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4, a5, a6) => workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4, a5, a6)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4, a5, a6);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4, T5, T6, T7>(
        Action<T1, T2, T3, T4, T5, T6, T7> kernel, LaunchGrid grid, Cost cost, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4) && Owns(a5) && Owns(a6)
            && Owns(a7);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4, a5, a6, a7) =>
                    workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4, a5, a6, a7)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4, a5, a6, a7);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4, T5, T6, T7, T8>(
        Action<T1, T2, T3, T4, T5, T6, T7, T8> kernel, LaunchGrid grid, Cost cost, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4) && Owns(a5) && Owns(a6)
            && Owns(a7) && Owns(a8);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4, a5, a6, a7, a8) =>
                    workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4, a5, a6, a7, a8)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4, a5, a6, a7, a8);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9>(
        Action<T1, T2, T3, T4, T5, T6, T7, T8, T9> kernel, LaunchGrid grid, Cost cost,
        T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4) && Owns(a5) && Owns(a6)
            && Owns(a7) && Owns(a8) && Owns(a9);
        if (Prepare(kernel, grid, cost, owns) is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4, a5, a6, a7, a8, a9) =>
                    workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4, a5, a6, a7, a8, a9)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4, a5, a6, a7, a8, a9);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10>(
        Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> kernel, LaunchGrid grid, Cost cost,
        T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4) && Owns(a5) && Owns(a6)
            && Owns(a7) && Owns(a8) && Owns(a9) && Owns(a10);
        if (Prepare(kernel, grid, cost, owns)
            is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10) =>
                    workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4, a5, a6, a7, a8, a9, a10);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11>(
        Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> kernel, LaunchGrid grid, Cost cost,
        T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
        where T11 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4) && Owns(a5) && Owns(a6)
            && Owns(a7) && Owns(a8) && Owns(a9) && Owns(a10) && Owns(a11);
        if (Prepare(kernel, grid, cost, owns)
            is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11) =>
                    workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11);
        _timer?.Return();
    }

    internal void Launch<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12>(
        Action<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> kernel, LaunchGrid grid, Cost cost,
        T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
        where T7 : struct
        where T8 : struct
        where T9 : struct
        where T10 : struct
        where T11 : struct
        where T12 : struct
    {
        bool owns = Owns(a1) && Owns(a2) && Owns(a3) && Owns(a4) && Owns(a5) && Owns(a6)
            && Owns(a7) && Owns(a8) && Owns(a9) && Owns(a10) && Owns(a11) && Owns(a12);
        if (Prepare(kernel, grid, cost, owns)
            is not Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> launch)
        {
            launch = Compile(
                kernel, static (accelerator, k, bounds) => accelerator.LoadKernel(k, bounds),
                static (workers, k) => (_, grid, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12) =>
                    workers.Run(grid.GridDim.X, () => k(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12)));
        }

        launch(_stream, new KernelConfig(grid.Groups, grid.GroupSize), a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12);
        _timer?.Return();
    }
}
