using System.CommandLine;
using BenchmarkDotNet.Running;

namespace Deat.Benchmarks;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments is ["passport", ..])
            return PassportCommand.Run(arguments[1..]);
        if (arguments is ["launches"])
            return LaunchesCommand.Run();
        RootCommand root = new("Times DEAT.Native; arguments that are no command go to BenchmarkDotNet.")
        {
            TimingCommands.Device(), TimingCommands.Kernels(), TimingCommands.Steps(), LayersCommand.Create(),
            PricesCommand.Create(), OverheadCommand.Create(), ReportCommand.Create(), TablesCommand.Create(),
        };
        if (arguments is [] or ["--help" or "-h" or "--version"] || root.Subcommands.Any(command => command.Name == arguments[0]))
            return root.Parse(arguments is [] ? ["--help"] : arguments).Invoke();
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(arguments);
        return 0;
    }
}
