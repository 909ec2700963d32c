using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// Stochastic gradient descent over all parameters at once, as torch.optim.SGD without dampening and Nesterov's momentum:
    /// d = g + weightDecay * w; m = first ? d : mu * m + d; w = w - learningRate * m. One launch; each product is fused with its sum.
    /// </summary>
    /// <param name="weights">w [1, count, 1, 1], plain; updated</param>
    /// <param name="gradients">g [1, count, 1, 1], plain</param>
    /// <param name="momentum">m [1, count, 1, 1], plain; updated, and not read in the first step</param>
    /// <param name="learningRate">Learning rate.</param>
    /// <param name="mu">Momentum factor.</param>
    /// <param name="weightDecay">Weight decay, on every parameter.</param>
    /// <param name="first">Whether this is the first step: m is not there yet.</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or are not plain.</exception>
    public static void SgdStep(
        Tensor weights, Tensor gradients, Tensor momentum, double learningRate, double mu, double weightDecay, bool first)
    {
        RequireAlike(nameof(SgdStep), weights, gradients, momentum);
        Require.That(weights.Layout == Layout.Plain(weights.Shape), nameof(SgdStep), "plain tensors", weights.Layout);
        Dispatch.Run(
            weights.Type, weights.Device.Traits.LaneWidth(weights.Layout.Length),
            new SgdLaunch(weights, gradients, momentum, learningRate, mu, weightDecay, first));
    }

    private readonly record struct SgdLaunch(
        Tensor Weights, Tensor Gradients, Tensor Momentum, double LearningRate, double Mu, double WeightDecay, bool First) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = Weights.Device;
            (LaunchGrid grid, int chunk) = Chunks(Weights, TLane.Width);
            long count = Weights.Shape.Count;
            TLane step = TLane.Splat(T.CreateChecked(-LearningRate));
            TLane mu = TLane.Splat(T.CreateChecked(Mu));
            TLane decay = TLane.Splat(T.CreateChecked(WeightDecay));
            if (First)
            {
                device.Launch(
                    SgdKernels.FirstUpdate<T, TLane>, grid, new Cost(4 * count, 4 * count * Weights.Type.Bytes()),
                    Weights.View<TLane>(), Gradients.View<TLane>(), Momentum.View<TLane>(), step, decay, chunk);
            }
            else
            {
                device.Launch(
                    SgdKernels.MomentumUpdate<T, TLane>, grid, new Cost(6 * count, 5 * count * Weights.Type.Bytes()),
                    Weights.View<TLane>(), Gradients.View<TLane>(), Momentum.View<TLane>(), step, mu, decay, chunk);
            }
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class SgdKernels
{
    public static void MomentumUpdate<T, TLane>(
        ArrayView<TLane> weights, ArrayView<TLane> gradients, ArrayView<TLane> momentum, TLane step, TLane mu, TLane decay, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < weights.IntLength ? start + chunk : weights.IntLength;
        for (int i = start; i < end; i++)
        {
            TLane w = Real.Load(weights, i);
            TLane m = TLane.Fma(mu, Real.Load(momentum, i), TLane.Fma(decay, w, Real.Load(gradients, i)));
            Real.Store(momentum, i, m);
            Real.Store(weights, i, TLane.Fma(step, m, w));
        }
    }

    // A kernel of its own: the momentum is undefined before the first step, and 0 * NaN is NaN.
    public static void FirstUpdate<T, TLane>(
        ArrayView<TLane> weights, ArrayView<TLane> gradients, ArrayView<TLane> momentum, TLane step, TLane decay, int chunk)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int start = Item.Index() * chunk;
        int end = start + chunk < weights.IntLength ? start + chunk : weights.IntLength;
        for (int i = start; i < end; i++)
        {
            TLane w = Real.Load(weights, i);
            TLane m = TLane.Fma(decay, w, Real.Load(gradients, i));
            Real.Store(momentum, i, m);
            Real.Store(weights, i, TLane.Fma(step, m, w));
        }
    }
}
