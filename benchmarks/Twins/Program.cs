using System.CommandLine;
using Deat.Twins;
using TorchSharp;

torch.set_num_threads(Environment.ProcessorCount);
var root = new RootCommand("The TorchSharp twin of DEAT.Native: golden files, and the same training and steps with libtorch.")
{
    ModelCommand.Create(),
    GoldenCommand.Create(),
    TrainCommand.Create(),
    StepCommand.Create(),
    KernelCommand.Create(),
    DifferencesCommand.Create(),
    MemoryCommand.Create(),
    TorchSuites.Create(),
};
return root.Parse(args).Invoke();
