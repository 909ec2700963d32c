using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Deat.Engine;
using ILGPU;

namespace Deat.Tests;

/// <summary>What is wrong with a copy of the direct convolution.</summary>
internal enum ConvolutionFault
{
    None,

    /// <summary>The bound of a ragged last group leaves one element out.</summary>
    EdgeOffByOne,

    /// <summary>Columns advance by one where rows advance by the stride.</summary>
    WrongStride,

    /// <summary>The sum leaves the last channel out.</summary>
    DroppedLastChannel,
}

/// <summary>A copy of the engine's direct convolution with one planted fault, as an op that the table's check can run.</summary>
[ExcludeFromCodeCoverage]
internal static class MutantConvolution
{
    /// <summary>The table's convolution, whose result is computed again by the copy.</summary>
    public static OpSpec Spec(ConvolutionFault fault)
    {
        OpSpec sound = OpSpecs.Conv2d(ConvolutionAlgorithm.Direct);
        return sound with
        {
            Variant = fault.ToString(),
            Draw = draw =>
            {
                OpCase @case = sound.Draw(draw);
                return @case with { Run = scope => Overwrite(scope, @case.Run(scope)!, @case.Convolution!.Value, fault) };
            },
        };
    }

    public static void Convolve<T>(ArrayView<T> x, ArrayView<T> w, ArrayView<T> y, DirectGeometry g, int fault)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int item = Item.Index();
        int count = g.Y.N * g.Y.C * g.Y.H * g.Y.W;
        if (item >= (fault == (int)ConvolutionFault.EdgeOffByOne ? count - 1 : count))
            return;
        int k = item % g.Y.C;
        int q = item / g.Y.C % g.Y.W;
        int p = item / g.Y.C / g.Y.W % g.Y.H;
        int n = item / g.Y.C / g.Y.W / g.Y.H;
        int channels = fault == (int)ConvolutionFault.DroppedLastChannel ? g.X.C - 1 : g.X.C;
        int step = fault == (int)ConvolutionFault.WrongStride ? 1 : g.Stride;
        T sum = T.Zero;
        for (int c = 0; c < channels; c++)
        {
            for (int r = 0; r < g.R; r++)
            {
                int h = (p * g.Stride) - g.Padding + r;
                for (int s = 0; s < g.S; s++)
                {
                    int column = (q * step) - g.Padding + s;
                    if (h >= 0 && h < g.X.H && column >= 0 && column < g.X.W)
                        sum += Real.Load(x, g.X.Index(n, c, h, column)) * Real.Load(w, (((((k * g.X.C) + c) * g.R) + r) * g.S) + s);
                }
            }
        }

        Real.Store(y, g.Y.Index(n, k, p, q), sum);
    }

    private static Tensor Overwrite(OpScope scope, Tensor y, (int Stride, int Padding) convolution, ConvolutionFault fault)
    {
        OpExecution.Write(y, [.. Enumerable.Repeat(double.NaN, (int)y.Shape.Count)]);
        ComputeDevice device = scope.Tape.Device;
        DirectGeometry g = new(new ConvolutionGeometry(
            scope["x"].Layout, scope["w"].Shape, convolution.Stride, convolution.Padding, device.Traits));
        if (y.Type == ElementType.Float32)
            Launch<float>();
        else
            Launch<double>();
        if (scope.Find("b") is { } plus)
            Ops.AddInto(y, y, plus, Direction.Forward);
        return y;

        void Launch<T>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T> => device.Launch(
                Convolve, device.Grid((int)y.Shape.Count), default,
                scope["x"].View<T>(), scope["w"].View<T>(), y.View<T>(), g, (int)fault);
    }
}
