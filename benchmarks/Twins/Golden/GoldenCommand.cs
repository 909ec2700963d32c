using System.CommandLine;
using TorchSharp;

namespace Deat.Twins;

/// <summary><c>golden</c>: writes the golden files of the tests.</summary>
internal static class GoldenCommand
{
    public static Command Create()
    {
        var seed = new Option<ulong>("--seed") { DefaultValueFactory = _ => 1, Description = "Seed of all golden numbers." };
        var output = new Option<DirectoryInfo>("--out") { Required = true, Description = "Folder for the files (tests/Golden)." };
        var only = new Option<string[]>("--only")
        {
            Description = "Names of the files to write, with commas between them; all if not given.",
            CustomParser = result => [.. result.Tokens.SelectMany(token => token.Value.Split(','))],
        };
        var command = new Command("golden", "Write float64 golden files with libtorch.") { seed, only, output };
        command.SetAction(
            arguments => Write(arguments.GetValue(seed), arguments.GetValue(only) ?? [], arguments.GetRequiredValue(output)));
        return command;
    }

    private static void Write(ulong seed, string[] only, DirectoryInfo folder)
    {
        (string Name, Func<GoldenFile> Make)[] files =
        [
            ("ops", () => OpCases.Make(seed)), ("network", () => NetworkFile.Make(seed)), ("layers", () => LayersFile.Make(seed)),
            ("objectives", () => ObjectivesFile.Make(seed)),
            .. TrajectoryMethods.All.Select(method => (method.Name, (Func<GoldenFile>)(() => TrajectoryFiles.Make(method, seed)))),
        ];
        if (only.Except(files.Select(file => file.Name)).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"there is no golden file {unknown}: {string.Join(", ", files.Select(file => file.Name))}");

        // One thread: the last bits must not depend on the number of cores.
        torch.set_num_threads(1);
        folder.Create();
        long total = 0;
        foreach ((string name, Func<GoldenFile> make) in files.Where(file => only.Length == 0 || only.Contains(file.Name)))
        {
            long bytes = make().Save(Path.Combine(folder.FullName, $"{name}.safetensors"));
            Console.WriteLine($"{name}.safetensors {bytes:N0} bytes");
            total += bytes;
        }

        Console.WriteLine($"total {total:N0} bytes");
    }
}
