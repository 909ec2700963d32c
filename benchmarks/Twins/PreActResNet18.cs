using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>
/// PreAct-ResNet-18 as in locuslab/fast_adversarial and TrustAI/DEAT (preact_resnet.py): the shortcut convolution takes the raw
/// block input, a final batch norm and ReLU stand before the pooling. Field names are PyTorch's state names.
/// </summary>
internal sealed class PreActResNet18 : Module<Tensor, Tensor>
{
    private static readonly string[] NormEntries = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

    private readonly Conv2d conv1;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Sequential layer4;
    private readonly BatchNorm2d bn;
    private readonly Linear linear;

    public PreActResNet18(int width = 64, int classes = 10, ScalarType dtype = ScalarType.Float32)
        : base(nameof(PreActResNet18))
    {
        conv1 = Conv2d(3, width, 3, padding: 1, bias: false);
        layer1 = Stage(width, width, 1);
        layer2 = Stage(width, 2 * width, 2);
        layer3 = Stage(2 * width, 4 * width, 2);
        layer4 = Stage(4 * width, 8 * width, 2);
        bn = BatchNorm2d(8 * width);
        linear = Linear(8 * width, classes);
        RegisterComponents();
        this.to(dtype);
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        return Rest(First(input)).MoveToOuterDisposeScope();
    }

    /// <summary>The output of the first layer.</summary>
    public Tensor First(Tensor input) => conv1.forward(input);

    /// <summary>The logits, given the output of the first layer.</summary>
    public Tensor Rest(Tensor hidden)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = hidden;
        x = layer4.forward(layer3.forward(layer2.forward(layer1.forward(x))));
        x = functional.relu(bn.forward(x));
        x = functional.avg_pool2d(x, 4).flatten(1);
        return linear.forward(x).MoveToOuterDisposeScope();
    }

    /// <summary>The learned values.</summary>
    public long ParameterCount() => parameters().Sum(p => p.numel());

    /// <summary>State entries in PyTorch's order: name and tensor.</summary>
    public (string Name, Tensor Value)[] Entries()
    {
        var state = new Dictionary<string, Tensor>(state_dict());
        return [.. EntryNames().Select(name => (name, state[name]))];
    }

    /// <summary>The 107 names of PyTorch's <c>state_dict()</c>, in its order.</summary>
    public static IEnumerable<string> EntryNames()
    {
        static IEnumerable<string> Norm(string name) => NormEntries.Select(entry => $"{name}.{entry}");

        yield return "conv1.weight";
        for (int stage = 1; stage <= 4; stage++)
            for (int block = 0; block < 2; block++)
            {
                string prefix = $"layer{stage}.{block}";
                foreach (string name in Norm($"{prefix}.bn1")) yield return name;
                yield return $"{prefix}.conv1.weight";
                foreach (string name in Norm($"{prefix}.bn2")) yield return name;
                yield return $"{prefix}.conv2.weight";
                if (stage > 1 && block == 0) yield return $"{prefix}.shortcut.0.weight";
            }

        foreach (string name in Norm("bn")) yield return name;
        yield return "linear.weight";
        yield return "linear.bias";
    }

    private static Sequential Stage(int inputs, int outputs, int stride) =>
        Sequential(new PreActBlock(inputs, outputs, stride), new PreActBlock(outputs, outputs, 1));
}

/// <summary>BN-ReLU-conv-BN-ReLU-conv plus the block input, or its 1x1 convolution where shapes differ.</summary>
internal sealed class PreActBlock : Module<Tensor, Tensor>
{
    private readonly BatchNorm2d bn1;
    private readonly Conv2d conv1;
    private readonly BatchNorm2d bn2;
    private readonly Conv2d conv2;
    private readonly Sequential? shortcut;

    public PreActBlock(int inputs, int outputs, int stride)
        : base(nameof(PreActBlock))
    {
        bn1 = BatchNorm2d(inputs);
        conv1 = Conv2d(inputs, outputs, 3, stride, padding: 1, bias: false);
        bn2 = BatchNorm2d(outputs);
        conv2 = Conv2d(outputs, outputs, 3, padding: 1, bias: false);
        if (stride != 1 || inputs != outputs) shortcut = Sequential(Conv2d(inputs, outputs, 1, stride, bias: false));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = conv1.forward(functional.relu(bn1.forward(input)));
        x = conv2.forward(functional.relu(bn2.forward(x)));
        return x.add_(shortcut is null ? input : shortcut.forward(input)).MoveToOuterDisposeScope();
    }
}
