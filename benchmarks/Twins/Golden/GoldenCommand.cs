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
        var command = new Command("golden", "Write float64 golden files with libtorch.") { seed, output };
        command.SetAction(arguments => Write(arguments.GetValue(seed), arguments.GetRequiredValue(output)));
        return command;
    }

    private static void Write(ulong seed, DirectoryInfo folder)
    {
        // One thread: the last bits must not depend on the number of cores.
        torch.set_num_threads(1);
        folder.Create();
        long total = Save("ops", OpCases.Make(seed)) + Save("network", NetworkFile.Make(seed)) + Save("layers", LayersFile.Make(seed))
            + Save("objectives", ObjectivesFile.Make(seed));
        foreach (TrajectoryMethod method in TrajectoryMethod.All) total += Save(method.Name, TrajectoryFiles.Make(method, seed));
        Console.WriteLine($"total {total:N0} bytes");

        long Save(string name, GoldenFile file)
        {
            long bytes = file.Save(Path.Combine(folder.FullName, $"{name}.safetensors"));
            Console.WriteLine($"{name}.safetensors {bytes:N0} bytes");
            return bytes;
        }
    }
}
