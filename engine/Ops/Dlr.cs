using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The mean over a batch of the difference of logits ratio, which does not change when logits are scaled or shifted:
    /// (max over k != y of z[n,k] - z[n,y]) / (z(1) - z(3) + 1e-12), with z(i) the i-th largest logit of image n. Source: Croce, Hein:
    /// Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks (ICML 2020), section 4.
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="logits">z [N, K, 1, 1] with K > 2.</param>
    /// <param name="labels">y, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="perImage">Receives the ratio of each image; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor Dlr(Tape tape, Tensor logits, Tensor labels, Tensor? perImage = null)
    {
        Require.That(logits.Shape.C > 2, nameof(Dlr), "more than two classes", logits.Shape);
        return Ratio(tape, nameof(Dlr), logits, labels, null, perImage);
    }

    /// <summary>
    /// The same towards a target: (z[n,t] - z[n,y]) / (z(1) - (z(3) + z(4)) / 2 + 1e-12).
    /// </summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="logits">z [N, K, 1, 1] with K > 3.</param>
    /// <param name="labels">y, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="targets">t, Int32 [N, 1, 1, 1], each in [0, K).</param>
    /// <param name="perImage">Receives the ratio of each image; plain [N, 1, 1, 1] of the logits' type.</param>
    /// <returns>[1, 1, 1, 1]</returns>
    public static Tensor TargetedDlr(Tape tape, Tensor logits, Tensor labels, Tensor targets, Tensor? perImage = null)
    {
        Require.That(logits.Shape.C > 3, nameof(TargetedDlr), "more than three classes", logits.Shape);
        RequireLabels(nameof(TargetedDlr), logits, targets);
        return Ratio(tape, nameof(TargetedDlr), logits, labels, targets, perImage);
    }

    /// <summary>
    /// The class of a rank among the logits of each image: 0 is the largest. Of equal logits the first comes first; a NaN counts as larger
    /// than any number.
    /// </summary>
    /// <param name="logits">[N, K, 1, 1]</param>
    /// <param name="rank">In [0, K).</param>
    /// <param name="classes">Int32 [N, 1, 1, 1], written</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or there is no such rank.</exception>
    public static void ClassOfRank(Tensor logits, int rank, Tensor classes)
    {
        Require.That(logits.Shape.Pixels == 1, nameof(ClassOfRank), "logits [N, K, 1, 1]", logits.Shape);
        Require.That(rank >= 0 && rank < logits.Shape.C, nameof(ClassOfRank), $"a rank below {logits.Shape.C}", rank);
        RequirePerImage(nameof(ClassOfRank), logits, classes, ElementType.Int32);
        Dispatch.Run(logits.Type, width: 1, new ClassOfRankLaunch(logits, rank, classes));
    }

    private static Tensor Ratio(Tape tape, string op, Tensor logits, Tensor labels, Tensor? targets, Tensor? perImage)
    {
        Tensor ratios = PerImage(tape, op, logits, labels, perImage);
        Dispatch.Run(logits.Type, width: 1, new DlrForward(logits, labels, targets, ratios));
        Tensor mean = Total(tape, ratios, 1.0 / ratios.Shape.N);
        return tape.Record(mean, [logits], dmean =>
        {
            Tensor dz = tape.Allocate(logits.Layout, logits.Type);
            Dispatch.Run(logits.Type, width: 1, new DlrBackward(logits, labels, targets, dmean, dz));
            tape.Accumulate(logits, dz);
        });
    }

    private readonly record struct DlrForward(Tensor Logits, Tensor Labels, Tensor? Targets, Tensor Ratios) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Logits.Device.Launch(
                LossKernels.Dlr, Logits.Device.Grid(Logits.Shape.N),
                new Cost(4 * Logits.Shape.Count, (Logits.Shape.Count + (3 * Logits.Shape.N)) * Logits.Type.Bytes()),
                Logits.View<T>(), Labels.View<int>(), (Targets ?? Labels).View<int>(), Ratios.View<T>(), Targets is null ? 0 : 1,
                Logits.Shape.N, Logits.Shape.C, T.CreateChecked(1e-12));
    }

    private readonly record struct DlrBackward(
        Tensor Logits, Tensor Labels, Tensor? Targets, Tensor Dmean, Tensor Dz) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Dz.Device.Launch(
                LossKernels.DlrGradient, Dz.Device.Grid(Dz.Shape.N),
                new Cost(8 * Dz.Shape.Count, ((2 * Dz.Shape.Count) + (2 * Dz.Shape.N)) * Dz.Type.Bytes(), Direction.InputGradient),
                Logits.View<T>(), Labels.View<int>(), (Targets ?? Labels).View<int>(), Dmean.View<T>(), Dz.View<T>(),
                Targets is null ? 0 : 1, Dz.Shape.N, Dz.Shape.C, T.CreateChecked(1e-12), T.CreateChecked(1.0 / Dz.Shape.N));
    }

    private readonly record struct ClassOfRankLaunch(Tensor Logits, int Rank, Tensor Classes) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Logits.Device.Launch(
                LossKernels.ClassOfRank, Logits.Device.Grid(Logits.Shape.N),
                new Cost((Rank + 1) * Logits.Shape.Count, (Logits.Shape.Count * Logits.Type.Bytes()) + (Logits.Shape.N * sizeof(int))),
                Logits.View<T>(), Classes.View<int>(), Rank, Logits.Shape.N, Logits.Shape.C);
    }
}

