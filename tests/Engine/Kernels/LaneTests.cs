using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Deat.Engine;
using ILGPU;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Both bodies of lane operations: what .NET runs on the CPU accelerator, and what ILGPU compiles for other devices.</summary>
public sealed class LaneTests
{
    private const int Lanes = 64;
    private const int Width = 8;

    private static readonly double[] Special =
        [double.NaN, double.PositiveInfinity, double.NegativeInfinity, 0.0, -0.0, 1, -1, 3e38, -3e38, 1e-10, -1e-10];

    public static IEnumerable<string> Operations => typeof(Lane8Math).GetMethods(BindingFlags.Static | BindingFlags.Public)
        .Where(method => method.GetCustomAttribute<DeviceBodyAttribute>() is not null).Select(method => method.Name);

    [Test]
    public void EveryOperationOfALaneHasTwoBodies() => Assert.That(
        Operations,
        Is.EquivalentTo(new[] { "Add", "Subtract", "Multiply", "Fma", "Splat", "Relu", "WherePositive", "Max", "WhereLarger" }));

    [TestCaseSource(nameof(Operations))]
    public void BothBodiesGiveTheSame(string operation)
    {
        Compare<float>(operation);
        Compare<double>(operation);
    }

    [Test]
    public void DevicesComputeTheOperations(
        [ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id,
        [Values(ElementType.Float32, ElementType.Float64)] ElementType type,
        [Values(1, 4, 8)] int lane)
    {
        if (type == ElementType.Float64 && !TestDevices.Get(id).Traits.HasFloat64)
            Assert.Ignore("no binary64");
        Dispatch.Run(type, lane, new LaneLaunch(TestDevices.Get(id), type));
    }

    private static void Compare<T>(string operation)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const BindingFlags AllStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        MethodInfo body = typeof(Lane8Math).GetMethod(operation, AllStatic)!;
        string replacement = body.GetCustomAttribute<DeviceBodyAttribute>()!.Replacement;
        MethodInfo other = typeof(Lane8Math).GetMethod(replacement, AllStatic)!;
        (body, other) = (body.MakeGenericMethod(typeof(T)), other.MakeGenericMethod(typeof(T)));
        Assert.That(other, Is.Not.EqualTo(body));
        T[] values = Values<T>(Lanes * Width, seed: 1);
        Lane8<T>[] lanes = MemoryMarshal.Cast<T, Lane8<T>>(values.AsSpan()).ToArray();
        ParameterInfo[] parameters = body.GetParameters();
        for (int i = 0; i < Lanes; i++)
        {
            object[] arguments = [.. parameters.Select((parameter, place) =>
                parameter.ParameterType == typeof(T) ? (object)values[i] : lanes[(i + (7 * place)) % Lanes])];
            T[] first = Elements((Lane8<T>)body.Invoke(null, arguments)!), second = Elements((Lane8<T>)other.Invoke(null, arguments)!);
            Assert.That(first.Zip(second).All(pair => Same(pair.First, pair.Second)), $"{typeof(T).Name}, lane {i}: "
                + $"[{string.Join(", ", first)}] and [{string.Join(", ", second)}]");
        }
    }

    private static T[] Elements<T>(Lane8<T> lane)
        where T : unmanaged, INumber<T> =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<Lane8<T>, T>(ref lane), Width).ToArray();

    // To the bit, and the sign of zero with it; which NaN it is, is nobody's promise.
    private static bool Same<T>(T a, T b)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        T.IsNaN(a) ? T.IsNaN(b) : a == b && T.IsNegative(a) == T.IsNegative(b);

    private static T[] Values<T>(int count, int seed)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => T.CreateChecked(random.Next(4) == 0
            ? Special[random.Next(Special.Length)]
            : (random.NextDouble() - 0.5) * Math.ScaleB(1, random.Next(-10, 10))))];
    }

    private readonly record struct LaneLaunch(ComputeDevice Device, ElementType Type) : ITypedLaunch
    {
        public void Run<T, TLane>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
            where TLane : unmanaged, ILane<TLane, T>
        {
            const int Count = Lanes * Width;
            T[] a = Values<T>(Count, seed: 2), b = Values<T>(Count, seed: 3), c = Values<T>(Count, seed: 4);
            using Workspace workspace = new(Device, MemoryCategory.Data);
            Tensor x = workspace.Plain<T>(new Shape(3, Count), Type, [.. a, .. b, .. c]);
            Tensor y = workspace.Plain(new Shape(LaneKernels.Operations, Count), Type);
            int lanes = Count / TLane.Width;
            Device.Launch(LaneKernels.All<T, TLane>, Device.Grid(lanes), default, x.View<TLane>(), x.View<T>(), y.View<TLane>(), lanes);
            T[] results = y.ToArray<T>();
            for (int i = 0; i < Count; i++)
            {
                T[] expected =
                [
                    a[i] + b[i], a[i] - b[i], a[i] * b[i], T.FusedMultiplyAdd(a[i], b[i], c[i]), a[i / TLane.Width],
                    a[i] < T.Zero ? T.Zero : a[i], a[i] <= T.Zero ? T.Zero : b[i],
                    a[(i / TLane.Width) + (i % TLane.Width * lanes)], a[(i % lanes * TLane.Width) + (i / lanes)],
                    T.IsNaN(a[i]) || b[i] <= a[i] ? a[i] : b[i], a[i] > b[i] ? c[i] : a[i],
                ];
                for (int operation = 0; operation < expected.Length; operation++)
                {
                    T actual = results[(operation * Count) + i];
                    Assert.That(Same(actual, expected[operation]), $"operation {operation} of {a[i]}, {b[i]}, {c[i]} gives {actual}");
                }
            }
        }
    }
}

[ExcludeFromCodeCoverage]
internal static class LaneKernels
{
    public const int Operations = 11;

    public static void All<T, TLane>(ArrayView<TLane> x, ArrayView<T> elements, ArrayView<TLane> y, int lanes)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
        where TLane : unmanaged, ILane<TLane, T>
    {
        int i = Item.Index();
        if (i >= lanes)
            return;
        TLane a = Real.Load(x, i), b = Real.Load(x, lanes + i), c = Real.Load(x, (2 * lanes) + i);
        Real.Store(y, i, a + b);
        Real.Store(y, lanes + i, a - b);
        Real.Store(y, (2 * lanes) + i, a * b);
        Real.Store(y, (3 * lanes) + i, TLane.Fma(a, b, c));
        Real.Store(y, (4 * lanes) + i, TLane.Splat(Real.Load(elements, i)));
        Real.Store(y, (5 * lanes) + i, TLane.Relu(a));
        Real.Store(y, (6 * lanes) + i, TLane.WherePositive(a, b));
        Real.Store(y, (7 * lanes) + i, TLane.Gather(elements, i, lanes));
        Real.Store(y, (9 * lanes) + i, TLane.Max(a, b));
        Real.Store(y, (10 * lanes) + i, TLane.WhereLarger(a, b, c, a));
        TLane.Scatter(y.Cast<T>(), (8 * lanes * TLane.Width) + i, lanes, a);
    }
}
