namespace Deat.Training;

internal static class Program
{
    private static int Main(string[] arguments) => CommandLine.Run(arguments, Console.Out, Console.Error, !Console.IsOutputRedirected);
}
