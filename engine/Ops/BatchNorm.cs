using System.Numerics;

namespace Deat.Engine;

/// <summary>What a batch normalisation keeps between batches.</summary>
public sealed record BatchNormState
{
    /// <summary>The scale of each channel, [1, C, 1, 1].</summary>
    public required Tensor Gamma { get; init; }

    /// <summary>The shift of each channel, [1, C, 1, 1].</summary>
    public required Tensor Beta { get; init; }

    /// <summary>The running mean of each channel, [1, C, 1, 1].</summary>
    public required Tensor RunningMean { get; init; }

    /// <summary>The running unbiased variance of each channel, [1, C, 1, 1].</summary>
    public required Tensor RunningVariance { get; init; }

    /// <summary>The weight of a new batch in the running statistics.</summary>
    public double Momentum { get; init; } = 0.1;

    /// <summary>What is added to a variance before its root is taken.</summary>
    public double Epsilon { get; init; } = 1e-5;
}

public static partial class Ops
{
    /// <summary>
    /// Batch normalisation, y = gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel (Ioffe, Szegedy: Batch
    /// normalization, arXiv 1502.03167, algorithm 1).
    /// </summary>
    /// <remarks>
    /// In training, mean and biased variance are those of the batch, and the running statistics move towards its mean and its
    /// unbiased variance: running = (1 - momentum) running + momentum batch. In evaluation the running statistics are used and
    /// left alone. Variances come from squared deviations from the mean of a slice, combined as in Chan, Golub, LeVeque
    /// (Algorithms for computing the sample variance, 1983): nothing cancels when the mean is large.
    /// </remarks>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]; in training more than one value per channel</param>
    /// <param name="state">Parameters and running statistics; gamma and beta are both parameters or neither is.</param>
    /// <param name="training">Whether the statistics are the batch's.</param>
    public static Tensor BatchNorm(Tape tape, Tensor x, BatchNormState state, bool training) =>
        BatchNorm(tape, x, state, training, relu: false);

    /// <summary>max(<see cref="BatchNorm(Tape, Tensor, BatchNormState, bool)"/>, 0) in the same passes; NaN stays NaN.</summary>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]; in training more than one value per channel</param>
    /// <param name="state">Parameters and running statistics; gamma and beta are both parameters or neither is.</param>
    /// <param name="training">Whether the statistics are the batch's.</param>
    public static Tensor BatchNormRelu(Tape tape, Tensor x, BatchNormState state, bool training) =>
        BatchNorm(tape, x, state, training, relu: true);

    private static Tensor BatchNorm(Tape tape, Tensor x, BatchNormState state, bool training, bool relu)
    {
        foreach (Tensor vector in (ReadOnlySpan<Tensor>)[state.Gamma, state.Beta, state.RunningMean, state.RunningVariance])
        {
            Require.That(
                vector.Layout == Layout.Plain(Shape.Vector(x.Shape.C)), nameof(BatchNorm), $"vectors of {x.Shape.C}", vector.Layout);
            Require.That(vector.Type == x.Type, nameof(BatchNorm), x.Type, vector.Type);
        }

        long count = (long)x.Shape.N * x.Shape.Pixels;
        Require.That(!training || count > 1, nameof(BatchNorm), "more than one value per channel in training", x.Shape);
        Require.That(
            (state.Gamma.Gradient is null) == (state.Beta.Gradient is null), nameof(BatchNorm), "both parameters or neither", state);
        BatchNormPass pass = new(
            tape, x, state, training, relu,
            tape.Plain(Shape.Vector(x.Shape.C), x.Type),
            tape.Plain(Shape.Vector(x.Shape.C), x.Type),
            tape.Allocate(x.Layout, x.Type));
        bool wide = x.Device.Traits.UsesWideLanes(x.Layout);
        Dispatch.Run(x.Type, wide, new BatchNormForward(pass));
        return tape.Record(pass.Y, [x, state.Gamma, state.Beta], dy => Dispatch.Run(x.Type, wide, new BatchNormBackward(pass, dy)));
    }

