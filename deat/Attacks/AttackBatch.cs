using Deat.Engine;

namespace Deat.Training;

/// <summary>One of the times that an attack goes over the images that are still robust.</summary>
/// <param name="Index">The round, from 0.</param>
/// <param name="Rank">The rank among the logits at the image as it is of the class to aim at: 1 is the second largest; 0 for none.</param>
public readonly record struct AttackRound(int Index, int Rank);

/// <summary>
/// Some images under attack: their tensors, passes over the network, and memory for what a search knows of each of them. Each image has its
/// own state and its own random numbers, so that it fares the same in any company. Places beyond the last image repeat the first one.
/// </summary>
public sealed class AttackBatch
{
    private readonly Workspace _workspace;
    private readonly NetworkPasses _passes;
    private readonly Normalization _normalization;
    private readonly ElementType _type;
    private readonly Tensor _rows;
    private readonly Dictionary<Type, StateOfSearch> _states = [];
    private StateOfSearch? _state;

    internal AttackBatch(
        Workspace workspace, NetworkPasses passes, Normalization normalization, Shape shape, int classes, ElementType type)
    {
        (_workspace, _passes, _normalization, _type) = (workspace, passes, normalization, type);
        Shape perImage = new(shape.N, 1);
        Images = Minibatch.Allocate(workspace, shape, type, seesNatural: true) with
        {
            Logits = workspace.Plain(new Shape(shape.N, classes), type),
            Targets = workspace.Plain(perImage, ElementType.Int32),
        };
        Numbers = workspace.Plain(perImage, ElementType.Int32);
        _rows = workspace.Plain(perImage, ElementType.Int32);
    }

    /// <summary>The images and their perturbations.</summary>
    public Minibatch Images { get; }

    /// <summary>The number of each image in the whole set, Int32 [N, 1, 1, 1].</summary>
    public Tensor Numbers { get; }

    /// <summary>The attack.</summary>
    public Attack Attack { get; private set; } = null!;

    /// <summary>The round of the attack.</summary>
    public AttackRound Round { get; private set; }

    /// <summary>From pixels to the network's input.</summary>
    public Normalization Normalization => _normalization;

    /// <summary>How many of the places hold images that are attacked.</summary>
    public int Count { get; private set; }

    /// <summary>The random stream of the round; each image has its own, by its number.</summary>
    public RandomKey Key { get; private set; }

    /// <summary>
    /// Whether the round has asked for gradients; the largest element of each image's first one is in <see cref="Minibatch.Magnitude"/>.
    /// </summary>
    internal bool HasGradients { get; private set; }

    /// <summary>Lends memory that is given back within a step.</summary>
    public Workspace Scratch() => new(_workspace.Device, MemoryCategory.Activations);

    /// <summary>
    /// A forward pass at z, with the losses, the logits and who is classified correctly; and a backward pass where a place for the
    /// gradient of each image's own loss with respect to delta, in pixel range, is given.
    /// </summary>
    /// <param name="loss">What is computed and differentiated.</param>
    /// <param name="gradient">Receives the gradient, [N, C, H, W].</param>
    public void Pass(Loss loss, Tensor? gradient = null)
    {
        using PassResult result = _passes.Run(loss, Images, gradient is null ? Wanted.None : Wanted.Input);
        if (gradient is null)
            return;
        Ops.AdversarialInputGradient(result.InputGradient!, _normalization, gradient);
        if (HasGradients)
            return;
        using Workspace scratch = Scratch();
        Ops.ImageNorms(scratch, gradient, Norm.Linf, Images.Magnitude);
        HasGradients = true;
    }

    /// <summary>Ends the search of images that are classified wrongly at z.</summary>
    public void EndFooled() => Ops.TakeLives(Images.Correct, Images.Lives);

    /// <summary>Sets delta to zero for the images that are not done.</summary>
    public void Withdraw()
    {
        using Workspace scratch = Scratch();
        Tensor none = scratch.Activation(Images.X.Shape, _type);
        Ops.InitializeDelta(none, Images.X, DeltaInit.Zero, tau: 0, clampPixels: false, default);
        Ops.KeepWhere(Images.Lives, none, Images.Delta);
    }

    /// <summary>Sets delta to a start in the ball and the pixel range: at the image, or uniform with <see cref="Norm.Linf"/>.</summary>
    /// <param name="kind">The distribution, of scale epsilon.</param>
    public void Start(DeltaInit kind) =>
        Ops.InitializeDelta(Images.Delta, Images.X, kind, Attack.Epsilon.Value, clampPixels: true, Key, Numbers);

    /// <summary>
    /// Sets delta to a random start on the surface of the ball, brought to the pixel range: epsilon t / |t| with t uniform in [-1, 1) for
    /// <see cref="Norm.Linf"/>, normal for <see cref="Norm.L2"/>.
    /// </summary>
    /// <param name="share">The radius of the surface, in units of epsilon.</param>
    public void StartOnSurface(double share = 1)
    {
        using Workspace scratch = Scratch();
        (Tensor draw, Tensor norms) = (scratch.Activation(Images.X.Shape, _type), scratch.Plain(Images.Losses.Shape, _type));
        DeltaInit kind = Attack.Norm == Norm.Linf ? DeltaInit.Uniform : DeltaInit.Normal;
        Ops.InitializeDelta(draw, Images.X, kind, tau: 1, clampPixels: false, Key, Numbers);
        Ops.ImageNorms(scratch, draw, Attack.Norm, norms);
        Start(DeltaInit.Zero);
        Ops.Ascend(Images.Delta, draw, norms, Filled(scratch, share * Attack.Epsilon.Value), Images.Delta);
        Project(scratch, Images.Delta, Images.Delta);
    }

