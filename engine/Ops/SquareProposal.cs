using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Deat.Engine;

/// <summary>What the square attack asks the network next.</summary>
public sealed record SquareQuery
{
    /// <summary>The norm of the ball: <see cref="Norm.Linf"/> or <see cref="Norm.L2"/>.</summary>
    public required Norm Norm { get; init; }

    /// <summary>The radius of the ball, in pixel range.</summary>
    public required double Epsilon { get; init; }

    /// <summary>Rows and columns of the square.</summary>
    public required int Side { get; init; }

    /// <summary>The query, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The random stream; each image has its own, with its number in the place of <see cref="RandomKey.Epoch"/>.</summary>
    public required RandomKey Key { get; init; }
}

public static partial class Ops
{
    /// <summary>
    /// A random change of the best perturbation of an image within one square, as the square attack proposes it. Linf: in all channels of
    /// the square the perturbation becomes epsilon times a random sign of the channel. L2: what the square and a second one hold moves to
    /// the first, in a pattern of two opposite peaks. Source: Andriushchenko, Croce, Flammarion, Hein: Square Attack (ECCV 2020),
    /// algorithms 2 and 3, with the details of fra31/auto-attack, square.py: rows and columns begin below H - side and W - side.
    /// </summary>
    /// <remarks>
    /// With L2, S and S' the squares, eta the pattern of length 1 (<see cref="SquarePattern{T}"/>) and s_c a sign: in S, channel c becomes
    /// s_c eta + best_c / |best_c in S|, brought to the length sqrt(max(epsilon^2 - |best|^2, 0) / C + |best in S or S'|^2); in the rest of
    /// S' it becomes 0; then the whole is brought to the length epsilon, and clamped. Words of the stream, from block 2^28 + 2 index on:
    /// row, column, a sign for each bit; then of the second square row, column, and whether the pattern is turned.
    /// </remarks>
    /// <param name="scratch">Lends memory.</param>
    /// <param name="best">[N, C, H, W], pixel range</param>
    /// <param name="x">[N, C, H, W], pixel range [0,1]; C at most 16</param>
    /// <param name="query">The square.</param>
    /// <param name="images">[N, 1, 1, 1] Int32: the images' numbers.</param>
    /// <param name="active">[N, 1, 1, 1] Int32: images with 0 keep their delta.</param>
    /// <param name="delta">[N, C, H, W], written: in the ball, x + delta in [0,1]</param>
    /// <exception cref="ArgumentException">Layouts or types do not fit, or the square does not.</exception>
    public static void SquareProposal(
        Workspace scratch, Tensor best, Tensor x, SquareQuery query, Tensor images, Tensor active, Tensor delta)
    {
        const string Op = nameof(SquareProposal);
        RequireSquares(Op, x, query.Norm, query.Epsilon, images, delta);
        RequireAlike(Op, x, best);
        RequirePerImage(Op, x, active, ElementType.Int32);
        int most = Math.Min(x.Shape.H, x.Shape.W);
        Require.That(query.Side >= 1 && query.Side <= most, Op, $"a side of 1 to {most}", query.Side);
        Require.That(query.Index is >= 0 and < 1 << 28, Op, "a query below 2^28", query.Index);
        Dispatch.Run(x.Type, width: 1, new SquareProposalLaunch(scratch, best, x, query, images, active, delta));
    }

    private static void RequireSquares(string op, Tensor x, Norm norm, double epsilon, Tensor images, Tensor delta)
    {
        RequireAlike(op, x, delta);
        RequirePerImage(op, x, images, ElementType.Int32);
        Require.That(norm is Norm.Linf or Norm.L2, op, "Linf or L2", norm);
        Require.That(epsilon >= 0, op, "epsilon >= 0", epsilon);
        // A sign of a channel is a bit.
        Require.That(x.Shape.C <= ChannelNormalization<float>.MaxChannels, op, "at most 16 channels", x.Shape.C);
    }