internal static partial class LossKernels
{
    public static void Dlr<T>(
        ArrayView<T> logits, ArrayView<int> labels, ArrayView<int> targets, ArrayView<T> ratios, int targeted, int images, int classes,
        T tiny)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        DlrPlaces places = PlacesOf(logits, Real.Load(labels, n), Real.Load(targets, n), targeted != 0, n * classes, classes);
        T numerator = Real.Load(logits, places.Rival) - Real.Load(logits, places.Own);
        Real.Store(ratios, n, numerator / Denominator(logits, places, tiny));
    }

    public static void DlrGradient<T>(
        ArrayView<T> logits, ArrayView<int> labels, ArrayView<int> targets, ArrayView<T> dmean, ArrayView<T> dz, int targeted, int images,
        int classes, T tiny, T share)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        DlrPlaces places = PlacesOf(logits, Real.Load(labels, n), Real.Load(targets, n), targeted != 0, n * classes, classes);
        T denominator = Denominator(logits, places, tiny);
        T ratio = (Real.Load(logits, places.Rival) - Real.Load(logits, places.Own)) / denominator;
        T unit = Real.Load(dmean, 0) * share / denominator;
        T slope = ratio * unit;
        T half = slope / (T.One + T.One);
        for (int k = n * classes; k < (n + 1) * classes; k++)
        {
            T ofNumerator = (k == places.Rival ? unit : T.Zero) - (k == places.Own ? unit : T.Zero);
            T ofDenominator = (k == places.First ? slope : T.Zero) - (k == places.Third ? half : T.Zero)
                - (k == places.Fourth ? half : T.Zero);
            Real.Store(dz, k, ofNumerator - ofDenominator);
        }
    }

    public static void ClassOfRank<T>(ArrayView<T> logits, ArrayView<int> ranked, int rank, int images, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= images)
            return;
        int place = -1;
        for (int i = 0; i <= rank; i++)
            place = Next(logits, place, n * classes, classes);
        Real.Store(ranked, n, place - (n * classes));
    }

    // Without a target the rival is the largest of the others, and the third logit stands for the fourth as well.
    private static DlrPlaces PlacesOf<T>(ArrayView<T> logits, int label, int target, bool isTargeted, int start, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int first = Next(logits, -1, start, classes);
        int second = Next(logits, first, start, classes);
        int third = Next(logits, second, start, classes);
        int own = start + label;
        return new()
        {
            Own = own,
            Rival = isTargeted ? start + target : first == own ? second : first,
            First = first,
            Third = third,
            Fourth = isTargeted ? Next(logits, third, start, classes) : third,
        };
    }

    private static T Denominator<T>(ArrayView<T> logits, DlrPlaces places, T tiny)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T two = T.One + T.One;
        T third = Real.Load(logits, places.Third) / two;
        T fourth = Real.Load(logits, places.Fourth) / two;
        return Real.Load(logits, places.First) - (third + fourth) + tiny;
    }

    /// <summary>The place that follows another in the order of ranks; the first place of all follows -1.</summary>
    private static int Next<T>(ArrayView<T> logits, int after, int start, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int next = -1;
        for (int k = start; k < start + classes; k++)
        {
            if ((after < 0 || Precedes(logits, after, k)) && (next < 0 || Precedes(logits, k, next)))
                next = k;
        }

        return next;
    }

    private static bool Precedes<T>(ArrayView<T> logits, int a, int b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T za = Real.Load(logits, a);
        T zb = Real.Load(logits, b);
        bool isHigher = za > zb || (T.IsNaN(za) && !T.IsNaN(zb));
        bool isLower = zb > za || (T.IsNaN(zb) && !T.IsNaN(za));
        return isHigher || (!isLower && a < b);
    }
}

/// <summary>Which logits enter the ratio.</summary>
[ExcludeFromCodeCoverage]
internal struct DlrPlaces
{
    public int Own, Rival, First, Third, Fourth;
}
