using System.Globalization;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The seed of tests of properties: another one in each run of the tests, unless DEAT_SEED names it.</summary>
internal static class FreshSeed
{
    private static readonly int s_value = Given ?? Random.Shared.Next(1, 1_000_000);

    /// <summary>The seed in DEAT_SEED, or none.</summary>
    public static int? Given => Environment.GetEnvironmentVariable("DEAT_SEED") is string seed
        ? int.Parse(seed, CultureInfo.InvariantCulture)
        : null;

    /// <summary>The seed of this run, which the output of the test then names, so that a failure can be repeated.</summary>
    public static int Value
    {
        get
        {
            string? tests = TestContext.CurrentContext.Test.ClassName;
            TestContext.Out.WriteLine($"again: DEAT_SEED={s_value} dotnet test tests --filter \"FullyQualifiedName~{tests}\"");
            return s_value;
        }
    }
}