    /// <summary>delta = clampX(epsilon moved / |moved|) for the images that are active; none of them leaves the ball by rounding.</summary>
    private static void ToSphere<T>(Workspace scratch, Tensor moved, Tensor x, double epsilon, Tensor active, Tensor delta)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Shape shape = x.Shape;
        Tensor norms = scratch.Plain(new Shape(shape.N, 1), x.Type);
        ImageNorms(scratch, moved, Norm.L2, norms);
        x.Device.Launch(
            SquareKernels.ToSphere, x.Device.Grid(shape.N * shape.H),
            new Cost(4 * shape.Count, (((3 * shape.Count) + shape.N) * x.Type.Bytes()) + (shape.N * sizeof(int))),
            moved.View<T>(), x.View<T>(), norms.View<T>(), active.View<int>(), delta.View<T>(), T.CreateChecked(InnerRadius(x, epsilon)),
            PixelRange<T>.From(true), x.Layout);
        scratch.Release(norms);
    }

    private readonly record struct SquareProposalLaunch(
        Workspace Scratch, Tensor Best, Tensor X, SquareQuery Query, Tensor Images, Tensor Active, Tensor Delta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Shape shape = X.Shape;
            uint block = (1u << 28) + (2 * (uint)Query.Index);
            Cost cost = new(
                shape.Count, (3 * shape.Count * X.Type.Bytes()) + (2 * shape.N * sizeof(int)));
            if (Query.Norm == Norm.Linf)
            {
                X.Device.Launch(
                    SquareKernels.Recolour, X.Device.Grid(shape.N * shape.H), cost,
                    Best.View<T>(), X.View<T>(), Images.View<int>(), Active.View<int>(), Delta.View<T>(), T.CreateChecked(Query.Epsilon),
                    PixelRange<T>.From(true), Query.Key, block, Query.Side, X.Layout);
                return;
            }

            Tensor moved = Scratch.Activation(shape, X.Type);
            X.Device.Launch(
                SquareKernels.MoveLength, GroupForEach(X, numbers: 4), cost with { Flops = 8 * shape.Count },
                Best.View<T>(), Images.View<int>(), Active.View<int>(), moved.View<T>(), T.CreateChecked(Query.Epsilon * Query.Epsilon),
                T.CreateChecked(1.0 / shape.C), SquarePattern<T>.Of(Query.Side), Query.Key, block, X.Layout);
            ToSphere<T>(Scratch, moved, X, Query.Epsilon, Active, Delta);
            Scratch.Release(moved);
        }
    }
}

/// <summary>
/// The pattern of the square attack for L2, of length 1: two opposite peaks, one in each half of a square's rows. With M the larger of the
/// two numbers of rows and columns of a half, halved and raised by 1, a peak is the sum over k from m + 1 to M of 1 / k^2 at a distance
/// of m (the larger of both directions) from its centre; each half has the same length. Source: Andriushchenko, Croce, Flammarion,
/// Hein: Square Attack (ECCV 2020), section 3.3 and algorithm 3.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct SquarePattern<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public int Side;

    /// <summary>What brings the halves to their length.</summary>
    public T Upper, Lower;

    public static SquarePattern<T> Of(int side)
    {
        double upper = Squares(side / 2, side);
        double lower = Squares(side - (side / 2), side);
        int halves = upper > 0 ? 2 : 1;
        return new()
        {
            Side = side,
            Upper = T.CreateChecked(upper > 0 ? 1 / Math.Sqrt(upper * halves) : 0),
            Lower = T.CreateChecked(-1 / Math.Sqrt(lower * halves)),
        };
    }

    /// <summary>The pattern at a row and a column.</summary>
    public readonly T At(int row, int column)
    {
        int half = Side / 2;
        return row < half
            ? Upper * Peak<T>(row, column, half, Side)
            : Lower * Peak<T>(row - half, column, Side - half, Side);
    }

    private static double Squares(int rows, int columns)
    {
        double sum = 0;
        for (int i = 0; i < rows * columns; i++)
            sum += Math.Pow(Peak<double>(i / columns, i % columns, rows, columns), 2);
        return sum;
    }

    private static TValue Peak<TValue>(int row, int column, int rows, int columns)
        where TValue : unmanaged, IBinaryFloatingPointIeee754<TValue>
    {
        int down = row - (rows / 2);
        int right = column - (columns / 2);
        // Squares, because Oclgrind does not know the absolute value that a compiler makes of a comparison.
        int downSquared = down * down;
        int rightSquared = right * right;
        int last = (rows > columns ? rows : columns) / 2;
        TValue sum = TValue.Zero;
        TValue k = TValue.One;
        for (int i = 0; i <= last; i++)
        {
            sum += i * i >= downSquared && i * i >= rightSquared ? TValue.One / (k * k) : TValue.Zero;
            k += TValue.One;
        }

        return sum;
    }
}

/// <summary>Where a query's squares lie, from the words of the image.</summary>
[ExcludeFromCodeCoverage]
internal struct SquarePlace
{
    public int Row, Column, OtherRow, OtherColumn, Side;

    public uint Signs;

    /// <summary>Whether rows and columns of the pattern change places.</summary>
    public bool IsTurned;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SquarePlace Of(RandomKey key, uint block, int side, Shape shape)
    {
        int rows = shape.H > side ? shape.H - side : 1;
        int columns = shape.W > side ? shape.W - side : 1;
        UInt4 first = Philox.Words(key, block);
        UInt4 second = Philox.Words(key, block + 1);
        return new()
        {
            Row = Philox.Below(first.X, rows),
            Column = Philox.Below(first.Y, columns),
            OtherRow = Philox.Below(second.X, rows),
            OtherColumn = Philox.Below(second.Y, columns),
            Side = side,
            Signs = first.Z,
            IsTurned = second.Z >> 31 != 0,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Holds(int row, int column) =>
        row >= Row && row < Row + Side && column >= Column && column < Column + Side;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool OtherHolds(int row, int column) =>
        row >= OtherRow && row < OtherRow + Side && column >= OtherColumn && column < OtherColumn + Side;

    /// <summary>1 or -1 times a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Signed<T>(uint signs, int channel, T value)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => ((signs >> channel) & 1u) == 0u ? -value : value;
}
