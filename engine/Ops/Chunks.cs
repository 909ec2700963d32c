namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>The launch of an element-wise kernel over a tensor's memory, and the lanes that each work-item handles.</summary>
    private static (LaunchGrid Grid, int Chunk) Chunks(Tensor tensor, int laneWidth)
    {
        int lanes = tensor.Layout.Length / laneWidth;
        int chunk = Math.Max(1, tensor.Device.Traits.Chunk / laneWidth);
        return (tensor.Device.Grid((lanes + chunk - 1) / chunk), chunk);
    }
}
