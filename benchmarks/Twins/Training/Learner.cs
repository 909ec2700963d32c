using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>A network, its normalisation and SGD over all its parameters: what every training step needs.</summary>
internal sealed class Learner : IDisposable
{
    private const double WeightDecay = 5e-4;
    private readonly SGD sgd;
    private readonly Tensor mean;
    private readonly Tensor std;

    /// <summary>A learner with weight decay 5e-4 on all parameters; rate and momentum follow the schedule.</summary>
    public Learner(PreActResNet18 network, IReadOnlyList<float> mean, IReadOnlyList<float> std)
    {
        Network = network;
        sgd = optim.SGD(network.parameters(), 0.05, 0.9, weight_decay: WeightDecay);
        this.mean = tensor(mean.ToArray()).view(1, 3, 1, 1).DetachFromDisposeScope();
        this.std = tensor(std.ToArray()).view(1, 3, 1, 1).DetachFromDisposeScope();
    }

    public PreActResNet18 Network { get; }

    /// <summary>Logits [N, classes] of images [N, 3, H, W] in pixel range [0,1].</summary>
    public Tensor Logits(Tensor pixels) => Network.forward((pixels - mean) / std);

    /// <summary>Forward and backward; gradients reach the parameters and any leaf that <paramref name="pixels"/> depends on.</summary>
    public (Tensor Loss, Tensor Logits) Backward(Tensor pixels, Tensor labels)
    {
        Tensor logits = Logits(pixels);
        Tensor loss = functional.cross_entropy(logits, labels);
        sgd.zero_grad();
        loss.backward();
        return (loss.detach(), logits.detach());
    }

    /// <summary>The gradient with respect to delta alone; no gradients of parameters are computed.</summary>
    public Tensor InputGradient(Tensor x, Tensor delta, Tensor labels)
    {
        using var scope = NewDisposeScope();
        Tensor leaf = delta.detach().requires_grad_();
        Tensor loss = functional.cross_entropy(Logits(x + leaf), labels);
        return autograd.grad([loss], [leaf])[0].MoveToOuterDisposeScope();
    }

    /// <summary>Sum of |dloss/dz| over the batch, z the normalised input; the gradient is the one with respect to pixels.</summary>
    public Tensor Magnitude(Tensor gradient) => (gradient * std).abs().sum();

    /// <summary>Moves the parameters along the gradients of the last <see cref="Backward"/>.</summary>
    public void Update() => sgd.step();

    public void SetRate(double learningRate, double momentum)
    {
        foreach (SGD.ParamGroup group in sgd.ParamGroups.Cast<SGD.ParamGroup>())
        {
            group.LearningRate = learningRate;
            group.Options.momentum = momentum;
        }
    }

    public void Dispose()
    {
        sgd.Dispose();
        Network.Dispose();
        mean.Dispose();
        std.Dispose();
    }
}
