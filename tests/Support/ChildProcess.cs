using System.Diagnostics;
using Deat.Nn;
using Deat.Training;
using Microsoft.Testing.Platform.Builder;

namespace Deat.Tests;

/// <summary>
/// A process of its own for tests that kill, interrupt or lock: this very assembly, started with the name of a mode.
/// </summary>
internal static class ChildProcess
{
    /// <summary>Starts a mode and waits until it says that it is ready.</summary>
    public static Process Start(params string[] mode)
    {
        var process = Process.Start(Command([typeof(ChildProcess).Assembly.Location, .. mode]))!;
        if (process.StandardOutput.ReadLine() is not "ready")
            throw new InvalidOperationException($"{mode[0]}: {process.StandardError.ReadToEnd()}");
        return process;
    }

    /// <summary>Runs an assembly with arguments to its end.</summary>
    public static (int ExitCode, string Output) Run(string[] command, params (string Name, string Value)[] variables)
    {
        ProcessStartInfo start = Command(command);
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result + error);
    }

    /// <summary>
    /// Starts an assembly: by its own executable where the tests are a program that brings its runtime along, otherwise by dotnet.
    /// </summary>
    private static ProcessStartInfo Command(string[] command)
    {
        string own = Path.Combine(AppContext.BaseDirectory, typeof(ChildProcess).Assembly.GetName().Name!);
        (string program, string[] arguments) = Environment.ProcessPath == own
            ? (Path.ChangeExtension(command[0], null), command[1..])
            : ("dotnet", (string[])["exec", .. command]);
        return new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
    }

    /// <summary>A checkpoint of which every byte tells its number.</summary>
    public static Checkpoint Numbered(int number, int megabytes)
    {
        var data = new float[megabytes * 250_000];
        Array.Fill(data, number);
        return Checkpoint.Of([NamedArray.FromFloats("weights", data, data.Length)], number);
    }

    /// <summary>A mode, or all tests: the options of Microsoft.Testing.Platform, such as --filter and --list-tests.</summary>
    private static Task<int> Main(string[] arguments) =>
        arguments is [['-', ..], ..] or [] ? RunTests(arguments) : Task.FromResult(RunMode(arguments));

    private static async Task<int> RunTests(string[] arguments)
    {
        ITestApplicationBuilder builder = await TestApplication.CreateBuilderAsync(arguments);
        SelfRegisteredExtensions.AddSelfRegisteredExtensions(builder, arguments);
        using ITestApplication application = await builder.BuildAsync();
        return await application.RunAsync();
    }

    private static int RunMode(string[] mode) => mode switch
    {
        ["ops" or "mutants" or "tensor-cores", ..] => DeviceChecks.Run(mode),
        ["save-atomically", var folder] => SaveForEver(n => OpenForEver(folder).SaveLast(n)),
        ["save-in-place", var file] => SaveForEver(n =>
        {
            using var stream = File.Create(file);
            n.Write(stream);
        }),
        ["hold", var folder] => Hold(folder),
        ["wait-for-signal"] => WaitForSignal(stops: true),
        ["ignore-signal"] => WaitForSignal(stops: false),
        _ => throw new ArgumentException("no such mode"),
    };

    private static RunFolder? s_folder;

    private static RunFolder OpenForEver(string folder) => s_folder ??= RunFolder.Resume(folder, config: null);

    private static int SaveForEver(Action<Checkpoint> save)
    {
        var checkpoints = Enumerable.Range(0, 4).Select(number => Numbered(number, megabytes: 4)).ToArray();
        for (var round = 0; ; round++)
        {
            save(checkpoints[round % checkpoints.Length]);
            if (round == 1)
                Ready();
        }
    }

    private static int Hold(string folder)
    {
        using var run = RunFolder.Create(folder, []);
        Ready();
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }

    private static int WaitForSignal(bool stops)
    {
        using var stop = new StopRequest(Console.Out);
        Ready();
        while (!stops || !stop.IsRequested)
            Thread.Sleep(1);
        Console.WriteLine("saved");
        return stop.ExitCode;
    }

    private static void Ready()
    {
        Console.WriteLine("ready");
        Console.Out.Flush();
    }
}
