using System.Numerics;

namespace Deat.Engine;

/// <summary>How the fast adaptive boundary attack moves. The defaults are those of AutoAttack.</summary>
public sealed record BoundaryRule
{
    /// <summary>The norm that is to be small: <see cref="Norm.Linf"/> or <see cref="Norm.L2"/>.</summary>
    public required Norm Norm { get; init; }

    /// <summary>The largest share of the projection of the image itself, alpha_max.</summary>
    public double LargestShare { get; init; } = 0.1;

    /// <summary>How far a step goes in units of the way to the boundary, eta.</summary>
    public double Overshoot { get; init; } = 1.05;
}

public static partial class Ops
{
    /// <summary>
    /// The step of the fast adaptive boundary attack. With w the gradient of the difference f of two logits, where the images are, the
    /// boundary is taken for the plane f + w (p - x - delta) = 0. With d1 and d2 the shortest ways from x + delta and from x to it
    /// within [0,1] and a = min(|d1| / (|d1| + |d2|), alpha_max):
    /// delta = clampX((1 - a) (delta + eta d1) + a eta d2). Source: Croce, Hein: Minimally distorted adversarial examples with a fast
    /// adaptive boundary attack (ICML 2020), section 3 and appendix A; norms are at least 1e-8, as in fra31/auto-attack, fab_base.py.
    /// </summary>
    /// <remarks>
    /// A shortest way moves element i against the sign of w_i by min(m q_i, room_i), where q_i is 1 (Linf) or |w_i| (L2), and the
    /// multiplier m solves phi(m) = sum |w_i| min(m q_i, room_i) = |f|. phi is concave, and linear between its breakpoints, so that
    /// Newton's iteration from m = 0 rises to the solution: m = (|f| - sum over stuck |w_i| room_i) / sum over others |w_i| q_i is the
    /// closed form that sorting the breakpoints gives, as soon as the right elements are stuck, and then stands still. Concavity also
    /// bounds what is left earlier: with r = |f| - phi(m) and g the slope of phi, r'/r + g'/g is at most 1 from one round to the next, so
    /// r g falls to a quarter or less: after 32 rounds r is at most 2^-64 |f| g(0) / g, which is below the rounding of binary32 unless the
    /// elements that can still move hold less than 2^-40 of the slope. A plane out of reach takes every element to the
    /// end of its room; without a gradient there is no way, and delta shrinks.
    /// </remarks>
    /// <param name="margins">f [N, 1, 1, 1], plain</param>
    /// <param name="gradient">w, with respect to delta, [N, C, H, W]</param>
    /// <param name="x">[N, C, H, W], pixel range [0,1]</param>
    /// <param name="delta">[N, C, H, W], pixel range, x + delta in [0,1]; updated</param>
    /// <param name="rule">Norm, share and overshoot.</param>
    /// <param name="active">[N, 1, 1, 1] Int32: images with 0 do not move.</param>
    /// <exception cref="ArgumentException">Layouts or types do not fit, or there is no such rule.</exception>
    public static void BoundaryStep(
        Tensor margins, Tensor gradient, Tensor x, Tensor delta, BoundaryRule rule, Tensor active)
    {
        const string Op = nameof(BoundaryStep);
        RequireAlike(Op, x, gradient, delta);
        RequirePerImage(Op, x, margins);
        RequirePerImage(Op, x, active, ElementType.Int32);
        Require.That(rule.Norm is Norm.Linf or Norm.L2, Op, "Linf or L2", rule.Norm);
        Require.That(rule.LargestShare is >= 0 and <= 1, Op, "a share in [0, 1]", rule.LargestShare);
        Require.That(rule.Overshoot >= 0, Op, "overshoot >= 0", rule.Overshoot);
        Dispatch.Run(x.Type, width: 1, new BoundaryStepLaunch(margins, gradient, x, delta, rule, active));
    }

    /// <summary>A group for each image, whose items call a group's sum or norm for so many numbers; an item on CPU-like devices.</summary>
    private static LaunchGrid GroupForEach(Tensor images, int numbers)
    {
        DeviceTraits traits = images.Device.Traits;
        if (traits.IsCpuLike)
            return images.Device.Grid(images.Shape.N);
        // PoCL 3.1 writes outside its memory where a loop with barriers holds another one, in groups of more than one.
        int largest = traits.Backend == Backend.OpenCL ? 1 : Math.Min(traits.MaxGroupSize, GroupSum.LargestGroup);
        int size = 1 << BitOperations.Log2((uint)largest);
        return new LaunchGrid(images.Shape.N, size, numbers * GroupSum.LargestGroup * images.Type.Bytes());
    }

    private readonly record struct BoundaryStepLaunch(
        Tensor Margins, Tensor Gradient, Tensor X, Tensor Delta, BoundaryRule Rule, Tensor Active) : ITypedLaunch
    {
        // Rounds of Newton's iteration depend on the data; so many are counted.
        private const int UsualRounds = 8;

        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Shape shape = X.Shape;
            Cost cost = new(
                shape.Count * (20 + (10 * UsualRounds)),
                (((4 * shape.Count) + shape.N) * X.Type.Bytes()) + (shape.N * sizeof(int)));
            BoundaryConstants<T> constants = new()
            {
                LargestShare = T.CreateChecked(Rule.LargestShare),
                Overshoot = T.CreateChecked(Rule.Overshoot),
                LeastNorm = T.CreateChecked(1e-8),
                Range = PixelRange<T>.From(true),
            };
            X.Device.Launch(
                Rule.Norm == Norm.Linf ? BoundaryStepKernels.Step<T, LargestValue> : BoundaryStepKernels.Step<T, EuclideanLength>,
                GroupForEach(X, numbers: 7), cost,
                Margins.View<T>(), Gradient.View<T>(), X.View<T>(), Delta.View<T>(), Active.View<int>(), constants, X.Layout);
        }
    }
}
