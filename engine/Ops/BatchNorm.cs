using System.Numerics;

namespace Deat.Engine;

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
            tape, x, state, training, relu, tape.Plain(new Shape(4, x.Shape.C), x.Type), tape.Allocate(x.Layout, x.Type));
        int width = x.Device.Traits.LaneWidth(x.Layout.Block);
        Dispatch.Run(x.Type, width, new BatchNormForward(pass));
        if (pass.Normalised is { } normalised)
            tape.MarkNormalised(pass.Y, normalised);
        return tape.Record(pass.Y, [x, state.Gamma, state.Beta], dy => Dispatch.Run(x.Type, width, new BatchNormBackward(pass, dy)));
    }

    /// <summary>
    /// One call: what its kernels share. Statistics: mean, rstd = 1 / sqrt(variance + epsilon), gamma rstd and beta, which normalised x.
    /// </summary>
    private sealed record BatchNormPass(
        Tape Tape, Tensor X, BatchNormState State, bool Training, bool Relu, Tensor Statistics, Tensor Y)
    {
        public ComputeDevice Device => X.Device;

        /// <summary>Values per channel.</summary>
        public double Count => (double)X.Shape.N * X.Shape.Pixels;

        public long Elements => X.Shape.Count;

        public int Channels => X.Shape.C;

        /// <summary>What whoever finds the gradient behind the ReLU needs to take its sums along; null without such sums.</summary>
        public NormalisedTensor? Normalised { get; } =
            Relu && (Training || Tape.Needs(State.Gamma)) ? new NormalisedTensor(X, Statistics) : null;

        /// <summary>Operations per element that the activation adds.</summary>
        public int Comparisons => Relu ? 1 : 0;

        public int Bytes => X.Type.Bytes();

        public ChannelSlices Slices<TLane, T>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => new(X.Layout, TLane.Width, Device.Traits);

        /// <summary>Two numbers for each slice and channel: what one pass leaves for the next.</summary>
        public Tensor Partials(ChannelSlices slices) => Tape.Scratch(new Shape(2 * slices.Slices, X.Shape.C), X.Type);
    }

    private readonly record struct BatchNormForward(BatchNormPass Pass) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ChannelSlices slices = Pass.Slices<TLane, T>();
            Tensor partials = Pass.Statistics;
            BatchMoments<T> moments = BatchMoments<T>.Of(Pass.Count, slices: 0, 0, 0, Pass.State);
            if (Pass.Training)
                (partials, moments) = Moments<T, TLane>(slices);
            Normalise<T, TLane>(partials, moments, slices, Pass.State, Direction.Forward);
            bool again = Pass.Tape.Recomputes;
            if (Pass.Training && !again)
                Pass.Tape.Release(partials);
            BatchNormForward self = this;
            Pass.Tape.MayLetGo(Pass.Y, again ? () => self.NormaliseAgain<T, TLane>(partials, moments, slices) : null);
        }

        // From the same moments. The running statistics have moved already: others, which are nobody's, are moved instead.
        private void NormaliseAgain<T, TLane>(Tensor partials, BatchMoments<T> moments, ChannelSlices slices)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            (Tape tape, BatchNormState state) = (Pass.Tape, Pass.State);
            if (!Pass.Training)
            {
                Normalise<T, TLane>(partials, moments, slices, state, Direction.WeightGradient);
                return;
            }

            Tensor unused = tape.Scratch(state.RunningMean.Shape, Pass.X.Type);
            Normalise<T, TLane>(
                partials, moments, slices, state with { RunningMean = unused, RunningVariance = unused }, Direction.WeightGradient);
            tape.Release(unused);
            tape.Release(partials);
        }

        // Those that whoever wrote x has taken along, or those that a pass of its own finds.
        private (Tensor Partials, BatchMoments<T> Moments) Moments<T, TLane>(ChannelSlices slices)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            BatchNormPass pass = Pass;
            if (pass.Tape.Take(pass.X) is { } sums)
            {
                const int pixels = IEpilogue.SliceRows;
                return (sums.Partials, BatchMoments<T>.Of(pass.Count, sums.Slices, pixels, pixels, pass.State));
            }

            Tensor partials = pass.Partials(slices);
            int perSlice = slices.RowsPerSlice * slices.Columns;
            BatchMoments<T> moments = BatchMoments<T>.Of(pass.Count, slices.Slices, perSlice, slices.LastPixels, pass.State) with
            {
                AreShifted = 1,
            };
            pass.Device.Launch(
                BatchNormKernels.SliceMoments<T, TLane>, slices.Grid<TLane>(pass.Device, sums: 2),
                new Cost((5 * pass.Elements) + (2 * partials.Shape.Count), (pass.Elements + partials.Shape.Count) * pass.Bytes),
                pass.X.View<TLane>(), partials.View<TLane>(), moments, slices);
            return (partials, moments);
        }

        private void Normalise<T, TLane>(
            Tensor partials, BatchMoments<T> moments, ChannelSlices slices, BatchNormState state, Direction direction)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            if (Pass.Relu)
                Normalise<T, TLane, Rectifier>(partials, moments, slices, state, direction);
            else
                Normalise<T, TLane, Identity>(partials, moments, slices, state, direction);
        }

        private void Normalise<T, TLane, TActivation>(
            Tensor partials, BatchMoments<T> moments, ChannelSlices slices, BatchNormState state, Direction direction)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
            where TActivation : struct, IActivation
        {
            BatchNormPass pass = Pass;
            long sums = pass.Training ? partials.Shape.Count : 0;
            Cost cost = new(
                ((3 + pass.Comparisons) * pass.Elements) + (3 * sums) + ((pass.Training ? 12 : 3) * pass.Channels),
                ((2 * pass.Elements) + sums + ((pass.Training ? 8 : 6) * pass.Channels)) * pass.Bytes, direction);
            pass.Device.Launch(
                BatchNormKernels.Normalise<T, TLane, TActivation>, slices.Grid<TLane>(pass.Device, sums: 2), cost,
                pass.X.View<TLane>(), partials.View<TLane>(), pass.Statistics.View<TLane>(), state.RunningMean.View<TLane>(),
                state.RunningVariance.View<TLane>(), state.Gamma.View<TLane>(), state.Beta.View<TLane>(), pass.Y.View<TLane>(), moments,
                slices);
        }
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
                Tensor dgamma = tape.Scratch(state.Gamma.Shape, Dy.Type);
                Tensor dbeta = tape.Scratch(state.Beta.Shape, Dy.Type);
                Gradients<T, TLane, TActivation>(dgamma, dbeta);
                tape.Release(dgamma);
                tape.Release(dbeta);
            }
            else
            {
                InputGradient<T, TLane, TActivation>(Pass.Statistics, sums: 0, Pass.Statistics, Pass.Statistics);
            }
        }

        private void Gradients<T, TLane, TActivation>(Tensor dgamma, Tensor dbeta)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
            where TActivation : struct, IActivation
        {
            BatchNormPass pass = Pass;
            if (pass.Normalised is { } normalised && pass.Tape.Take(Dy, normalised) is { } sums)
            {
                InputGradient<T, TLane, TActivation>(sums.Partials, sums.Slices, dgamma, dbeta);
                pass.Tape.Release(sums.Partials);
                return;
            }

            ChannelSlices slices = pass.Slices<TLane, T>();
            Tensor partials = pass.Partials(slices);
            Direction direction = pass.Training && pass.Tape.Needs(pass.X) ? Direction.InputGradient : Direction.WeightGradient;
            pass.Device.Launch(
                BatchNormGradientKernels.SliceGradients<T, TLane, TActivation>, slices.Grid<TLane>(pass.Device, sums: 2),
                new Cost(
                    (4 + (3 * pass.Comparisons)) * pass.Elements,
                    ((2 * pass.Elements) + partials.Shape.Count + (4 * pass.Channels)) * pass.Bytes, direction),
                pass.X.View<TLane>(), Dy.View<TLane>(), pass.Statistics.View<TLane>(), partials.View<TLane>(), slices);
            InputGradient<T, TLane, TActivation>(partials, slices.Slices, dgamma, dbeta);
            pass.Tape.Release(partials);
        }

        private void InputGradient<T, TLane, TActivation>(Tensor partials, int sums, Tensor dgamma, Tensor dbeta)
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
            where TActivation : struct, IActivation
        {
            (BatchNormPass pass, Tensor dy) = (Pass, Dy);
            if (pass.Tape.Needs(pass.X))
            {
                pass.Tape.Accumulate(pass.X, dy, Launch);
                return;
            }

            // A gradient that nobody wants, on the way to those of the parameters: only where x is the network's input.
            Tensor unwanted = pass.Tape.Allocate(pass.X.Layout, pass.X.Type);
            Launch(null, unwanted);
            pass.Tape.Release(unwanted);

            void Launch(Tensor? before, Tensor dx)
            {
                ChannelSlices slices = pass.Slices<TLane, T>();
                BatchNormBackwards<T> backwards = new(
                    T.CreateChecked(pass.Training ? 1 / pass.Count : 0), sums, before is null ? 0 : 1);
                pass.Device.Launch(
                    BatchNormGradientKernels.InputGradient<T, TLane, TActivation>, slices.Grid<TLane>(pass.Device, sums: 2),
                    Price(pass, sums > 0 ? partials.Shape.Count : 0, before is not null),
                    pass.X.View<TLane>(), dy.View<TLane>(), (before ?? dx).View<TLane>(), pass.Statistics.View<TLane>(),
                    partials.View<TLane>(), dgamma.View<TLane>(), dbeta.View<TLane>(), dx.View<TLane>(), backwards, slices);
            }
        }

        // In evaluation without an activation x is not needed, only its gradient.
        private static Cost Price(BatchNormPass pass, long partials, bool adds)
        {
            int perElement = (pass.Training ? 5 + (3 * pass.Comparisons) : 1 + (4 * pass.Comparisons)) + (adds ? 1 : 0);
            int tensors = (pass.Training ? 3 : 2 + pass.Comparisons) + (adds ? 1 : 0);
            return new Cost(
                (perElement * pass.Elements) + partials, ((tensors * pass.Elements) + partials + (6 * pass.Channels)) * pass.Bytes,
                Direction.InputGradient);
        }
    }
}
