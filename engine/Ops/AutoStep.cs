using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// APGD's momentum: moved = delta + share * (moved - delta) + (1 - share) * (delta - previous), and then previous = delta. Source:
    /// Croce, Hein: Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks (ICML 2020),
    /// algorithm 1.
    /// </summary>
    /// <param name="delta">Where the images are, [N, C, H, W].</param>
    /// <param name="previous">Where they were one step before, [N, C, H, W]; updated</param>
    /// <param name="moved">Where the gradient leads, [N, C, H, W]; updated</param>
    /// <param name="share">The weight of the gradient, in [0,1].</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or the share is outside.</exception>
    public static void AddMomentum(Tensor delta, Tensor previous, Tensor moved, double share)
    {
        RequireAlike(nameof(AddMomentum), delta, previous, moved);
        Require.That(share is >= 0 and <= 1, nameof(AddMomentum), "share in [0, 1]", share);
        Dispatch.Run(delta.Type, width: 1, new AddMomentumLaunch(delta, previous, moved, share));
    }

    /// <summary>
    /// What APGD remembers of a loss: improved[n] = (loss[n] > best[n]), best[n] the larger of both; rises[n] grows by one where the loss
    /// is above the last one, and last[n] = loss[n]. A NaN improves nothing.
    /// </summary>
    /// <param name="losses">loss [N, 1, 1, 1]</param>
    /// <param name="best">[N, 1, 1, 1], updated</param>
    /// <param name="last">[N, 1, 1, 1], updated</param>
    /// <param name="rises">[N, 1, 1, 1], updated</param>
    /// <param name="improved">[N, 1, 1, 1] Int32, written</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static void TrackLoss(Tensor losses, Tensor best, Tensor last, Tensor rises, Tensor improved)
    {
        RequireAlike(nameof(TrackLoss), losses, best, last, rises);
        RequirePerImage(nameof(TrackLoss), losses, improved, ElementType.Int32);
        Dispatch.Run(losses.Type, width: 1, new TrackLossLaunch(losses, best, last, rises, improved));
    }

    /// <summary>
    /// APGD's checkpoint: an image's step is halved, and halved[n] = 1, if the loss rose at most <paramref name="fewRises"/> times since
    /// the last one, or if the step was not halved there and the best loss is no better. Then best losses are remembered and rises counted
    /// anew. Source: as <see cref="AddMomentum"/>, section 3.1; fra31/auto-attack, autopgd_base.py.
    /// </summary>
    /// <param name="best">[N, 1, 1, 1]</param>
    /// <param name="rises">[N, 1, 1, 1], set to 0</param>
    /// <param name="before">best at the last checkpoint, [N, 1, 1, 1], updated</param>
    /// <param name="kept">1 where the step was not halved at the last checkpoint, else 0; [N, 1, 1, 1], updated</param>
    /// <param name="steps">[N, 1, 1, 1], updated</param>
    /// <param name="fewRises">The most rises that are too few.</param>
    /// <param name="active">[N, 1, 1, 1] Int32: images with 0 are not halved.</param>
    /// <param name="halved">[N, 1, 1, 1] Int32, written</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static void HalveSteps(
        Tensor best, Tensor rises, Tensor before, Tensor kept, Tensor steps, int fewRises, Tensor active, Tensor halved)
    {
        RequireAlike(nameof(HalveSteps), best, rises, before, kept, steps);
        RequirePerImage(nameof(HalveSteps), best, active, ElementType.Int32);
        RequirePerImage(nameof(HalveSteps), best, halved, ElementType.Int32);
        Dispatch.Run(best.Type, width: 1, new HalveStepsLaunch(best, rises, before, kept, steps, fewRises, active, halved));
    }

    private readonly record struct AddMomentumLaunch(Tensor Delta, Tensor Previous, Tensor Moved, double Share) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Delta.Device.Launch(
                AutoStepKernels.AddMomentum, Delta.Device.Grid(Delta.Shape.N * Delta.Shape.H),
                new Cost(6 * Delta.Shape.Count, 5 * Delta.Shape.Count * Delta.Type.Bytes()),
                Delta.View<T>(), Previous.View<T>(), Moved.View<T>(), T.CreateChecked(Share), T.CreateChecked(1 - Share), Delta.Layout);
    }

    private readonly record struct TrackLossLaunch(Tensor Losses, Tensor Best, Tensor Last, Tensor Rises, Tensor Improved) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Losses.Device.Launch(
                AutoStepKernels.TrackLoss, Losses.Device.Grid(Losses.Shape.N),
                new Cost(Losses.Shape.N, Losses.Shape.N * ((7 * Losses.Type.Bytes()) + sizeof(int))),
                Losses.View<T>(), Best.View<T>(), Last.View<T>(), Rises.View<T>(), Improved.View<int>());
    }

    private readonly record struct HalveStepsLaunch(
        Tensor Best, Tensor Rises, Tensor Before, Tensor Kept, Tensor Steps, int FewRises, Tensor Active, Tensor Halved) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Best.Device.Launch(
                AutoStepKernels.HalveSteps, Best.Device.Grid(Best.Shape.N),
                new Cost(Best.Shape.N, Best.Shape.N * ((9 * Best.Type.Bytes()) + (2 * sizeof(int)))),
                Best.View<T>(), Rises.View<T>(), Before.View<T>(), Kept.View<T>(), Steps.View<T>(), T.CreateChecked(FewRises),
                Active.View<int>(), Halved.View<int>());
    }
}

