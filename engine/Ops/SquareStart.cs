using System.Numerics;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>
    /// The start of the square attack. Linf: stripes, epsilon times a random sign of each channel and column. L2: tiles of a fifth of the
    /// rows, each with a <see cref="SquarePattern{T}"/> that is turned or not and has a random sign in each channel, brought to the length
    /// epsilon. Both are clamped so that x + delta is in [0,1]. Source: as <see cref="SquareProposal"/>.
    /// </summary>
    /// <remarks>
    /// Linf takes the first bit of word c W + w of the image's stream; L2 takes the first two words of block t for tile t: whether it is
    /// turned, and a sign for each bit.
    /// </remarks>
    /// <param name="scratch">Lends memory.</param>
    /// <param name="x">[N, C, H, W], pixel range [0,1]; C at most 16</param>
    /// <param name="norm">The norm of the ball: <see cref="Norm.Linf"/> or <see cref="Norm.L2"/>.</param>
    /// <param name="epsilon">Its radius, in pixel range.</param>
    /// <param name="key">The random stream; each image has its own, with its number in the place of <see cref="RandomKey.Epoch"/>.</param>
    /// <param name="images">[N, 1, 1, 1] Int32: the images' numbers.</param>
    /// <param name="delta">[N, C, H, W], written</param>
    /// <exception cref="ArgumentException">Layouts or types do not fit, or there is no such ball.</exception>
    public static void SquareStart(
        Workspace scratch, Tensor x, Norm norm, double epsilon, RandomKey key, Tensor images, Tensor delta)
    {
        RequireSquares(nameof(SquareStart), x, norm, epsilon, images, delta);
        Dispatch.Run(x.Type, width: 1, new SquareStartLaunch(scratch, x, norm, epsilon, key, images, delta));
    }

    private readonly record struct SquareStartLaunch(
        Workspace Scratch, Tensor X, Norm Norm, double Epsilon, RandomKey Key, Tensor Images, Tensor Delta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            ComputeDevice device = X.Device;
            Shape shape = X.Shape;
            long bytes = 2 * shape.Count * X.Type.Bytes();
            if (Norm == Norm.Linf)
            {
                device.Launch(
                    SquareKernels.Stripes, device.Grid(shape.N * shape.C),
                    new Cost(shape.Count, bytes + (shape.N * sizeof(int))),
                    X.View<T>(), Images.View<int>(), Delta.View<T>(), T.CreateChecked(Epsilon), PixelRange<T>.From(true), Key, X.Layout);
                return;
            }

            int side = Math.Max(1, shape.H / 5);
            Tensor moved = Scratch.Activation(shape, X.Type);
            Tensor all = Scratch.Plain(new Shape(shape.N, 1), ElementType.Int32);
            GiveLives(all, 1);
            device.Launch(
                SquareKernels.Tiles, device.Grid(shape.N * shape.H),
                new Cost(shape.Count, (bytes / 2) + (shape.N * sizeof(int))),
                Images.View<int>(), moved.View<T>(), SquarePattern<T>.Of(side), Math.Max(0, (shape.H - (5 * side)) / 2), Key, X.Layout);
            ToSphere<T>(Scratch, moved, X, Epsilon, all, Delta);
            Scratch.Release(all);
            Scratch.Release(moved);
        }
    }
}
