using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>Accuracy in [0,1] with running batch norm statistics, clean and under PGD.</summary>
internal static class TwinEvaluation
{
    private const int BatchSize = 200;
    private const double StepSize = 2 / 255.0;

    public static double Clean(Learner learner, TensorImages images) =>
        Count(learner, images, (x, _) => x);

    /// <summary>
    /// PGD on cross-entropy, uniform start, one restart, step 2/255. An iteration moves only the images that are still classified
    /// correctly, as in TrustAI/DEAT's evaluation.
    /// </summary>
    public static double Pgd(Learner learner, TensorImages images, int steps, double epsilon) =>
        Count(learner, images, (x, labels) => x + Attack(learner, x, labels, steps, epsilon));

    private static Tensor Attack(Learner learner, Tensor x, Tensor labels, int steps, double epsilon)
    {
        Tensor delta = LinfBall.UniformStart(x, epsilon);
        for (int step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            Tensor leaf = delta.detach().requires_grad_();
            Tensor logits = learner.Logits(x + leaf);
            Tensor gradient = autograd.grad([nn.functional.cross_entropy(logits, labels)], [leaf])[0];
            Tensor next = LinfBall.Step(leaf, gradient, x, StepSize, epsilon);
            Tensor isRight = logits.argmax(1).eq(labels).view(-1, 1, 1, 1);
            delta = where(isRight, next, delta).MoveToOuterDisposeScope();
        }

        return delta;
    }

    private static double Count(Learner learner, TensorImages images, Func<Tensor, Tensor, Tensor> adversary)
    {
        learner.Network.eval();
        int hits = 0;
        for (int start = 0; start < images.Count; start += BatchSize)
        {
            using var scope = NewDisposeScope();
            (Tensor x, Tensor labels) = images.TestBatch(start, Math.Min(BatchSize, images.Count - start));
            Tensor seen = adversary(x, labels);
            using var frozen = no_grad();
            hits += (int)learner.Logits(seen).argmax(1).eq(labels).sum().item<long>();
        }

        learner.Network.train();
        return (double)hits / images.Count;
    }
}
