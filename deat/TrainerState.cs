using System.Text.Json.Serialization;

namespace Deat.Training;

/// <summary>
/// Where a run stands, apart from weights and momentum. Holds no time and nothing of the machine: equal runs have equal states.
/// </summary>
public sealed record TrainerState
{
    /// <summary>The epoch, from 0; the number of epochs when the run is done.</summary>
    public required int Epoch { get; init; }

    /// <summary>Minibatches of the epoch that are done.</summary>
    public required int Batch { get; init; }

    /// <summary>What the replay schedule holds in this epoch.</summary>
    public required ReplayState Replay { get; init; }

    /// <summary>What the images of the epoch showed so far.</summary>
    public required EpochSums Sums { get; init; }

    /// <summary>Passes of a minibatch through the network in the epoch so far, forward passes with the backward pass of each.</summary>
    public required long Passes { get; init; }

    /// <summary>The same of the epochs before.</summary>
    public long EarlierPasses { get; init; }

    /// <summary>Floating-point operations of the epoch's training so far, by the ledger.</summary>
    public long Flops { get; init; }

    /// <summary>The best epoch so far; null without validation images.</summary>
    public BestEpoch? Best { get; init; }

    /// <summary>How often the run went back to a good state: its steps are as much smaller, see <see cref="Trainer.Replays"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Rollbacks { get; init; }

    /// <summary>What the guard remembers; null without one.</summary>
    public GuardState? Guard { get; init; }

    /// <summary>SHA-256 of the training images.</summary>
    public required string Data { get; init; }
}

/// <summary>
/// The epoch with the highest accuracy on the validation images: under the validation attack, or clean where the method trains without
/// an adversary and robust accuracy is chance.
/// </summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Accuracy">The accuracy in [0,1].</param>
[method: JsonConstructor]
public sealed record BestEpoch(int Epoch, double Accuracy);

/// <summary>
/// Sums over the images of an epoch in their order, in double precision. Adding them one part after the other gives the same bits as
/// all at once.
/// </summary>
/// <param name="Images">Images added.</param>
/// <param name="Correct">Images classified correctly in the last iteration.</param>
/// <param name="Loss">The sum of the losses of the last iteration.</param>
/// <param name="Magnitude">
/// The sum of the gradient magnitudes that the schedule watches; of the images of the last minibatch alone where the method says so.
/// </param>
/// <param name="ZeroGradients">Images whose gradient magnitude is zero.</param>
/// <param name="Saturated">Images whose loss is zero.</param>
[method: JsonConstructor]
public sealed record EpochSums(
    int Images, int Correct, double Loss, double Magnitude, int ZeroGradients = 0, int Saturated = 0)
{
    /// <summary>Nothing added.</summary>
    public static EpochSums None { get; } = new(0, 0, 0, 0);

    /// <summary>The mean loss.</summary>
    [JsonIgnore]
    public double MeanLoss => Loss / Images;

    /// <summary>The accuracy in [0,1].</summary>
    [JsonIgnore]
    public double Accuracy => (double)Correct / Images;

    /// <summary>These sums and one image more.</summary>
    /// <param name="loss">Its loss.</param>
    /// <param name="correct">1 if it is classified correctly, else 0.</param>
    /// <param name="magnitude">Its gradient magnitude; null where the method does not take it.</param>
    public EpochSums And(double loss, int correct, double? magnitude) => new(
        Images + 1, Correct + correct, Loss + loss, Magnitude + (magnitude ?? 0), ZeroGradients + (magnitude == 0 ? 1 : 0),
        Saturated + (loss == 0 ? 1 : 0));
}
