using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace Deat.Engine;

/// <summary>What images in pixel range [0,1] are normalised with before the network sees them.</summary>
public sealed record Normalization
{
    /// <summary>Mean of each channel, in pixel range [0,1].</summary>
    public required double[] Mean { get; init; }

    /// <summary>Standard deviation of each channel, in pixel range [0,1]; positive.</summary>
    public required double[] Std { get; init; }
}

public static partial class Ops
{
    /// <summary>
    /// z = (x + delta - mean_c) / std_c: the network's input for images x under the perturbation delta. The quotient is a product
    /// with 1 / std_c rounded once, so that all devices agree to the bit.
    /// </summary>
    /// <param name="z">[N, C, H, W], written; C at most 16</param>
    /// <param name="x">[N, C, H, W], pixel range [0,1]</param>
    /// <param name="delta">[N, C, H, W], pixel range</param>
    /// <param name="normalization">mean_c and std_c, pixel range</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or the normalization is of other channels.</exception>
    public static void AdversarialInput(Tensor z, Tensor x, Tensor delta, Normalization normalization)
    {
        RequireAlike(nameof(AdversarialInput), x, delta, z);
        Dispatch.Run(x.Type, width: 1, new AdversarialInputLaunch(z, x, delta, normalization));
    }

    /// <summary>
    /// The gradient with respect to delta, in pixel range, of what has the gradient dz with respect to z: ddelta = dz / std_c. Its
    /// direction is another one than that of dz where channels have different std, and only its signs are the same.
    /// </summary>
    /// <param name="dz">[N, C, H, W]; C at most 16</param>
    /// <param name="normalization">mean_c and std_c, pixel range</param>
    /// <param name="ddelta">[N, C, H, W], written</param>
    /// <exception cref="ArgumentException">Layouts or types differ, or the normalization is of other channels.</exception>
    public static void AdversarialInputGradient(Tensor dz, Normalization normalization, Tensor ddelta)
    {
        RequireAlike(nameof(AdversarialInputGradient), dz, ddelta);
        Dispatch.Run(dz.Type, width: 1, new AdversarialInputBackward(dz, normalization, ddelta));
    }

    private static void RequireAlike(string op, Tensor x, params ReadOnlySpan<Tensor> others)
    {
        foreach (Tensor other in others)
        {
            Require.That(other.Layout == x.Layout, op, x.Layout, other.Layout);
            Require.That(other.Type == x.Type, op, x.Type, other.Type);
        }
    }

    private readonly record struct AdversarialInputBackward(Tensor Dz, Normalization Normalization, Tensor Ddelta) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Dz.Device.Launch(
                AdversarialInputKernels.PixelGradient, Dz.Device.Grid(Dz.Shape.N * Dz.Shape.H),
                new Cost(Dz.Shape.Count, 2 * Dz.Shape.Count * Dz.Type.Bytes(), Direction.InputGradient), Dz.View<T>(), Ddelta.View<T>(),
                ChannelNormalization<T>.From(nameof(AdversarialInputGradient), Normalization, Dz.Shape.C), Dz.Layout);
    }

    private readonly record struct AdversarialInputLaunch(Tensor Z, Tensor X, Tensor Delta, Normalization Normalization) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            Shape shape = X.Shape;
            X.Device.Launch(
                AdversarialInputKernels.NormalizedSum,
                X.Device.Grid(shape.N * shape.H),
                new Cost(3 * shape.Count, 3 * shape.Count * X.Type.Bytes()),
                X.View<T>(), Delta.View<T>(), Z.View<T>(),
                ChannelNormalization<T>.From(nameof(AdversarialInput), Normalization, shape.C), X.Layout);
        }
    }
}

/// <summary>
/// A <see cref="Normalization"/> as a kernel argument: mean and 1 / std of up to 16 channels. An argument and not a tensor, because
/// the fused step runs in every replay and an upload would make the host wait for the device each time.
/// </summary>
[ExcludeFromCodeCoverage]
internal struct ChannelNormalization<T>
    where T : unmanaged, INumber<T>
{
    public const int MaxChannels = 16;

    private Lane8<T> _meanLow, _meanHigh, _rstdLow, _rstdHigh;

    public static ChannelNormalization<T> From(string op, Normalization n, int channels)
    {
        Require.That(channels <= MaxChannels, op, $"at most {MaxChannels} channels", channels);
        Require.That(n.Mean.Length == channels && n.Std.Length == channels, op, $"mean and std of {channels} channels", n.Mean.Length);
        Require.That(n.Std.All(std => std > 0), op, "positive std", n.Std.Min());
        double[] rstd = [.. n.Std.Select(std => 1 / std)];
        return new()
        {
            _meanLow = Pack(n.Mean, 0),
            _meanHigh = Pack(n.Mean, 8),
            _rstdLow = Pack(rstd, 0),
            _rstdHigh = Pack(rstd, 8),
        };
    }

    public readonly T Mean(int channel) => channel < 8 ? Pick(_meanLow, channel) : Pick(_meanHigh, channel - 8);

    public readonly T Rstd(int channel) => channel < 8 ? Pick(_rstdLow, channel) : Pick(_rstdHigh, channel - 8);

    private static T Pick(Lane8<T> v, int i) => i < 4
        ? (i < 2 ? (i < 1 ? v.A : v.B) : (i < 3 ? v.C : v.D))
        : (i < 6 ? (i < 5 ? v.E : v.F) : (i < 7 ? v.G : v.H));

    private static Lane8<T> Pack(double[] values, int start)
    {
        T At(int i) => start + i < values.Length ? T.CreateChecked(values[start + i]) : T.Zero;
        return new() { A = At(0), B = At(1), C = At(2), D = At(3), E = At(4), F = At(5), G = At(6), H = At(7) };
    }
}

[ExcludeFromCodeCoverage]
internal static class AdversarialInputKernels
{
    // One image row an item, all its channels, so that a row of NHWC memory is read while it is in the cache.
    public static void NormalizedSum<T>(
        ArrayView<T> x, ArrayView<T> delta, ArrayView<T> z, ChannelNormalization<T> normalization, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        int rows = layout.Shape.H;
        if (item >= layout.Shape.N * rows)
            return;
        int n = item / rows;
        int h = item - (n * rows);
        for (int c = 0; c < layout.Shape.C; c++)
        {
            T mean = normalization.Mean(c);
            T rstd = normalization.Rstd(c);
            int place = layout.Index(n, c, h, 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                Real.Store(z, place, Normalized(Real.Load(x, place), Real.Load(delta, place), mean, rstd));
                place += layout.Block;
            }
        }
    }

    public static void PixelGradient<T>(ArrayView<T> dz, ArrayView<T> ddelta, ChannelNormalization<T> normalization, Layout layout)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        if (item >= layout.Shape.N * layout.Shape.H)
            return;
        int n = item / layout.Shape.H;
        for (int c = 0; c < layout.Shape.C; c++)
        {
            T rstd = normalization.Rstd(c);
            int place = layout.Index(n, c, item - (n * layout.Shape.H), 0);
            for (int w = 0; w < layout.Shape.W; w++)
            {
                Real.Store(ddelta, place, Real.Load(dz, place) * rstd);
                place += layout.Block;
            }
        }
    }

    /// <summary>(x + delta - mean) * rstd. No product is added to anything: nothing that a compiler could fuse.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Normalized<T>(T x, T delta, T mean, T rstd)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => (x + delta - mean) * rstd;
}
