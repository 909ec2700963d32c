using static TorchSharp.torch;

namespace Deat.Twins;

/// <summary>Perturbations of radius epsilon in pixel range [0,1] that leave x + delta a valid image.</summary>
internal static class LinfBall
{
    /// <summary>delta clamped so that x + delta is in [0,1].</summary>
    public static Tensor KeepPixelsValid(Tensor delta, Tensor x) => maximum(minimum(delta, 1 - x), -x);

    /// <summary>The uniform start U(-epsilon, epsilon), valid.</summary>
    public static Tensor UniformStart(Tensor x, double epsilon) => KeepPixelsValid(rand_like(x).mul_(2 * epsilon).sub_(epsilon), x);

    /// <summary>delta + alpha sign(gradient), projected to the ball, then to valid images.</summary>
    public static Tensor Step(Tensor delta, Tensor gradient, Tensor x, double alpha, double epsilon)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        Tensor next = delta.detach().add(gradient.sign(), alpha).clamp_(-epsilon, epsilon);
        return KeepPixelsValid(next, x).MoveToOuterDisposeScope();
    }
}
