using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>How the attack of Carlini and Wagner steps: by Adam's rule, with its usual numbers and the attack's rate.</summary>
public sealed record TanhRule
{
    /// <summary>The step, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>The learning rate, in units of w.</summary>
    public double Rate { get; init; } = 0.01;

    /// <summary>What remains of the mean gradient, beta1.</summary>
    public double First { get; init; } = 0.9;

    /// <summary>What remains of the mean square, beta2.</summary>
    public double Second { get; init; } = 0.999;
}

public static partial class Ops
{
    // Pixels at the end of the range would lie at infinity.
    private const double TanhShare = 0.999999;

    /// <summary>
    /// Where the attack of Carlini and Wagner begins: w = artanh(0.999999 (2x - 1)), so that (tanh w + 1) / 2 is the image but for 5e-7,
    /// and mean gradient and mean square are 0. Source: Carlini, Wagner: Towards evaluating the robustness of neural networks
    /// (S&amp;P 2017), section V.B; carlini/nn_robust_attacks, l2_attack.py.
    /// </summary>
    /// <param name="x">[N, C, H, W], pixel range [0,1]</param>
    /// <param name="w">[N, C, H, W], written</param>
    /// <param name="mean">[N, C, H, W], written</param>
    /// <param name="square">[N, C, H, W], written</param>
    /// <param name="delta">(tanh w + 1) / 2 - x, [N, C, H, W], written</param>
    /// <param name="active">[N, 1, 1, 1] Int32: nothing is written of images with 0.</param>
    /// <exception cref="ArgumentException">Layouts or types do not fit.</exception>
    public static void TanhStart(Tensor x, Tensor w, Tensor mean, Tensor square, Tensor delta, Tensor active)
    {
        RequireAlike(nameof(TanhStart), x, w, mean, square, delta);
        RequirePerImage(nameof(TanhStart), x, active, ElementType.Int32);
        Dispatch.Run(x.Type, width: 1, new TanhStartLaunch(x, w, mean, square, delta, active));
    }

    /// <summary>
    /// A step of the attack of Carlini and Wagner: of Adam down the gradient of |delta|^2 + c[n] max(-F[n], 0) with respect to w, where
    /// delta = (tanh w + 1) / 2 - x, and F is how much the largest other logit exceeds the label's. With p = (tanh w + 1) / 2 that is
    /// 2p (1 - p) (2 delta - c g), without c g where F > 0. Source: as <see cref="TanhStart"/>; the confidence is 0.
    /// </summary>
    /// <param name="margins">F [N, 1, 1, 1]</param>
    /// <param name="gradient">g, of F with respect to delta, [N, C, H, W]</param>
    /// <param name="constants">c [N, 1, 1, 1]</param>
    /// <param name="x">[N, C, H, W], pixel range [0,1]</param>
    /// <param name="w">[N, C, H, W], updated</param>
    /// <param name="mean">Adam's mean of the gradient, [N, C, H, W], updated</param>
    /// <param name="square">Adam's mean of its square, [N, C, H, W], updated</param>
    /// <param name="delta">[N, C, H, W], updated; x + delta in [0,1]</param>
    /// <param name="rule">The step and Adam's constants.</param>
    /// <param name="active">[N, 1, 1, 1] Int32: images with 0 do not move.</param>
    /// <exception cref="ArgumentException">Layouts or types do not fit, or there is no such step.</exception>
    public static void TanhStep(
        Tensor margins, Tensor gradient, Tensor constants, Tensor x, Tensor w, Tensor mean, Tensor square, Tensor delta, TanhRule rule,
        Tensor active)
    {
        const string Op = nameof(TanhStep);
        RequireAlike(Op, x, gradient, w, mean, square, delta);
        RequirePerImage(Op, x, margins);
        RequirePerImage(Op, x, constants);
        RequirePerImage(Op, x, active, ElementType.Int32);
        Require.That(rule.Step > 0, Op, "a step from 1", rule.Step);
        Dispatch.Run(x.Type, width: 1, new TanhStepLaunch(margins, gradient, constants, x, w, mean, square, delta, rule, active));
    }

