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
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(arguments);
        return 0;
    }
}
