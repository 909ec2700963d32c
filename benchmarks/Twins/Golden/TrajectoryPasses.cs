using Deat.Engine;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Tensor = TorchSharp.torch.Tensor;

namespace Deat.Twins;

/// <summary>A minibatch.</summary>
/// <param name="Seed">The seed of its random numbers.</param>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Index">Its number in the epoch, from 0.</param>
/// <param name="X">Images, pixel range [0,1].</param>
/// <param name="Labels">Labels.</param>
internal sealed record TrajectoryBatch(ulong Seed, int Epoch, int Index, Tensor X, Tensor Labels);

/// <summary>What a method does with a minibatch.</summary>
internal sealed class TrajectoryPasses(TrajectoryMethod method, PreActResNet18 network, optim.Optimizer sgd, Trajectory shown)
{
    // Of the probes of GradAlign, in parts of the L2 radius of the ball.
    private const double Reach = 1.0 / 3;

    private Tensor? right;

    /// <summary>Adversarial examples that the last training pass classified correctly.</summary>
    public long Hits { get; private set; }

    /// <summary>Trains on a batch and returns the last delta.</summary>
    public Tensor Train(TrajectoryBatch batch, Tensor delta, int steps, double size)
    {
        delta = method.Loop switch
        {
            TrajectoryLoop.Replay => Replay(batch, delta, steps, size),
            TrajectoryLoop.FirstLayer => PropagateOnce(batch, delta, steps, size),
            _ => Attack(batch, delta, steps, size),
        };
        Hits = right!.sum().item<long>();
        return delta;
    }

    private Tensor Replay(TrajectoryBatch batch, Tensor delta, int steps, double size)
    {
        for (int step = 0; step < steps; step++)
        {
            Tensor gradient = TrainingGradients(batch, delta);
            shown.Record(gradient);
            delta = Moved(batch, delta, gradient, size);
            sgd.step();
        }

        return delta;
    }

    private Tensor Attack(TrajectoryBatch batch, Tensor delta, int steps, double size)
    {
        Tensor active = ones(batch.X.shape[0], ScalarType.Bool);
        Tensor control = full(batch.X.shape[0], method.Patience ?? 0, ScalarType.Int64);
        for (int step = 0; step < steps; step++)
        {
            // FAT (attack_generator.py) attacks in evaluation mode, all others here in training mode.
            network.train(method.Patience is null);
            Tensor leaf = delta.detach().requires_grad_();
            Backward(AttackLoss(batch, leaf));
            network.train();
            shown.Record(leaf.grad!);
            if (method.Patience is not null)
            {
                active &= (right!.logical_not() & control.eq(0)).logical_not();
                control -= right!.logical_not().to(ScalarType.Int64);
            }

            if (method.Stationarity is { } largest && step > 0) active &= IsFarFromStationary(batch, leaf, largest);
            shown.Left += active.logical_not().sum().item<long>();
            delta = where(active.view(-1, 1, 1, 1), Moved(batch, delta, leaf.grad!, size), delta);
        }

        Tensor gradient = TrainingGradients(batch, delta);
        if (method.MeasureUpdate) shown.Record(gradient);
        sgd.step();
        return delta;
    }

    /// <summary>
    /// YOPO (a1600012888/YOPO-You-Only-Propagate-Once): p is the gradient of the cross-entropy at the first layer's output,
    /// and H = sum(first layer * p), whose sign here is that of the cross-entropy.
    /// </summary>
    private Tensor PropagateOnce(TrajectoryBatch batch, Tensor delta, int rounds, double size)
    {
        sgd.zero_grad();
        for (int round = 0; round < rounds; round++)
        {
            Tensor hidden = network.First(Normalised(batch.X + delta));
            hidden.retain_grad();
            Tensor logits = network.Rest(hidden);
            Look(logits, batch);
            Tensor loss = functional.cross_entropy(logits, batch.Labels);
            loss.backward();
            Tensor p = hidden.grad!.detach();
            for (int step = 0; step < method.FirstSteps; step++)
            {
                Tensor leaf = delta.detach().requires_grad_();
                Tensor gradient = autograd.grad([(network.First(Normalised(batch.X + leaf)) * p).sum()], [leaf])[0];
                shown.Losses.Add(loss.item<double>());
                shown.Record(gradient);
                delta = Moved(batch, delta, gradient, size);
            }

            (network.First(Normalised(batch.X + delta)) * p).sum().backward();
        }

        sgd.step();
        return delta;
    }

    /// <summary>Leaves the gradients of the training loss in the parameters and returns that of delta.</summary>
    private Tensor TrainingGradients(TrajectoryBatch batch, Tensor delta)
    {
        Tensor[] before = method.WeightStep is { } gamma ? PerturbWeights(batch, delta, gamma) : [];
        Tensor leaf = delta.detach().requires_grad_();
        Backward(TrainingLoss(batch, leaf));
        foreach ((Tensor weight, Tensor value) in Layers().Zip(before)) SetTo(weight, value);
        if (method.Alignment is { } strength) AddAlignment(batch, strength);
        return leaf.grad!;
    }

    private Tensor AttackLoss(TrajectoryBatch batch, Tensor delta)
    {
        Tensor adversarial = Adversarial(batch, delta);
        return method.Loss == TrajectoryLoss.Trades
            ? TorchLosses.Divergence(Forward(batch.X), adversarial)
            : functional.cross_entropy(adversarial, batch.Labels);
    }

