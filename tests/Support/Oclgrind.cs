using System.Globalization;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What a child process under Oclgrind left behind.</summary>
internal sealed record OclgrindResult(int ExitCode, string Output, string Log);

/// <summary>
/// Runs <see cref="DeviceChecks"/> in a child process whose only OpenCL device is Oclgrind, the simulator that sees invalid accesses,
/// races, divergent barriers and uninitialised values. Its exit code says nothing: a clean run is an empty log.
/// </summary>
internal static class Oclgrind
{
    private const string Driver = "/usr/lib/oclgrind/liboclgrind-rt-icd.so";

    public static bool IsInstalled => File.Exists(Driver);

    /// <summary>Skips the test where Oclgrind is not installed.</summary>
    public static void Require()
    {
        if (!IsInstalled)
            Assert.Ignore("Oclgrind is not installed (Debian: apt install oclgrind)");
    }

    /// <summary>Races, invalid accesses and divergent barriers.</summary>
    public static OclgrindResult Races(params string[] arguments) => Start(arguments, ("OCLGRIND_DATA_RACES", "1"));

    /// <summary>The same with more shared memory than the 32 KiB that the simulator has otherwise.</summary>
    public static OclgrindResult Races(int sharedBytes, params string[] arguments) => Start(
        arguments, ("OCLGRIND_DATA_RACES", "1"), ("OCLGRIND_LOCAL_MEM_SIZE", sharedBytes.ToString(CultureInfo.InvariantCulture)));

    /// <summary>
    /// These and uninitialised values; without optimisation, because Oclgrind 21.10 does not know LLVM's freeze. It takes structs that are
    /// arguments for uninitialised, so most of the engine's kernels cannot be checked like this; in the op table, memory that nobody wrote
    /// is NaN.
    /// </summary>
    public static OclgrindResult Uninitialized(params string[] arguments) => Start(
        arguments, ("OCLGRIND_DATA_RACES", "1"), ("OCLGRIND_UNINITIALIZED", "1"), ("OCLGRIND_BUILD_OPTIONS", "-cl-opt-disable"));

    private static OclgrindResult Start(string[] arguments, params (string Name, string Value)[] variables)
    {
        string log = Path.GetTempFileName();
        (int code, string output) = ChildProcess.Run(
            [typeof(Oclgrind).Assembly.Location, .. arguments],
            [
                ("OCL_ICD_VENDORS", Driver), ("OCLGRIND_LOG", log), ("OCLGRIND_MAX_ERRORS", "1000"),
                .. variables,
            ]);
        OclgrindResult result = new(code, output, File.ReadAllText(log));
        File.Delete(log);
        return result;
    }
}
