using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Deat.Benchmarks;

/// <summary>A tool is absent, or refuses the code. The message is for the user.</summary>
internal sealed class ToolException(string message) : Exception(message);

/// <summary>What the assembler made of a kernel.</summary>
/// <param name="Registers">Registers of each work-item.</param>
/// <param name="SpillStores">Bytes stored for lack of registers.</param>
/// <param name="SpillLoads">Bytes loaded again.</param>
/// <param name="Stack">Bytes of local memory of each work-item.</param>
/// <param name="Shared">Static shared memory of each group, bytes.</param>
/// <param name="Code">The machine code.</param>
internal sealed record Assembled(int Registers, int SpillStores, int SpillLoads, int Stack, int Shared, byte[] Code);

/// <summary>NVIDIA's assembler ptxas with the disassembler nvdisasm beside it: parts of the CUDA toolkit that need no GPU.</summary>
internal sealed class NvidiaTools
{
    private readonly string _ptxas;
    private readonly string _nvdisasm;

    private NvidiaTools(string ptxas)
    {
        (_ptxas, _nvdisasm) = (ptxas, Path.Combine(Path.GetDirectoryName(Path.GetFullPath(ptxas))!, "nvdisasm"));
        if (!File.Exists(_nvdisasm))
            throw new ToolException($"nvdisasm not found beside {ptxas}");
        Version = Regex.Match(Run(ptxas, ["--version"]), @"V(\d[\d.]*)").Groups[1].Value;
    }

    /// <summary>ptxas' version, such as 11.8.89.</summary>
    public string Version { get; }

    /// <summary>$DEAT_PTXAS, or ptxas of the PATH; null if there is none.</summary>
    /// <exception cref="ToolException">It does not start, or nvdisasm is not beside it.</exception>
    public static NvidiaTools? Find()
    {
        string? ptxas = Environment.GetEnvironmentVariable("DEAT_PTXAS")
            ?? (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Select(folder => Path.Combine(folder, "ptxas")).FirstOrDefault(File.Exists);
        return ptxas is null ? null : new NvidiaTools(ptxas);
    }

    /// <summary>Assembles a module with one kernel.</summary>
    /// <param name="kernel">The kernel's name, for messages.</param>
    /// <param name="ptx">The module.</param>
    /// <param name="architecture">"sm_80" or newer.</param>
    /// <exception cref="ToolException">ptxas refuses the module.</exception>
    public Assembled Assemble(string kernel, string ptx, string architecture)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("deat-passport");
        try
        {
            string source = Path.Combine(folder.FullName, "kernel.ptx");
            string binary = Path.Combine(folder.FullName, "kernel.cubin");
            File.WriteAllText(source, ptx);
            string report = Run(_ptxas, [$"-arch={architecture}", "-v", source, "-o", binary]);
            return Read(report, File.ReadAllBytes(binary));
        }
        catch (ToolException e)
        {
            throw new ToolException($"{kernel} for {architecture}: {Explain(e.Message)}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// The instructions of each kernel, with addresses from wherever it lies among the others. One run for all: starting nvdisasm takes
    /// longer than its work.
    /// </summary>
    public IReadOnlyList<string> Disassemble(IReadOnlyList<byte[]> kernels, string architecture)
    {
        string file = Path.GetTempFileName();
        File.WriteAllBytes(file, [.. kernels.SelectMany(code => code)]);
        string text = Run(_nvdisasm, ["--binary", architecture.Replace("sm_", "SM"), file]);
        string[] lines = [.. text.Split('\n').Where(line => AddressOf(line) >= 0)];
        File.Delete(file);
        List<string> texts = [];
        int next = 0;
        int end = 0;
        foreach (byte[] code in kernels)
        {
            int first = next;
            for (end += code.Length; next < lines.Length && AddressOf(lines[next]) < end;)
                next++;
            texts.Add(string.Join('\n', lines[first..next]));
        }

        return texts;
    }

    /// <summary>What a refusal of ptxas means.</summary>
    internal static string Explain(string message)
    {
        Match newer = Regex.Match(message, @"Unsupported \.version (\d+\.\d+); current version is '(\d+\.\d+)'");
        return newer.Success
            ? $"its PTX is of version {newer.Groups[1].Value}, this ptxas takes {newer.Groups[2].Value} at most: use a newer one"
            : message.Trim();
    }

    // Functions that a kernel calls are listed beside it, and what they spill is as bad.
    private static Assembled Read(string report, byte[] cubin) => new(
        Numbers(report, @"Used (\d+) registers").Max(),
        Numbers(report, @"(\d+) bytes spill stores").Sum(),
        Numbers(report, @"(\d+) bytes spill loads").Sum(),
        Numbers(report, @"(\d+) bytes stack frame").Sum(),
        Numbers(report, @"(\d+) bytes smem").Sum(),
        Cubin.CodeOf(cubin, Regex.Match(report, "Compiling entry function '(.*?)'").Groups[1].Value));

    private static IEnumerable<int> Numbers(string report, string pattern) =>
        Regex.Matches(report, pattern).Select(match => int.Parse(match.Groups[1].Value));

    private static int AddressOf(string line) =>
        Regex.Match(line, @"^\s*/\*([0-9a-f]+)\*/") is { Success: true } match
            ? int.Parse(match.Groups[1].Value, NumberStyles.HexNumber) : -1;

    private static string Run(string tool, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(tool, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Start(start);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string all = process.StandardError.ReadToEnd() + output.Result;
        process.WaitForExit();
        return process.ExitCode == 0 ? all : throw new ToolException(all);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ToolException($"{start.FileName} does not start: {e.Message}");
        }
    }
}
