using System.Diagnostics;
using Deat.Engine;

namespace Deat.Benchmarks;

/// <summary>`passport` writes the passport of all kernels, `passport --check` compares it with the committed one.</summary>
internal static class PassportCommand
{
    /// <summary>How to write the passport anew.</summary>
    public const string Regenerate = "dotnet run --project benchmarks -c Release -- passport";

    /// <summary>How to count the launches anew.</summary>
    public const string Launches = "dotnet run --project benchmarks -c Release -- launches";

    private const string NoTools =
        "ptxas not found: set DEAT_PTXAS or PATH to NVIDIA's ptxas, with nvdisasm beside it (CUDA toolkit; no GPU is needed)";

    public static int Run(string[] arguments)
    {
        if (arguments is not ([] or ["--check"]))
            return Fail($"passport takes nothing or --check, not: {string.Join(' ', arguments)}");
        try
        {
            PassportFiles files = PassportFiles.Find();
            return arguments.Length == 0 ? Write(files) : Check(files);
        }
        catch (Exception e) when (Cause(e) is ToolException or DeviceException or IOException)
        {
            return Fail(Cause(e).Message);
        }
    }

    private static int Write(PassportFiles files)
    {
        long start = Stopwatch.GetTimestamp();
        if (NvidiaTools.Find() is not { } tools)
            return Fail(NoTools);
        KernelPassport passport = PassportOffice.Issue(tools, PassportOffice.Compile());
        files.Write(passport);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine($"{passport.Kernels.Count} kernels by ptxas {passport.Ptxas} in {seconds:F0} s");
        return 0;
    }

    private static int Check(PassportFiles files)
    {
        KernelPassport committed = files.ReadKernels();
        NvidiaTools? tools = NvidiaTools.Find();
        bool compares = tools?.Version == committed.Ptxas;
        string[] differences = compares
            ? [.. committed.DifferencesTo(PassportOffice.Issue(tools!, PassportOffice.Compile()))]
            : [.. committed.MissingAndNew(PassportOffice.Names)];
        if (!compares)
            Console.WriteLine($"only the list of kernels was compared: {NotCompared(committed, tools)}");
        foreach (string line in differences)
            Console.WriteLine(line);
        Console.WriteLine(differences.Length == 0 ? "equal" : $"{differences.Length} differences; to take them over: {Regenerate}");
        return differences.Length == 0 ? 0 : 1;
    }

    /// <summary>Why machine code cannot be compared.</summary>
    public static string NotCompared(KernelPassport committed, NvidiaTools? tools) => tools is null
        ? NoTools
        : $"the passport is of ptxas {committed.Ptxas}, here is {tools.Version}";

    // What happens in several threads comes wrapped.
    private static Exception Cause(Exception e) => (e as AggregateException)?.InnerException ?? e;

    private static int Fail(string message)
    {
        Console.Error.WriteLine(message);
        return 2;
    }
}
