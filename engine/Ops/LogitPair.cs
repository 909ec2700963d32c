using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>The arguments of a loss that compares two batches of logits, and what such losses share.</summary>
    private readonly record struct LogitPair
    {
        public LogitPair(string op, Tensor a, Tensor b)
        {
            Require.That(a.Shape.Pixels == 1, op, "logits [N, K, 1, 1]", a.Shape);
            Require.That(a.Layout == b.Layout && a.Type == b.Type, op, $"{a.Type} {a.Layout}", $"{b.Type} {b.Layout}");
            (A, B) = (a, b);
        }

        public Tensor A { get; }

        public Tensor B { get; }

        public int Images => A.Shape.N;

        public int Classes => A.Shape.C;

        /// <summary>The price of reading both and writing one number for each image.</summary>
        public Cost Cost(int operations) => new(operations * A.Shape.Count, ((2 * A.Shape.Count) + (2 * Images)) * A.Type.Bytes());

        /// <summary>The price of reading both and writing both gradients.</summary>
        public Cost GradientCost(int operations) =>
            new(operations * A.Shape.Count, ((4 * A.Shape.Count) + Images) * A.Type.Bytes(), Direction.InputGradient);

        /// <summary>Records a loss of both; <paramref name="gradients"/> writes the gradients da and db for one of the loss.</summary>
        public Tensor Record(Tape tape, Tensor loss, Action<Tensor, Tensor, Tensor> gradients)
        {
            (Tensor a, Tensor b) = (A, B);
            return tape.Record(loss, [a, b], dloss =>
            {
                Tensor da = tape.Allocate(a.Layout, a.Type);
                Tensor db = tape.Allocate(b.Layout, b.Type);
                gradients(dloss, da, db);
                foreach ((Tensor logits, Tensor gradient) in (ReadOnlySpan<(Tensor, Tensor)>)[(a, da), (b, db)])
                {
                    if (tape.Needs(logits))
                        tape.Accumulate(logits, gradient);
                    else
                        tape.Release(gradient);
                }
            });
        }
    }
}

/// <summary>log softmax of one image's logits: what is subtracted from each, in two parts so that large logits lose no digits.</summary>
[ExcludeFromCodeCoverage]
internal struct LogProbabilities<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T Largest, LogSum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T Of(T logit) => logit - Largest - LogSum;
}

internal static partial class LossKernels
{
    private static LogProbabilities<T> LogSoftmax<T>(ArrayView<T> logits, int start, int classes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T largest = Largest(logits, start, classes);
        T sum = T.Zero;
        for (int k = start; k < start + classes; k++)
            sum += T.Exp(Real.Load(logits, k) - largest);
        return new() { Largest = largest, LogSum = T.Log(sum) };
    }
}
