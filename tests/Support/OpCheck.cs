using Deat.Engine;

namespace Deat.Tests;

/// <summary>What a check found; the message says how to run the case again.</summary>
internal sealed class CheckFailedException : Exception
{
    public CheckFailedException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>Checks one random case of an op on a device against the reference, and what holds for every op.</summary>
internal static class OpCheck
{
    public static void Run(OpSpec spec, ComputeDevice device, int seed, int budget = Draw.UsualBudget)
    {
        Draw draw = new(seed, budget: budget);
        OpCase @case = spec.Draw(draw);
        try
        {
            Run(@case, device, draw);
        }
        catch (Exception e) when (e is CheckFailedException or InvalidOperationException or ArgumentException)
        {
            string mode = $"{draw.Type}{(draw.Integers ? ", integers" : "")}";
            throw new CheckFailedException(
                $"{spec.Title} on {TestDevices.IdOf(device)}, seed {seed} ({mode}), {@case.Geometry}: {e.Message}\n"
                + $"again: DEAT_SEED={seed} dotnet test tests --filter \"FullyQualifiedName~{nameof(OpTests)}&Name~{spec.Name}\"", e);
        }
    }

    private static void Run(OpCase @case, ComputeDevice device, Draw draw)
    {
        @case = draw.PlantsNaN ? PlantNaN(@case, draw) : @case;
        double[]? dy = @case.Result is Shape shape ? draw.Values(shape) : null;
        Dictionary<string, double[]> given = @case.Operands.Where(o => o.Values is not null).ToDictionary(o => o.Name, o => o.Values!);
        if (dy is not null)
            given["dy"] = dy;
        Dictionary<string, Scaled[]> expected = @case.Reference(new Arguments(given));

        long live = device.Pool.LiveBytes;
        int violations = TestDevices.BoundsViolations;
        Wanted second = draw.Pick(Wanted.Input, Wanted.Parameters, Wanted.Both);
        Dictionary<string, double[]> first = OpExecution.Run(@case, device, draw, dy, Wanted.Both);
        Dictionary<string, double[]> again = OpExecution.Run(@case, device, draw, dy, second);
        Require(device.Pool.LiveBytes == live, $"{device.Pool.LiveBytes - live} bytes were not given back");
        Require(TestDevices.BoundsViolations == violations, "accessed a view out of bounds");

        foreach ((string name, double[] actual) in first)
        {
            if (expected.TryGetValue(name, out Scaled[]? value))
                Compare(name, actual, value, @case, draw);
            else if (given.TryGetValue(name, out double[]? before))
                Require(SameBits(actual, before), $"{name} was written");
        }

        foreach ((string name, double[] actual) in again)
            Require(!expected.ContainsKey(name) || SameBits(actual, first[name]), $"{name} differs between two runs (second: {second})");
        if (draw.Integers)
            CheckAdjoint(@case, first, given, expected, draw);
        if (@case.Property(first) is string wrong)
            throw new CheckFailedException(wrong);
    }

    private static OpCase PlantNaN(OpCase @case, Draw draw)
    {
        Operand[] possible = [.. @case.Operands.Where(o =>
            @case.NaNs?.Contains(o.Name) ?? o is { Role: Role.Input or Role.Parameter, Values: not null })];
        if (possible.Length == 0)
            return @case;
        Operand chosen = draw.Pick<Operand>(possible);
        double[] values = [.. chosen.Values!];
        values[draw.Between(0, values.Length - 1)] = double.NaN;
        return @case with { Operands = [.. @case.Operands.Select(o => o == chosen ? o with { Values = values } : o)] };
    }

    private static void Compare(string name, double[] actual, Scaled[] expected, OpCase @case, Draw draw)
    {
        if (draw.PlantsNaN && @case.NaNGradientOpen && name.StartsWith('d'))
            return;
        Require(actual.Length == expected.Length, $"{name} has {actual.Length} elements, expected {expected.Length}");
        bool exact = draw.Integers && !@case.Inexact.Contains(name);
        double shared = @case.SharesScale ? expected.Max(value => value.Scale) : 0;
        for (int i = 0; i < actual.Length; i++)
        {
            double tolerance = exact ? 0 : (@case.Factor * draw.Unit * Math.Max(shared, expected[i].Scale)) + draw.Smallest;
            bool same = double.IsNaN(expected[i].Value)
                ? double.IsNaN(actual[i])
                : actual[i] == expected[i].Value || Math.Abs(actual[i] - expected[i].Value) <= tolerance;
            Require(same, $"{name}[{i}] is {actual[i]:R}, expected {expected[i].Value:R} within {tolerance:R}");
        }
    }

    private static void CheckAdjoint(
        OpCase @case, Dictionary<string, double[]> results, Dictionary<string, double[]> given, Dictionary<string, Scaled[]> expected,
        Draw draw)
    {
        if (@case.Adjoint.Length == 0)
            return;
        double bias = given.TryGetValue("b", out double[]? b) ? Dot(b, results["db"]) : 0;
        double product = Dot(results["y"], given["dy"]) - bias;
        foreach (string name in @case.Adjoint)
        {
            double other = Dot(given[name], results["d" + name]);
            double tolerance = Rounding("y", "dy") + Rounding("d" + name, name);
            Require(Math.Abs(product - other) <= tolerance, $"adjoint identity: <y, dy> = {product}, <{name}, d{name}> = {other}");
        }

        // What rounding of a result that is not exact does to its product with a factor.
        double Rounding(string result, string factor) => @case.Inexact.Contains(result)
            ? @case.Factor * draw.Unit * expected[result].Max(value => value.Scale) * given[factor].Sum(Math.Abs)
            : 0;
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (p, q) => p * q).Sum();

    private static bool SameBits(double[] a, double[] b) => a.AsSpan().SequenceEqual(b)
        || a.Select(BitConverter.DoubleToInt64Bits).SequenceEqual(b.Select(BitConverter.DoubleToInt64Bits));

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new CheckFailedException(message);
    }
}
