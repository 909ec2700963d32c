using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.IR.Intrinsics;

namespace Deat.Engine;

/// <summary>Arithmetic and memory access of kernels, over binary32 and binary64 alike.</summary>
[ExcludeFromCodeCoverage]
internal static class Real
{
    /// <summary>
    /// Whether <see cref="Load{T}"/> and <see cref="Store{T}"/> check bounds on the CPU accelerator, and on OpenCL take an index as PTX
    /// does, where ILGPU extends it by zeros: a negative one, right from where a view begins, is four billion there. For tests.
    /// </summary>
    public static readonly bool ChecksBounds = Environment.GetEnvironmentVariable("DEAT_CHECK_BOUNDS") == "1";

    /// <summary>a * b + c, rounded once where the device can: a bare a * b + c is not fused on OpenCL and costs half the speed.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(FmaBody), OpenCL = nameof(Intrinsics.GenerateFma), Ptx = nameof(Intrinsics.GenerateFmaPtx))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Fma<T>(T a, T b, T c)
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
            return (T)(object)MathF.FusedMultiplyAdd((float)(object)a, (float)(object)b, (float)(object)c);
        if (typeof(T) == typeof(double))
            return (T)(object)Math.FusedMultiplyAdd((double)(object)a, (double)(object)b, (double)(object)c);
        return (a * b) + c;
    }

    /// <summary>Element <paramref name="index"/>; on the CPU accelerator without the cost of ILGPU's indexer.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(LoadBody), CheckedOpenCLReplacement = nameof(UnsignedLoadBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe T Load<T>(ArrayView<T> view, int index)
        where T : unmanaged
    {
        if (ChecksBounds)
            return view[index];
        return ((T*)view.LoadEffectiveAddressAsPtr())[index];
    }

    /// <summary>
    /// The same by an instruction of its own. OpenCL's compilers for x86 otherwise gather eight elements that lie apart with one, for which
    /// AMD's processors take longer.
    /// </summary>
    [IntrinsicImplementation]
    [DeviceBody(
        nameof(LoadBody), OpenCLReplacement = nameof(LoadAloneBody), CheckedOpenCLReplacement = nameof(UnsignedLoadBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LoadAlone<T>(ArrayView<T> view, int index)
        where T : unmanaged => Load(view, index);

    /// <summary>Sets element <paramref name="index"/>.</summary>
    [IntrinsicImplementation]
    [DeviceBody(nameof(StoreBody), CheckedOpenCLReplacement = nameof(UnsignedStoreBody))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Store<T>(ArrayView<T> view, int index, T value)
        where T : unmanaged
    {
        if (ChecksBounds)
            view[index] = value;
        else
            ((T*)view.LoadEffectiveAddressAsPtr())[index] = value;
    }

    /// <summary>The larger of two; NaN where one is, which the devices' own maximum forgets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Max<T>(T a, T b)
        where T : unmanaged, INumber<T> => b > a ? b : b <= a ? a : a + b;

    private static T FmaBody<T>(T a, T b, T c)
        where T : unmanaged, INumber<T> => (a * b) + c;

    private static T LoadAloneBody<T>(ArrayView<T> view, int index)
        where T : unmanaged => Alone(view[index]);

    [IntrinsicImplementation]
    [DeviceBody(nameof(AloneElsewhere), OpenCL = nameof(Intrinsics.GenerateVolatileLoad))]
    private static T Alone<T>(T loaded)
        where T : unmanaged => loaded;

    private static T AloneElsewhere<T>(T loaded)
        where T : unmanaged => loaded;

    private static T LoadBody<T>(ArrayView<T> view, int index)
        where T : unmanaged => view[index];

    private static void StoreBody<T>(ArrayView<T> view, int index, T value)
        where T : unmanaged => view[index] = value;

    private static T UnsignedLoadBody<T>(ArrayView<T> view, int index)
        where T : unmanaged => view[index & 0xFFFFFFFFL];

    private static void UnsignedStoreBody<T>(ArrayView<T> view, int index, T value)
        where T : unmanaged => view[index & 0xFFFFFFFFL] = value;
}
