using Deat.Engine;

namespace Deat.Tests;

/// <summary>NVIDIA's graph calls without a GPU: notes them in order, and refuses what the driver refuses.</summary>
internal sealed class FakeCudaDriver : ICudaGraphCalls
{
    public const nint Stream = 17;

    private readonly HashSet<nint> _graphs = [];
    private readonly HashSet<nint> _executables = [];
    private nint _next = 100;
    private bool _isCapturing;

    /// <summary>The calls so far.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>The call that fails; null for none.</summary>
    public string? Failing { get; set; }

    /// <summary>Whether all that was made was destroyed.</summary>
    public bool IsClean => _graphs.Count == 0 && _executables.Count == 0 && !_isCapturing;

    public int BeginCapture(nint stream, int mode)
    {
        if (Fails($"begin capture of {stream} in mode {mode}") || _isCapturing)
            return 401;
        _isCapturing = true;
        return 0;
    }

    public int EndCapture(nint stream, out nint graph)
    {
        graph = 0;
        bool wasCapturing = _isCapturing;
        _isCapturing = false;
        if (Fails($"end capture of {stream}") || !wasCapturing)
            return 901;
        _graphs.Add(graph = _next++);
        return 0;
    }

    public int Instantiate(out nint executable, nint graph, ulong flags)
    {
        executable = 0;
        if (Fails($"instantiate with flags {flags}") || !_graphs.Contains(graph))
            return 2;
        _executables.Add(executable = _next++);
        return 0;
    }

    public int Launch(nint executable, nint stream) =>
        Fails($"launch on {stream}") || _isCapturing || !_executables.Contains(executable) ? 719 : 0;

    public int DestroyExecutable(nint executable) => Fails("destroy executable") || !_executables.Remove(executable) ? 400 : 0;

    public int DestroyGraph(nint graph) => Fails("destroy graph") || !_graphs.Remove(graph) ? 400 : 0;

    public string Describe(int error) => $"fake error {error}";

    private bool Fails(string call)
    {
        Calls.Add(call);
        return Failing is not null && call.StartsWith(Failing, StringComparison.Ordinal);
    }
}