    /// <summary>A step up the gradient, back to the ball and the pixel range, of the images that are not done; and the next z.</summary>
    /// <param name="gradient">With respect to delta, [N, C, H, W].</param>
    /// <param name="stepSize">The size of the step in the norm of the attack, in pixel range [0,1].</param>
    public void Move(Tensor gradient, double stepSize)
    {
        using Workspace scratch = Scratch();
        Tensor moved = scratch.Activation(Images.X.Shape, _type);
        Ascend(scratch, gradient, Filled(scratch, stepSize), moved);
        Project(scratch, moved, Images.Delta);
        SetInput();
    }

    /// <summary>moved = delta and a step of each image's own size up its gradient, the steepest in the norm of the attack.</summary>
    public void Ascend(Workspace scratch, Tensor gradient, Tensor steps, Tensor moved)
    {
        Tensor? norms = Attack.Norm == Norm.Linf ? null : scratch.Plain(steps.Shape, _type);
        if (norms is not null)
            Ops.ImageNorms(scratch, gradient, Attack.Norm, norms);
        Ops.Ascend(Images.Delta, gradient, norms, steps, moved);
    }

    /// <summary>projected = moved, brought to the ball of the attack and to the pixel range, for images that are not done.</summary>
    public void Project(Workspace scratch, Tensor moved, Tensor projected) =>
        Ops.Project(scratch, moved, Images.X, Attack.Norm, Attack.Epsilon.Value, Images.Lives, projected);

    /// <summary>Sets z to the images under a perturbation.</summary>
    public void SetInput(Tensor? delta = null) => Ops.AdversarialInput(Images.Z, Images.X, delta ?? Images.Delta, _normalization);

    /// <summary>
    /// What a search keeps of the images of this batch: made by the first who asks, with <see cref="PerImage"/> and
    /// <see cref="PerElement"/>, and moved along with the images.
    /// </summary>
    public TState State<TState>(Func<AttackBatch, TState> make)
        where TState : class
    {
        if (!_states.TryGetValue(typeof(TState), out _state))
        {
            _state = new StateOfSearch(batch => batch.State(make));
            _states[typeof(TState)] = _state;
            _state.Value = make(this);
        }

        return (TState)_state.Value!;
    }

    /// <summary>Memory for one number of each image, [N, 1, 1, 1].</summary>
    /// <param name="type">The type; that of the work if null.</param>
    public Tensor PerImage(ElementType? type = null) => Kept(_workspace.Plain(new Shape(Images.Count, 1), type ?? _type));

    /// <summary>Memory for a number for each element of the images, [N, C, H, W].</summary>
    public Tensor PerElement() => Kept(_workspace.Activation(Images.X.Shape, _type));

    /// <summary>Takes up an attack on images that were gathered, and sets their input as they are.</summary>
    internal void Begin(Attack attack, AttackRound round, RandomKey key, int[] numbers)
    {
        Begin(attack, round, key, numbers.Length);
        Numbers.CopyFrom<int>([.. numbers, .. new int[Images.Count - numbers.Length]]);
        Start(DeltaInit.Zero);
        SetInput();
        Ops.Keep(Images.Z, Images.Natural!);
        if (round.Rank == 0)
            return;
        Pass(Losses.CrossEntropy);
        Ops.ClassOfRank(Images.Logits!, round.Rank, Images.Targets!);
    }

    /// <summary>The places of the images that are not done. Waits for the device.</summary>
    internal int[] Alive()
    {
        int[] lives = Images.Lives.ToArray<int>();
        return [.. Enumerable.Range(0, Count).Where(place => lives[place] > 0)];
    }

    /// <summary>Moves some images with all that belongs to them to a smaller batch.</summary>
    internal void MoveTo(AttackBatch smaller, int[] places)
    {
        smaller.Begin(Attack, Round, Key, places.Length);
        smaller.HasGradients = HasGradients;
        _state?.MakeFor(smaller);
        smaller._rows.CopyFrom<int>([.. Enumerable.Range(0, smaller.Images.Count).Select(i => places[i < places.Length ? i : 0])]);
        foreach ((Tensor from, Tensor to) in Moving.Zip(smaller.Moving))
            Ops.TakeImages(from, smaller._rows, to);
    }

    /// <summary>Takes back the answers of images that were moved.</summary>
    internal void TakeBack(AttackBatch smaller) => Ops.PutImages(smaller.Images.Delta, smaller._rows, smaller.Count, Images.Delta);

    private Tensor Filled(Workspace scratch, double value)
    {
        Tensor filled = scratch.Plain(Images.Losses.Shape, _type);
        Ops.Fill(filled, value);
        return filled;
    }

    private void Begin(Attack attack, AttackRound round, RandomKey key, int count)
    {
        (Attack, Round, Key, Count, HasGradients, _state) = (attack, round, key, count, false, null);
        Images.Lives.CopyFrom<int>([.. Enumerable.Range(0, Images.Count).Select(place => place < count ? 1 : 0)]);
    }

    private IEnumerable<Tensor> Moving =>
    [
        Images.X, Images.Labels, Images.Delta, Images.Z, Images.Natural!, Images.Targets!, Numbers, .. _state?.Tensors ?? [],
    ];

    private Tensor Kept(Tensor tensor)
    {
        _state!.Tensors.Add(tensor);
        return tensor;
    }

    private sealed class StateOfSearch(Action<AttackBatch> makeFor)
    {
        public Action<AttackBatch> MakeFor => makeFor;

        public object? Value { get; set; }

        public List<Tensor> Tensors { get; } = [];
    }
}