    /// <summary>One call: what its kernels share. Mean and rstd = 1 / sqrt(variance + epsilon) are those that normalised x.</summary>
    private sealed record BatchNormPass(
        Tape Tape, Tensor X, BatchNormState State, bool Training, bool Relu, Tensor Mean, Tensor Rstd, Tensor Y)
    {
        public ComputeDevice Device => X.Device;

        /// <summary>Values per channel.</summary>
        public double Count => (double)X.Shape.N * X.Shape.Pixels;

        public long Elements => X.Shape.Count;

        public int Channels => X.Shape.C;

        /// <summary>Operations per element that the activation adds.</summary>
        public int Comparisons => Relu ? 1 : 0;

        public int Bytes => X.Type.Bytes();

        /// <summary>Two numbers for each slice and channel: the first stage of a reduction.</summary>
        public (Tensor First, Tensor Second) Partials(RowSlices slices)
        {
            Shape shape = new(slices.Slices, X.Shape.C);
            return (Tape.Plain(shape, X.Type), Tape.Plain(shape, X.Type));
        }
    }

    private readonly record struct BatchNormForward(BatchNormPass Pass) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            RowSlices slices = RowSlices.Of<T, TLane>(Pass.X);
            if (Pass.Training)
                BatchStatistics<T, TLane>(slices);
            else
                RunningStatistics<T>();
            if (Pass.Relu)
                Normalise<T, TLane, Rectifier>(slices);
            else
                Normalise<T, TLane, Identity>(slices);
        }

        private void BatchStatistics<T, TLane>(RowSlices slices)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            var (pass, state) = (Pass, Pass.State);
            var (means, squares) = pass.Partials(slices);
            long partials = means.Shape.Count;
            pass.Device.Launch(
                BatchNormKernels.SliceMoments<T, TLane>, pass.Device.Grid(slices.Items),
                new Cost((5 * pass.Elements) + (2 * partials), (pass.Elements + (2 * partials)) * pass.Bytes),
                pass.X.View<TLane>(), means.View<TLane>(), squares.View<TLane>(), T.CreateChecked(1.0 / slices.Pixels), slices);
            pass.Device.Launch(
                BatchNormKernels.BatchStatistics<T, TLane>, GroupSum.Grid<TLane>(pass.Device, slices.Lanes, sums: 2),
                new Cost((5 * partials) + (12 * pass.Channels), ((2 * partials) + (6 * pass.Channels)) * pass.Bytes),
                pass.X.View<TLane>(), means.View<TLane>(), squares.View<TLane>(), pass.Mean.View<TLane>(), pass.Rstd.View<TLane>(),
                state.RunningMean.View<T>(), state.RunningVariance.View<T>(), BatchMoments<T>.Of(pass.Count, slices, state), slices);
            pass.Tape.Release(means);
            pass.Tape.Release(squares);
        }

        private void RunningStatistics<T>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T> => Pass.Device.Launch(
                BatchNormKernels.RunningStatistics<T>, Pass.Device.Grid(Pass.Channels),
                new Cost(3 * Pass.Channels, 4 * Pass.Channels * Pass.Bytes),
                Pass.State.RunningMean.View<T>(), Pass.State.RunningVariance.View<T>(), Pass.Mean.View<T>(), Pass.Rstd.View<T>(),
                T.CreateChecked(Pass.State.Epsilon));

        private void Normalise<T, TLane, TActivation>(RowSlices slices)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
            where TActivation : struct, IActivation => Pass.Device.Launch(
                BatchNormKernels.Normalise<T, TLane, TActivation>, Pass.Device.Grid(slices.Items),
                new Cost((3 + Pass.Comparisons) * Pass.Elements, ((2 * Pass.Elements) + (4 * Pass.Channels)) * Pass.Bytes),
                Pass.X.View<TLane>(), Pass.Mean.View<TLane>(), Pass.Rstd.View<TLane>(),
                Pass.State.Gamma.View<TLane>(), Pass.State.Beta.View<TLane>(), Pass.Y.View<TLane>(), slices);
    }

    private readonly record struct BatchNormBackward(BatchNormPass Pass, Tensor Dy) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            if (Pass.Relu)
                Run<T, TLane, Rectifier>();
            else
                Run<T, TLane, Identity>();
        }

        // In training the input's gradient goes through the statistics and needs the sums over the batch that are dgamma and dbeta.
        private void Run<T, TLane, TActivation>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
            where TActivation : struct, IActivation
        {
            BatchNormBackward self = this;
            var (tape, state) = (Pass.Tape, Pass.State);
            if (tape.Needs(state.Gamma))
            {
                tape.WriteGradient(state.Gamma, dgamma => tape.WriteGradient(
                    state.Beta, dbeta => self.Gradients<T, TLane, TActivation>(dgamma, dbeta)));
            }
            else if (Pass.Training)
            {
                Tensor dgamma = tape.Plain(state.Gamma.Shape, Dy.Type);
                Tensor dbeta = tape.Plain(state.Beta.Shape, Dy.Type);
                Gradients<T, TLane, TActivation>(dgamma, dbeta);
                tape.Release(dgamma);
                tape.Release(dbeta);
            }
            else
            {
                InputGradient<T, TLane, TActivation>(Pass.Mean, Pass.Rstd);
            }
        }

        private void Gradients<T, TLane, TActivation>(Tensor dgamma, Tensor dbeta)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
            where TActivation : struct, IActivation
        {
            ParameterGradients<T, TLane, TActivation>(dgamma, dbeta);
            if (!Pass.Tape.Needs(Pass.X))
                return;
            if (Pass.Training)
                InputGradient<T, TLane, TActivation>(dgamma, dbeta);
            else
                InputGradient<T, TLane, TActivation>(Pass.Mean, Pass.Rstd);
        }

        private void ParameterGradients<T, TLane, TActivation>(Tensor dgamma, Tensor dbeta)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
            where TActivation : struct, IActivation
        {
            BatchNormPass pass = Pass;
            RowSlices slices = RowSlices.Of<T, TLane>(pass.X);
            var (sums, products) = pass.Partials(slices);
            long partials = sums.Shape.Count;
            Direction direction = pass.Training && pass.Tape.Needs(pass.X) ? Direction.InputGradient : Direction.WeightGradient;
            pass.Device.Launch(
                BatchNormKernels.SliceGradients<T, TLane, TActivation>, pass.Device.Grid(slices.Items),
                new Cost(
                    (4 + (3 * pass.Comparisons)) * pass.Elements,
                    ((2 * pass.Elements) + (2 * partials) + (4 * pass.Channels)) * pass.Bytes, direction),
                pass.X.View<TLane>(), Dy.View<TLane>(), pass.Mean.View<TLane>(), pass.Rstd.View<TLane>(),
                pass.State.Gamma.View<TLane>(), pass.State.Beta.View<TLane>(), sums.View<TLane>(), products.View<TLane>(), slices);
            pass.Device.Launch(
                BatchNormKernels.ParameterGradients<T, TLane>, GroupSum.Grid<TLane>(pass.Device, slices.Lanes, sums: 2),
                new Cost((2 * partials) + pass.Channels, ((2 * partials) + (3 * pass.Channels)) * pass.Bytes, direction),
                sums.View<TLane>(), products.View<TLane>(), pass.Rstd.View<TLane>(), dgamma.View<TLane>(), dbeta.View<TLane>(),
                slices.Slices);
            pass.Tape.Release(sums);
            pass.Tape.Release(products);
        }

        // In evaluation the sums have no weight, and anything finite stands for them.
        private void InputGradient<T, TLane, TActivation>(Tensor dgamma, Tensor dbeta)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
            where TActivation : struct, IActivation
        {
            BatchNormPass pass = Pass;
            RowSlices slices = RowSlices.Of<T, TLane>(pass.X);
            Tensor dx = pass.Tape.Allocate(pass.X.Layout, pass.X.Type);
            Cost cost = pass.Training
                ? new Cost(
                    (5 + (3 * pass.Comparisons)) * pass.Elements, ((3 * pass.Elements) + (6 * pass.Channels)) * pass.Bytes,
                    Direction.InputGradient)
                : new Cost(
                    (1 + (4 * pass.Comparisons)) * pass.Elements,
                    (((2 + pass.Comparisons) * pass.Elements) + (4 * pass.Channels)) * pass.Bytes, Direction.InputGradient);
            pass.Device.Launch(
                BatchNormKernels.InputGradient<T, TLane, TActivation>, pass.Device.Grid(slices.Items), cost,
                pass.X.View<TLane>(), Dy.View<TLane>(), pass.Mean.View<TLane>(), pass.Rstd.View<TLane>(),
                pass.State.Gamma.View<TLane>(), pass.State.Beta.View<TLane>(), dgamma.View<TLane>(), dbeta.View<TLane>(),
                dx.View<TLane>(), T.CreateChecked(pass.Training ? 1 / pass.Count : 0), slices);
            pass.Tape.Accumulate(pass.X, dx);
        }
    }
}
