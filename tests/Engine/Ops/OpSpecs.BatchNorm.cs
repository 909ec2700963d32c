using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec BatchNorm(bool training, bool relu) => new()
    {
        Name = relu ? nameof(Ops.BatchNormRelu) : nameof(Ops.BatchNorm),
        Variant = training ? "training" : "evaluation",
        Differentiable = true,
        Draw = draw => new Normalisation(draw, training, relu).Case,
        Errors =
        [
            ("vectors of another size", tape => BatchNorm(tape, Activation(tape, 2, 3, 4, 4), State(tape, 4), training, relu)),
            ("two types", tape => BatchNorm(
                tape, tape.Activation(new Shape(2, 3, 4, 4), ElementType.Float64), State(tape, 3), training, relu)),
            .. training
                ? new (string, Action<Tape>)[]
                {
                    ("one value", tape => BatchNorm(tape, Activation(tape, 1, 3), State(tape, 3), true, relu)),
                }
                : [],
        ],
    };

    private static Tensor BatchNorm(Tape tape, Tensor x, BatchNormState state, bool training, bool relu) =>
        relu ? Ops.BatchNormRelu(tape, x, state, training) : Ops.BatchNorm(tape, x, state, training);

    private static BatchNormState State(Tape tape, int channels) => new()
    {
        Gamma = Plain(tape, 1, channels),
        Beta = Plain(tape, 1, channels),
        RunningMean = Plain(tape, 1, channels),
        RunningVariance = Plain(tape, 1, channels),
    };

    /// <summary>
    /// y = gamma (x - mean) rstd + beta with rstd = (variance + epsilon)^(-1/2), over the batch or from the running statistics.
    /// </summary>
    private sealed class Normalisation
    {
        private readonly Draw _draw;
        private readonly bool _training, _relu;
        private readonly Shape _shape;
        private readonly double _momentum, _epsilon;

        // In integer mode every channel holds mean - spread and mean + spread equally often, and epsilon is three times the variance.
        private readonly int _spread;

        public Normalisation(Draw draw, bool training, bool relu)
        {
            (_draw, _training, _relu) = (draw, training, relu);
            do
            {
                _shape = draw.Integers
                    ? new(draw.Pick(1, 2, 4), draw.Channels(), draw.Pick(1, 2, 4, 8), draw.Pick(1, 2, 4, 8, 16))
                    : draw.Activation();
            }
            while (_shape.Count > draw.Budget || Count < 2);
            _spread = draw.Pick(1, 2);
            _momentum = draw.Integers ? draw.Pick(0.25, 0.5) : draw.Pick(0.1, 0.1, 0.3, 1);
            _epsilon = !draw.Integers ? draw.Pick(1e-5, 1e-5, 1e-3) : training ? 3 * _spread * _spread : 3;
        }

        public OpCase Case => new()
        {
            Geometry = $"{_shape}, momentum {_momentum}, epsilon {_epsilon}",
            Operands =
            [
                new("x", _shape, Role.Input, Pixels()),
                new("gamma", Shape.Vector(_shape.C), Role.Parameter, _draw.Values(_shape.C)),
                new("beta", Shape.Vector(_shape.C), Role.Parameter, _draw.Values(_shape.C)),
                new("mean", Shape.Vector(_shape.C), Role.Plain, _draw.Values(_shape.C)),
                new("variance", Shape.Vector(_shape.C), Role.Plain, Variances()),
            ],
            Result = _shape,
            // The unbiased variance has the factor m / (m - 1).
            Inexact = ["variance"],
            NaNGradientOpen = _relu || !_training,
            InfinityOpen = _training ? "means of parts are merged by their differences, and devices have other parts" : null,
            Run = scope => BatchNorm(scope.Tape, scope["x"], StateOf(scope), _training, _relu),
            Reference = Reference,
        };

        private int Count => _shape.N * _shape.Pixels;

        private BatchNormState StateOf(OpScope scope) => new()
        {
            Gamma = scope["gamma"],
            Beta = scope["beta"],
            RunningMean = scope["mean"],
            RunningVariance = scope["variance"],
            Momentum = _momentum,
            Epsilon = _epsilon,
        };

        private double[] Pixels()
        {
            // Means of 100 show a variance that cancels. Behind a kink the sign of every element must be beyond doubt.
            if (!_draw.Integers)
                return _draw.Values(_shape, _draw.Pick(0.1, 1, 3), _relu ? _draw.Pick(0, 1) : _draw.Pick(0, 1, 100));
            if (!_training)
                return _draw.Values(_shape);
            double[] means = _draw.Values(_shape.C);
            double[] x = new double[_shape.Count];
            for (int i = 0; i < x.Length; i++)
            {
                (int n, int c, int h, int w) = Coordinates(i);
                x[i] = means[c] + ((n + h + w + c) % 2 == 0 ? _spread : -_spread);
            }

            return x;
        }

        private double[] Variances() => _draw.Integers
            ? [.. Enumerable.Range(0, _shape.C).Select(_ => _draw.Pick(1.0, 13.0))]
            : _draw.Uniform(_shape.C, 0.5, 2);

        private (int N, int C, int H, int W) Coordinates(int i) =>
            (i / _shape.Pixels / _shape.C, i / _shape.Pixels % _shape.C, i / _shape.W % _shape.H, i % _shape.W);

        private Dictionary<string, Scaled[]> Reference(Arguments arguments)
        {
            Dictionary<string, Scaled[]> expected = new()
            {
                ["y"] = new Scaled[_shape.Count],
                ["dx"] = new Scaled[_shape.Count],
                ["dgamma"] = new Scaled[_shape.C],
                ["dbeta"] = new Scaled[_shape.C],
            };
            if (_training)
                (expected["mean"], expected["variance"]) = (new Scaled[_shape.C], new Scaled[_shape.C]);
            for (int c = 0; c < _shape.C; c++)
                Channel(c, arguments, expected);
            return expected;
        }

        private void Channel(int c, Arguments arguments, Dictionary<string, Scaled[]> expected)
        {
            int[] elements = [.. Enumerable.Range(0, (int)_shape.Count).Where(i => i / _shape.Pixels % _shape.C == c)];
            (Scaled mean, Scaled variance) = _training
                ? BatchMoments(elements, arguments["x"])
                : (arguments["mean"][c], arguments["variance"][c]);
            if (_training)
            {
                Scaled unbiased = variance * Count / (Count - 1);
                expected["mean"][c] = Blend(arguments["mean"][c], mean);
                expected["variance"][c] = Blend(arguments["variance"][c], unbiased);
            }

            Scaled gamma = arguments["gamma"][c];
            Scaled rstd = (Scaled)1 / Scaled.Sqrt(variance + Scaled.Rounded(_epsilon));
            Sum dgamma = default, dbeta = default;
            Scaled[] normalised = new Scaled[elements.Length], upstream = new Scaled[elements.Length];
            for (int j = 0; j < elements.Length; j++)
            {
                int i = elements[j];
                normalised[j] = (arguments["x"][i] - mean) * rstd;
                Scaled y = (gamma * normalised[j]) + arguments["beta"][c];
                expected["y"][i] = _relu && y.Value < 0 ? y with { Value = 0 } : y;
                upstream[j] = Upstream(y, arguments.Dy[i]);
                dgamma.Add(upstream[j] * normalised[j]);
                dbeta.Add(upstream[j]);
            }

            (expected["dgamma"][c], expected["dbeta"][c]) = (dgamma, dbeta);
            for (int j = 0; j < elements.Length; j++)
            {
                expected["dx"][elements[j]] = _training
                    ? gamma * rstd * (upstream[j] - (dbeta / (Scaled)Count) - (normalised[j] * dgamma / Count))
                    : gamma * rstd * upstream[j];
            }
        }

        // The gradient behind the ReLU. Where rounding decides whether y is positive, either is right: all of dy is in doubt.
        private Scaled Upstream(Scaled y, double dy)
        {
            if (!_relu)
                return dy;
            bool isOpen = y.Value != 0 && Math.Abs(y.Value) <= 8 * _draw.Unit * y.Scale;
            return new Scaled(y.Value > 0 ? dy : 0, isOpen && !_draw.Integers ? Math.Abs(dy) / (8 * _draw.Unit) : 0);
        }

        private Scaled Blend(double running, Scaled batch) =>
            (Scaled.Rounded(1 - _momentum) * running) + (Scaled.Rounded(_momentum) * batch);

        // The mean's own error enters the variance only squared, for deviations from it sum to zero. Means of parts are rounded as
        // well, which costs a little of u * |mean| * deviation (a variance that cancels costs u * mean^2).
        private (Scaled Mean, Scaled Variance) BatchMoments(int[] elements, double[] x)
        {
            Sum sum = default;
            foreach (int i in elements)
                sum.Add(x[i]);
            Scaled mean = sum / (Scaled)Count;
            double variance = elements.Sum(i => (x[i] - mean.Value) * (x[i] - mean.Value)) / Count;
            return (mean, new Scaled(
                variance,
                (2 * variance) + (Math.Sqrt(variance) * Math.Abs(mean.Value) / 4) + (8 * _draw.Unit * mean.Scale * mean.Scale)));
        }
    }
}