    private Tensor TrainingLoss(TrajectoryBatch batch, Tensor delta)
    {
        if (method.Loss == TrajectoryLoss.CrossEntropy) return functional.cross_entropy(Adversarial(batch, delta), batch.Labels);
        Tensor natural = Forward(batch.X);
        Tensor adversarial = Adversarial(batch, delta);
        if (method.NaturalTwice) Forward(batch.X);
        return method.Loss == TrajectoryLoss.Trades
            ? TorchLosses.Trades(natural, adversarial, batch.Labels)
            : TorchLosses.Mart(natural, adversarial, batch.Labels);
    }

    private Tensor Adversarial(TrajectoryBatch batch, Tensor delta)
    {
        Tensor logits = Forward(batch.X + delta);
        Look(logits, batch);
        return logits;
    }

    private void Look(Tensor logits, TrajectoryBatch batch)
    {
        right = logits.argmax(1).eq(batch.Labels);
        Tensor best = logits.detach().topk(2, 1).values;
        shown.Decide(best.select(1, 0), best.select(1, 1));
    }

    private Tensor Forward(Tensor pixels) => network.forward(Normalised(pixels));

    private static Tensor Normalised(Tensor pixels) => (pixels - GoldenSetting.Mean()) / GoldenSetting.Std();

    private Tensor Moved(TrajectoryBatch batch, Tensor delta, Tensor gradient, double size) =>
        LinfBall.Step(delta, gradient, batch.X, size, method.Radius);

    private void Backward(Tensor loss)
    {
        shown.Losses.Add(loss.item<double>());
        sgd.zero_grad();
        loss.backward();
    }

    /// <summary>
    /// Equation 6 of Wang et al. (ICML 2019), c = epsilon |g|_1 - delta g with the gradient g of an image's own loss; its limit falls from
    /// epoch to epoch and is 0 after five sixths of the run.
    /// </summary>
    private Tensor IsFarFromStationary(TrajectoryBatch batch, Tensor leaf, double largest)
    {
        Tensor own = (leaf.grad! * batch.X.shape[0]).flatten(1);
        Tensor criterion = (Trajectory.Epsilon * own.abs().sum(1)) - (leaf.detach().flatten(1) * own).sum(1);
        double last = 5.0 / 6 * method.Epochs.Length;
        Tensor limit = full_like(criterion, Math.Max(0, largest - (batch.Epoch * largest / last)));
        shown.Decide(criterion, limit);
        return criterion.gt(limit);
    }

    /// <summary>
    /// AWP (Wu et al., NeurIPS 2020): moves the weights of convolutions and of the linear layer along the gradient of the training loss,
    /// by gamma times their norm, and returns what they were.
    /// </summary>
    private Tensor[] PerturbWeights(TrajectoryBatch batch, Tensor delta, double gamma)
    {
        sgd.zero_grad();
        TrainingLoss(batch, delta).backward();
        Tensor[] before = [.. Layers().Select(weight => weight.detach().clone())];
        foreach (Tensor weight in Layers()) SetTo(weight, weight + (gamma * weight.norm() / weight.grad!.norm() * weight.grad!));
        return before;
    }

    private IEnumerable<Tensor> Layers() => network.parameters().Where(parameter => parameter.dim() > 1);

    private static void SetTo(Tensor weight, Tensor value)
    {
        using var frozen = no_grad();
        weight.copy_(value);
    }

    /// <summary>
    /// GradAlign (Andriushchenko and Flammarion, NeurIPS 2020): adds strength times the gradient of the mean of 1 - cos(a, b), with the
    /// gradients a at the images, taken as fixed, and b at uniform points of the ball. The mixed second derivative is a central difference
    /// of the weights' gradients along v, the derivative of that mean with respect to b.
    /// </summary>
    private void AddAlignment(TrajectoryBatch batch, double strength)
    {
        Tensor eta = GoldenSetting.UniformDelta(batch.Seed, batch.Epoch, batch.Index, Trajectory.Epsilon, Purpose.Alignment);
        eta = LinfBall.KeepPixelsValid(eta, batch.X);
        Tensor a = PixelGradient(batch, zeros_like(batch.X)).flatten(1);
        Tensor b = PixelGradient(batch, eta).flatten(1).requires_grad_();
        Tensor mean = (1 - functional.cosine_similarity(a, b, 1)).mean();
        Tensor v = autograd.grad([mean], [b])[0].detach();
        double radius = Reach * Trajectory.Epsilon * Math.Sqrt(v.shape[1]);
        double h = radius / v.norm(1).max().item<double>();
        Tensor move = (h * v).view_as(batch.X);
        (functional.cross_entropy(Forward(batch.X + eta + move), batch.Labels) * (strength / (2 * h))).backward();
        (functional.cross_entropy(Forward(batch.X + eta - move), batch.Labels) * (-strength / (2 * h))).backward();
    }

    private Tensor PixelGradient(TrajectoryBatch batch, Tensor delta)
    {
        Tensor leaf = delta.detach().requires_grad_();
        return autograd.grad([functional.cross_entropy(Forward(batch.X + leaf), batch.Labels)], [leaf])[0].detach();
    }
}
