using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The mean over a batch of z[n,t[n]] - z[n,y[n]]: positive where the target has the larger logit. Source: Croce, Hein: Minimally
    /// distorted adversarial examples with a fast adaptive boundary attack (ICML 2020), section 3; towards one class in
    /// fra31/auto-attack, fab_base.py.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="logits">z [N, K, 1, 1].</param>
    /// <param name="labels">y, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="targets">t, Int32 [N, 1, 1, 1], each in [0, K) and another class than the label.</param>
    /// <param name="perImage">Receives the difference of each image; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor TargetedMargin(Tape tape, Tensor logits, Tensor labels, Tensor targets, Tensor? perImage = null)
    {
        Tensor margins = PerImage(tape, nameof(TargetedMargin), logits, labels, perImage);
        RequireLabels(nameof(TargetedMargin), logits, targets);
        Dispatch.Run(logits.Type, width: 1, new TargetedMarginForward(logits, labels, targets, margins));
        Tensor mean = Total(tape, margins, 1.0 / margins.Shape.N);
        return tape.Record(mean, [logits], dmean =>
        {
            Tensor dz = tape.Allocate(logits.Layout, logits.Type);
            Dispatch.Run(logits.Type, width: 1, new MarginBackward(labels, targets, dmean, dz));
            tape.Accumulate(logits, dz);
        });
    }

    private readonly record struct TargetedMarginForward(Tensor Logits, Tensor Labels, Tensor Targets, Tensor Margins) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Logits.Device.Launch(
                TargetedMarginKernels.Difference, Logits.Device.Grid(Logits.Shape.N),
                new Cost(Logits.Shape.N, Logits.Shape.N * ((3 * Logits.Type.Bytes()) + (2 * sizeof(int)))),
                Logits.View<T>(), Labels.View<int>(), Targets.View<int>(), Margins.View<T>(), Logits.Shape.C);
    }
}

[ExcludeFromCodeCoverage]
internal static class TargetedMarginKernels
{
    public static void Difference<T>(
        ArrayView<T> logits, ArrayView<int> labels, ArrayView<int> targets, ArrayView<T> margins, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= margins.IntLength)
            return;
        int start = n * classes;
        Real.Store(margins, n, Real.Load(logits, start + Real.Load(targets, n)) - Real.Load(logits, start + Real.Load(labels, n)));
    }
}
