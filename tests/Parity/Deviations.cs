using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Collects how far results are from golden ones; a deviation is relative to the largest golden element of the tensor.</summary>
internal sealed class Deviations
{
    private readonly List<(string Name, double Deviation)> _found = [];

    /// <summary>The largest deviation; infinite if any result is NaN.</summary>
    public double Largest => _found.Count == 0 ? double.NaN : _found.Max(entry => entry.Deviation);

    public void Add(string name, IReadOnlyList<double> actual, IReadOnlyList<double> golden) =>
        Add(name, actual, golden, golden.Max(Math.Abs));

    /// <summary>Adds the largest difference over <paramref name="scale"/>.</summary>
    public void Add(string name, IReadOnlyList<double> actual, IReadOnlyList<double> golden, double scale)
    {
        Assert.That(actual, Has.Count.EqualTo(golden.Count), name);
        double worst = 0;
        for (int i = 0; i < golden.Count; i++)
        {
            double difference = Math.Abs(actual[i] - golden[i]);
            worst = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(worst, difference);
        }

        _found.Add((name, worst == 0 ? 0 : worst / scale));
    }

    /// <summary>Adds numbers that are compared each for itself.</summary>
    public void AddEach(string name, IReadOnlyList<double> actual, IReadOnlyList<double> golden)
    {
        Assert.That(actual, Has.Count.EqualTo(golden.Count), name);
        for (int i = 0; i < golden.Count; i++)
            Add($"{name}[{i}]", [actual[i]], [golden[i]]);
    }

    /// <summary>Fails with the worst ones unless all are within <paramref name="tolerance"/>.</summary>
    public void RequireWithin(double tolerance)
    {
        Assert.That(_found, Is.Not.Empty);
        (string Name, double Deviation)[] worst = [.. _found.OrderByDescending(entry => entry.Deviation).Take(8)];
        string text = string.Join(", ", worst.Select(entry => $"{entry.Name} {entry.Deviation:E1}"));
        TestContext.Out.WriteLine($"{_found.Count} compared within {tolerance:E0}; largest deviations: {text}");
        Assert.That(Largest, Is.LessThanOrEqualTo(tolerance), text);
    }
}
