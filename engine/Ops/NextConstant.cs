using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using ILGPU;

namespace Deat.Engine;

public static partial class Ops
{
    /// <summary>The upper bound of a constant that has none yet: see <see cref="NextConstant"/>.</summary>
    public const double Unbounded = 1e10;

    /// <summary>
    /// The binary search of Carlini and Wagner for the weight c of the adversarial term: one that led over the boundary is an upper bound,
    /// another one a lower; the next is half-way between both, or ten times as large while there is no upper bound. Source: Carlini,
    /// Wagner: Towards evaluating the robustness of neural networks (S&amp;P 2017), section VI; carlini/nn_robust_attacks, l2_attack.py.
    /// </summary>
    /// <remarks>No upper bound is written as <see cref="Unbounded"/>.</remarks>
    /// <param name="missed">[N, 1, 1, 1] Int32: 0 where c led over the boundary.</param>
    /// <param name="lower">[N, 1, 1, 1], updated</param>
    /// <param name="upper">[N, 1, 1, 1], updated</param>
    /// <param name="constants">c [N, 1, 1, 1], updated</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit.</exception>
    public static void NextConstant(Tensor missed, Tensor lower, Tensor upper, Tensor constants)
    {
        RequireAlike(nameof(NextConstant), lower, upper, constants);
        RequirePerImage(nameof(NextConstant), lower, missed, ElementType.Int32);
        Dispatch.Run(lower.Type, width: 1, new NextConstantLaunch(missed, lower, upper, constants));
    }

    private readonly record struct NextConstantLaunch(Tensor Missed, Tensor Lower, Tensor Upper, Tensor Constants) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T> => Lower.Device.Launch(
                NextConstantKernels.Halve, Lower.Device.Grid(Lower.Shape.N),
                new Cost(2 * Lower.Shape.N, Lower.Shape.N * ((6 * Lower.Type.Bytes()) + sizeof(int))),
                Missed.View<int>(), Lower.View<T>(), Upper.View<T>(), Constants.View<T>(), T.CreateChecked(10),
                T.CreateChecked(0.5 * Unbounded));
    }
}

[ExcludeFromCodeCoverage]
internal static class NextConstantKernels
{
    public static void Halve<T>(
        ArrayView<int> missed, ArrayView<T> lower, ArrayView<T> upper, ArrayView<T> constants, T growth, T unbounded)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int n = Item.Index();
        if (n >= constants.IntLength)
            return;
        bool isTooSmall = Real.Load(missed, n) != 0;
        T constant = Real.Load(constants, n);
        T low = isTooSmall ? constant : Real.Load(lower, n);
        T high = isTooSmall ? Real.Load(upper, n) : constant;
        Real.Store(lower, n, low);
        Real.Store(upper, n, high);
        Real.Store(constants, n, high > unbounded ? constant * growth : (low + high) / (T.One + T.One));
    }
}