    private readonly record struct TanhStartLaunch(
        Tensor X, Tensor W, Tensor Mean, Tensor Square, Tensor Delta, Tensor Active) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => X.Device.Launch(
                TanhStepKernels.Start, X.Device.Grid(X.Shape.N * X.Shape.H),
                new Cost(16 * X.Shape.Count, (5 * X.Shape.Count * X.Type.Bytes()) + (X.Shape.N * sizeof(int))),
                X.View<T>(), W.View<T>(), Mean.View<T>(), Square.View<T>(), Delta.View<T>(), Active.View<int>(),
                T.CreateChecked(2 * TanhShare), T.CreateChecked(1 - TanhShare), X.Layout);
    }

    private readonly record struct TanhStepLaunch(
        Tensor Margins, Tensor Gradient, Tensor Constants, Tensor X, Tensor W, Tensor Mean, Tensor Square, Tensor Delta, TanhRule Rule,
        Tensor Active) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            AdamConstants<T> adam = new()
            {
                First = T.CreateChecked(Rule.First),
                Second = T.CreateChecked(Rule.Second),
                NewFirst = T.CreateChecked(1 - Rule.First),
                NewSecond = T.CreateChecked(1 - Rule.Second),
                Rate = T.CreateChecked(Rule.Rate / (1 - Math.Pow(Rule.First, Rule.Step))),
                Share = T.CreateChecked(1 / (1 - Math.Pow(Rule.Second, Rule.Step))),
                Least = T.CreateChecked(1e-8),
            };
            X.Device.Launch(
                TanhStepKernels.Step, X.Device.Grid(X.Shape.N * X.Shape.H),
                new Cost(40 * X.Shape.Count, ((9 * X.Shape.Count) + (2 * X.Shape.N)) * X.Type.Bytes()),
                Margins.View<T>(), Gradient.View<T>(), Constants.View<T>(), X.View<T>(), W.View<T>(), Mean.View<T>(), Square.View<T>(),
                Delta.View<T>(), Active.View<int>(), adam, X.Layout);
        }
    }
}

/// <summary>Adam's numbers for one step as one kernel argument.</summary>
[ExcludeFromCodeCoverage]
internal struct AdamConstants<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>What remains of the means, and what comes anew.</summary>
    public T First, Second, NewFirst, NewSecond;

    /// <summary>The rate and 1, each over what so many steps leave of a mean; and what the root is raised by.</summary>
    public T Rate, Share, Least;
}

/// <summary>One image row an item, all its channels.</summary>
[ExcludeFromCodeCoverage]
internal static class TanhStepKernels
{
    public static void Start<T>(
        ArrayView<T> x, ArrayView<T> w, ArrayView<T> mean, ArrayView<T> square, ArrayView<T> delta, ArrayView<int> active, T slope,
        T least, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H || Real.Load(active, item / layout.Shape.H) == 0)
            return;
        int n = item / layout.Shape.H;
        T half = T.One / (T.One + T.One);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int column = 0; column < layout.Shape.W; column++, place += layout.Block)
            {
                T pixel = Real.Load(x, place);
                T quotient = Real.Fma(slope, pixel, least) / Real.Fma(slope, T.One - pixel, least);
                T moved = half * T.Log(quotient);
                Real.Store(w, place, moved);
                Real.Store(mean, place, T.Zero);
                Real.Store(square, place, T.Zero);
                Real.Store(delta, place, Within(Pixel(moved) - pixel, pixel));
            }
        }
    }

    public static void Step<T>(
        ArrayView<T> margins, ArrayView<T> gradient, ArrayView<T> constants, ArrayView<T> x, ArrayView<T> w, ArrayView<T> mean,
        ArrayView<T> square, ArrayView<T> delta, ArrayView<int> active, AdamConstants<T> adam, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H || Real.Load(active, item / layout.Shape.H) == 0)
            return;
        int n = item / layout.Shape.H;
        T weight = Real.Load(margins, n) > T.Zero ? T.Zero : Real.Load(constants, n);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int column = 0; column < layout.Shape.W; column++, place += layout.Block)
            {
                T pixel = Real.Load(x, place);
                T moved = Real.Load(w, place);
                T p = Pixel(moved);
                T d = Real.Load(delta, place);
                T pull = d + d - (weight * Real.Load(gradient, place));
                T slope = (p + p) * (T.One - p) * pull;
                T m = Real.Fma(adam.First, Real.Load(mean, place), adam.NewFirst * slope);
                T v = Real.Fma(adam.Second, Real.Load(square, place), adam.NewSecond * slope * slope);
                moved -= adam.Rate * m / (T.Sqrt(adam.Share * v) + adam.Least);
                Real.Store(mean, place, m);
                Real.Store(square, place, v);
                Real.Store(w, place, moved);
                Real.Store(delta, place, Within(Pixel(moved) - pixel, pixel));
            }
        }
    }

    /// <summary>(tanh w + 1) / 2</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Pixel<T>(T w)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-(w + w)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Within<T>(T delta, T pixel)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => PixelRange<T>.From(true).Clamp(delta, pixel);
}
