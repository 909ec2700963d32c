using System.CommandLine;
using Deat.Benchmarks;
using Deat.Engine;
using TorchSharp;

namespace Deat.Twins;

/// <summary>What <c>step</c> and <c>kernels</c> take, and how they run: libtorch and the engine's devices in turns.</summary>
internal sealed class ComparisonOptions
{
    private readonly TimingOptions timing = new();
    private readonly Option<int> threads = new("--threads")
    {
        DefaultValueFactory = _ => Environment.ProcessorCount,
        Description = "libtorch's threads.",
    };

    public void AddTo(Command command)
    {
        timing.AddTo(command);
        command.Add(threads);
    }

    public void Run(
        ParseResult arguments, string title, Func<int, int, IEnumerable<Measured>> twins,
        Func<ComputeDevice, int, int, Precision, IEnumerable<Measured>> suite)
    {
        torch.set_num_threads(arguments.GetValue(threads));
        torch.manual_seed(1);
        timing.Run(arguments, title, twins, suite, ("libtorch", torch.__version__), ("libtorchThreads", $"{torch.get_num_threads()}"));
    }
}
