using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// Dropout, as torch.nn.functional.dropout in training: each element is zero with probability rate, and x / (1 - rate) otherwise
    /// (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout, JMLR 15, 2014). The random word of an element is that of its
    /// N, C, H, W index, so that every layout and device drops the same, and the gradient draws it again in place of a mask. NaN stays NaN.
    /// </summary>
    /// <remarks>The key is new in each pass, so passes with dropout are not recorded as graphs.</remarks>
    /// <param name="tape">Records the op and owns the result.</param>
    /// <param name="x">[N, C, H, W]</param>
    /// <param name="rate">Probability of zero, from 0 to below 1; to 24 bits.</param>
    /// <param name="key">The random stream: one per layer and pass.</param>
    /// <exception cref="ArgumentException">The rate is negative, 1 or more, or no number.</exception>
    public static Tensor Dropout(Tape tape, Tensor x, double rate, RandomKey key)
    {
        Require.That(rate is >= 0 and < 1, nameof(Dropout), "0 <= rate < 1", rate);
        if (x.Device.IsRecording)
            throw new NotWhileRecordingException();
        Tensor y = tape.Allocate(x.Layout, x.Type);
        Dispatch.Run(x.Type, width: 1, new DropoutLaunch(x, y, rate, key, Direction.Forward));
        return tape.Record(y, [x], dy =>
        {
            Tensor dx = tape.Allocate(x.Layout, x.Type);
            Dispatch.Run(x.Type, width: 1, new DropoutLaunch(dy, dx, rate, key, Direction.InputGradient));
            tape.Accumulate(x, dx);
        });
    }

    /// <summary>Forward and backward alike: the same elements become zero.</summary>
    private readonly record struct DropoutLaunch(Tensor From, Tensor To, double Rate, RandomKey Key, Direction Direction) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Shape shape = From.Shape;
            From.Device.Launch(
                DropoutKernels.Drop<T>, From.Device.Grid(shape.N * shape.C * shape.H),
                new Cost(shape.Count, 2 * shape.Count * From.Type.Bytes(), Direction),
                From.View<T>(), To.View<T>(), (int)(Rate * (1 << 24)), T.CreateChecked(1 / (1 - Rate)), Key, new DirectLayout(From.Layout));
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class DropoutKernels
{
    // One row of one channel an item: its elements are neighbours in N, C, H, W order and share blocks of random words.
    public static void Drop<T>(ArrayView<T> x, ArrayView<T> y, int dropped, T scale, RandomKey key, DirectLayout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.N * layout.C * layout.H)
            return;
        int plane = item / layout.H;
        int n = plane / layout.C;
        int place = layout.Index(n, plane - (n * layout.C), item - (plane * layout.H), 0);
        int element = item * layout.W;
        UInt4 words = Philox.Words(key, (uint)element >> 2);
        for (int w = 0; w < layout.W; w++, element++, place += layout.Column)
        {
            int lane = element & 3;
            if (lane == 0)
                words = Philox.Words(key, (uint)element >> 2);
            bool isKept = (int)(UniformDraw.Lane(words, lane) >> 8) >= dropped;
            Real.Store(y, place, Real.Load(x, place) * (isKept ? scale : T.Zero));
        }
    }
}
