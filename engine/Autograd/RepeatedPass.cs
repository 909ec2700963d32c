namespace Deat.Engine;

/// <summary>What a pass leaves. Its tensors are there until it is disposed.</summary>
/// <param name="Loss">The mean loss [1, 1, 1, 1].</param>
/// <param name="InputGradient">The gradient of the watched input; null if it was not wanted.</param>
/// <param name="Owner">What is disposed with it; null if that is somebody else's.</param>
public readonly record struct PassResult(Tensor Loss, Tensor? InputGradient, IDisposable? Owner = null) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Owner?.Dispose();
}

/// <summary>
/// A forward pass, and a backward pass where gradients are wanted, over the same tensors again and again. The first run compiles kernels
/// and fills the pool; where the device uses graphs, the second is recorded, and this and all further ones are one launch of the graph.
/// The bits are the same: a graph has the same launches with the same arguments on the same memory.
/// </summary>
/// <remarks>
/// So nothing that changes between runs may be an argument of a launch: it must lie in tensors that are written outside, and what the host
/// does in the pass must go through <see cref="ComputeDevice.Along"/>. A graph takes no memory for itself but that of its results: the
/// rest is the pool's between two runs, and if somebody else has come to hold a part of it the pass is recorded anew.
/// </remarks>
/// <param name="device">Where everything happens.</param>
/// <param name="open">Makes a tape.</param>
/// <param name="compute">The pass on a new tape.</param>
public sealed class RepeatedPass(ComputeDevice device, Func<Tape> open, Func<Tape, PassResult> compute) : IDisposable
{
    // Each attempt that lacks memory leaves a piece of it; a kernel that is not compiled is so after the next run.
    private const int MaxAttempts = 300, MaxFailures = 3;

    private int _failures;
    private int[] _results = [];
    private Workspace? _reserve;
    private LaunchGraph? _graph;
    private Tape? _kept;
    private PassResult _result;

    /// <summary>Whether the last run was one launch of a graph.</summary>
    public bool IsGraph => _graph is not null;

    /// <summary>Runs the pass once.</summary>
    public PassResult Run()
    {
        if (_graph is not null && (!MayRecord || !_graph.IsFree))
            Forget();
        if (MayRecord && _reserve is not null && _graph is null && _failures < MaxFailures)
            Record();
        if (_graph is null)
            return RunPlainly();
        _graph.Launch();
        return _result;
    }

    // Poisoned memory is filled by transfers, and a pass within a recording is a part of it.
    private bool MayRecord => device.UsesGraphs && !device.Pool.Poison && !device.IsRecording;

    /// <summary>Gives the graph and its results back.</summary>
    public void Dispose()
    {
        Forget();
        GiveReserveBack();
    }

    private PassResult RunPlainly()
    {
        Tape tape = open();
        try
        {
            PassResult result = compute(tape) with { Owner = tape };
            if (MayRecord && _reserve is null)
                Reserve(result);
            return result;
        }
        catch
        {
            tape.Dispose();
            throw;
        }
    }

    // Results last from run to run, so their memory is none that other activations use. It is there before anything is recorded.
    private void Reserve(PassResult result)
    {
        _reserve ??= new Workspace(device, MemoryCategory.Data);
        Tensor[] results = result.InputGradient is { } gradient ? [result.Loss, gradient] : [result.Loss];
        foreach (Tensor tensor in results)
            _reserve.Allocate(tensor.Layout, tensor.Type);
        _results = [.. results.Select(tensor => tensor.Buffer.Number)];
    }

    private void Record()
    {
        GiveReserveBack();
        bool again = true;
        for (int attempt = 0; _graph is null && again && attempt < MaxAttempts; attempt++)
        {
            Tape tape = open();
            tape.Lasting = _results;
            _graph = device.Record(
                () => _result = compute(tape), () => tape.ReleaseAllBut(_result.Loss, _result.InputGradient), out again);
            if (_graph is null)
                tape.Dispose();
            else
                _kept = tape;
        }

        _failures = _graph is null ? _failures + 1 : 0;
    }

    private void GiveReserveBack()
    {
        _reserve?.Dispose();
        _reserve = null;
    }

    private void Forget()
    {
        if (_graph is null)
            return;
        // A driver may not be asked to forget what it still runs.
        device.Synchronize();
        _graph.Dispose();
        _kept!.Dispose();
        (_graph, _kept, _result) = (null, null, default);
    }
}
