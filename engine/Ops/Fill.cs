using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

/// <summary>
/// The operations on tensors. Each file holds one: its formula, the method that checks and launches, the backward closure, the
/// kernels.
/// </summary>
public static partial class Ops
{
    /// <summary>Sets every element of a tensor without a border to <paramref name="value"/>.</summary>
    public static void Fill(Tensor tensor, double value)
    {
        Require.That(tensor.Layout.Border == 0, nameof(Fill), "a tensor without a border", tensor.Layout.Border);
        Dispatch.Run(tensor.Type, width: 1, new FillLaunch(tensor, value));
    }

    private readonly record struct FillLaunch(Tensor Tensor, double Value) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ArrayView<T> view = Tensor.View<T>();
            ComputeDevice device = Tensor.Device;
            int chunk = device.Traits.Chunk;
            device.Launch(
                FillKernels.Fill, device.Grid((view.IntLength + chunk - 1) / chunk), new Cost(0, view.LengthInBytes),
                view, T.CreateChecked(Value), chunk);
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class FillKernels
{
    public static void Fill<T>(ArrayView<T> tensor, T value, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < tensor.IntLength ? start + chunk : tensor.IntLength;
        for (int i = start; i < end; i++)
            Real.Store(tensor, i, value);
    }
}
