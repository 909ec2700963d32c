using System.CommandLine;

namespace Deat.Benchmarks;

/// <summary><c>tables</c>: writes the parts of READMEs that come from results anew.</summary>
internal static class TablesCommand
{
    public static Command Create()
    {
        Command command = new("tables", "Write the tables of the READMEs anew from the results beside them.");
        command.SetAction(_ =>
        {
            foreach (string file in GeneratedParts.Files(Root()))
            {
                string text = GeneratedParts.Rewrite(file);
                if (text == File.ReadAllText(file))
                    continue;
                File.WriteAllText(file, text);
                Console.WriteLine(file);
            }
        });
        return command;
    }

    private static string Root()
    {
        for (string? folder = Directory.GetCurrentDirectory(); folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "DEAT.Native.sln")))
                return folder;
        throw new InvalidOperationException("run it inside the repository");
    }
}