[ExcludeFromCodeCoverage]
internal static class AutoStepKernels
{
    // One image row an item, all its channels.
    public static void AddMomentum<T>(
        ArrayView<T> delta, ArrayView<T> previous, ArrayView<T> moved, T share, T rest, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                T d = Real.Load(delta, place);
                T step = (share * (Real.Load(moved, place) - d)) + (rest * (d - Real.Load(previous, place)));
                Real.Store(moved, place, d + step);
                Real.Store(previous, place, d);
                place += layout.Block;
            }
        }
    }

    public static void TrackLoss<T>(
        ArrayView<T> losses, ArrayView<T> best, ArrayView<T> last, ArrayView<T> rises, ArrayView<int> improved)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= losses.IntLength)
            return;
        T loss = Real.Load(losses, n);
        T before = Real.Load(last, n);
        // Not by comparisons alone, which compilers of OpenCL turn round: a NaN is not at or below a number either.
        bool isNumber = !T.IsNaN(loss);
        bool isBest = isNumber && loss > Real.Load(best, n);
        if (isBest)
            Real.Store(best, n, loss);
        if (isNumber && !T.IsNaN(before) && loss > before)
            Real.Store(rises, n, Real.Load(rises, n) + T.One);
        Real.Store(last, n, loss);
        Real.Store(improved, n, isBest ? 1 : 0);
    }

    public static void HalveSteps<T>(
        ArrayView<T> best, ArrayView<T> rises, ArrayView<T> before, ArrayView<T> kept, ArrayView<T> steps, T fewRises,
        ArrayView<int> active, ArrayView<int> halved)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= best.IntLength)
            return;
        T value = Real.Load(best, n);
        T last = Real.Load(before, n);
        // Not >=, which compilers of OpenCL turn round: a NaN is not at or above a number either.
        bool isStuck = Real.Load(kept, n) == T.One && (last > value || last == value);
        bool halves = Real.Load(active, n) != 0 && (Real.Load(rises, n) <= fewRises || isStuck);
        if (halves)
            Real.Store(steps, n, Real.Load(steps, n) / (T.One + T.One));
        Real.Store(kept, n, halves ? T.Zero : T.One);
        Real.Store(before, n, value);
        Real.Store(rises, n, T.Zero);
        Real.Store(halved, n, halves ? 1 : 0);
    }
}
