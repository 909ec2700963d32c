using System.CommandLine;
using TorchSharp;

namespace Deat.Twins;

/// <summary><c>model</c>: checks the twin network against the published counts and names.</summary>
internal static class ModelCommand
{
    private const long FullParameters = 11_172_170;
    private const int EntryCount = 107;

    public static Command Create()
    {
        var command = new Command("model", "Check and print libtorch's version, parameter count and the 107 state entries.");
        command.SetAction(_ => Check());
        return command;
    }

    private static int Check()
    {
        using var network = new PreActResNet18();
        string[] expected = [.. PreActResNet18.EntryNames()];
        var actual = network.state_dict();
        foreach ((string name, torch.Tensor value) in network.Entries()) Console.WriteLine($"{name} [{string.Join(", ", value.shape)}]");
        Console.WriteLine($"libtorch {torch.__version__}, {torch.get_num_threads()} threads");
        Console.WriteLine($"{network.ParameterCount():N0} parameters, {actual.Count} state entries");
        bool right = network.ParameterCount() == FullParameters && actual.Count == EntryCount
            && expected.ToHashSet().SetEquals(actual.Keys);
        if (!right) Console.Error.WriteLine($"expected {FullParameters:N0} parameters and the {EntryCount} entries above");
        return right ? 0 : 1;
    }
}
