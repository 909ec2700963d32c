namespace Deat.Training;

/// <summary>
/// How an attack looks for an adversarial example. One object serves all batches: what it knows of images lies in tensors that it takes
/// from the batch (<see cref="AttackBatch.State"/>), because between two steps the images that are done leave and the others move to a
/// smaller batch. What it does to an image must not depend on the others.
/// </summary>
public interface ISearch
{
    /// <summary>Whether it looks for the least perturbation, and leaves an image that it does not fool in the ball as it was.</summary>
    bool LeavesTheUnfooled => false;

    /// <summary>Sets everything for the images of a new batch, first of all delta and z.</summary>
    void Start(AttackBatch batch);

    /// <summary>
    /// One step. An image that is done, because its example is found, has no lives left in <see cref="Minibatch.Lives"/>; from then on its
    /// delta is the answer and must stay.
    /// </summary>
    /// <param name="batch">The images.</param>
    /// <param name="step">The step, from 0.</param>
    void Step(AttackBatch batch, int step);

    /// <summary>Leaves the answer for the images that are not done in delta.</summary>
    void Finish(AttackBatch batch)
    {
    }
}
