using Deat.Engine;
using Deat.Nn;

namespace Deat.Training;

public sealed partial class AdversarialPass
{
    /// <summary>Steps of delta in each round of <see cref="PropagateOnce"/>.</summary>
    public int FirstLayerSteps { get; init; } = 1;

    /// <summary>
    /// Rounds of a full forward and backward pass, each followed by steps of delta that run the first layer alone, and then one update of
    /// the weights by the sum of all gradients. With p the gradient at the first layer's output h, which the full pass gives, a step
    /// follows the gradient of sum(h p) with respect to the images, and the last images of a round add the gradient of sum(h p) with
    /// respect to the first layer's weights.
    /// </summary>
    /// <param name="rounds">Full passes.</param>
    public void PropagateOnce(int rounds)
    {
        IFirstLayer network = (IFirstLayer)model;
        ComputeDevice device = Batch.X.Device;
        BeforeUpdate();
        using Tape tape = new(device, Wanted.Both, UpdatePrecision);
        for (int round = 0; round < rounds; round++)
        {
            using Ledger.Scope scope = device.Ledger.In(Phase ?? Engine.Phase.Update, round);
            Tensor hidden = tape.Watch(network.First.Forward(tape, Batch.Z));
            Tensor value = loss.Of(tape, network.Rest, Batch with { Z = hidden });
            tape.Backward(value);
            _passes.Count(Batch, 1, 1);
            Tensor costate = tape.Gradient(hidden);
            for (int step = 0; step < FirstLayerSteps; step++)
                FirstLayerStep(network.First, costate, value, round);

            // A second gradient of a weight on one tape is added to the first.
            tape.Backward(network.First.Forward(tape, Batch.Z), costate);
        }

        AfterUpdate();
        using (device.Ledger.In(Phase ?? Engine.Phase.Optimizer, rounds - 1))
            Update!();
    }

    private void FirstLayerStep(Module first, Tensor costate, Tensor value, int round)
    {
        ComputeDevice device = Batch.X.Device;
        using Tape tape = new(device, Wanted.Input, AttackPrecision);
        using Ledger.Scope scope = device.Ledger.In(Phase ?? Engine.Phase.Attack, round);
        Tensor output = first.Forward(tape, tape.Watch(Batch.Z));
        tape.Backward(output, costate);
        Tensor gradient = tape.Gradient(Batch.Z);
        Step(gradient, round);
        Observer?.Invoke(new PassObservation(round, value, gradient, Batch));
    }
}
