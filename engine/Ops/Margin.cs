using System.Numerics;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The mean over a batch of max over k != y of z[n,k], minus z[n,y[n]]: positive where an image is classified wrongly, not
    /// clamped at 0. Source: Carlini, Wagner: Towards evaluating the robustness of neural networks (S&amp;P 2017), as TrustAI/DEAT uses it.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="logits">z [N, K, 1, 1] with K > 1.</param>
    /// <param name="labels">y, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="perImage">Receives the margin of each image; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor Margin(Tape tape, Tensor logits, Tensor labels, Tensor? perImage = null)
    {
        Require.That(logits.Shape.C > 1, nameof(Margin), "more than one class", logits.Shape);
        Tensor margins = PerImage(tape, nameof(Margin), logits, labels, perImage);
        Tensor rivals = tape.Plain(labels.Shape, ElementType.Int32);
        Dispatch.Run(logits.Type, width: 1, new MarginForward(logits, labels, margins, rivals));
        Tensor mean = Total(tape, margins, 1.0 / margins.Shape.N);
        return tape.Record(mean, [logits], dmean =>
        {
            Tensor dz = tape.Allocate(logits.Layout, logits.Type);
            Dispatch.Run(logits.Type, width: 1, new MarginBackward(labels, rivals, dmean, dz));
            tape.Accumulate(logits, dz);
        });
    }

    private readonly record struct MarginForward(Tensor Logits, Tensor Labels, Tensor Margins, Tensor Rivals) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Logits.Device.Launch(
                LossKernels.Margin, Logits.Device.Grid(Logits.Shape.N),
                new Cost(2 * Logits.Shape.Count, (Logits.Shape.Count + (3 * Logits.Shape.N)) * Logits.Type.Bytes()),
                Logits.View<T>(), Labels.View<int>(), Margins.View<T>(), Rivals.View<int>(), Logits.Shape.N, Logits.Shape.C);
    }

    private readonly record struct MarginBackward(Tensor Labels, Tensor Rivals, Tensor Dmean, Tensor Dz) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Dz.Device.Launch(
                LossKernels.MarginGradient, Dz.Device.Grid(Dz.Shape.N),
                new Cost(Dz.Shape.N, (Dz.Shape.Count + (2 * Dz.Shape.N)) * Dz.Type.Bytes(), Direction.InputGradient),
                Labels.View<int>(), Rivals.View<int>(), Dmean.View<T>(), Dz.View<T>(), Dz.Shape.N, Dz.Shape.C,
                T.CreateChecked(1.0 / Dz.Shape.N));
    }
}
