using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;

namespace Deat.Engine;

/// <summary>The calls of NVIDIA's driver that make graphs, named as there; ILGPU 1.5.3 has none. All answer 0 for success.</summary>
internal interface ICudaGraphCalls
{
    /// <summary>cuStreamBeginCapture_v2</summary>
    int BeginCapture(nint stream, int mode);

    /// <summary>cuStreamEndCapture</summary>
    int EndCapture(nint stream, out nint graph);

    /// <summary>cuGraphInstantiateWithFlags</summary>
    int Instantiate(out nint executable, nint graph, ulong flags);

    /// <summary>cuGraphLaunch</summary>
    int Launch(nint executable, nint stream);

    /// <summary>cuGraphExecDestroy</summary>
    int DestroyExecutable(nint executable);

    /// <summary>cuGraphDestroy</summary>
    int DestroyGraph(nint graph);

    /// <summary>cuGetErrorString</summary>
    string Describe(int error);
}

/// <summary>
/// CUDA graphs by capture of the device's stream: while it is captured, ILGPU's launches, each one cuLaunchKernel with its arguments in
/// a buffer that the driver copies, become nodes. Source: CUDA driver API, stream management and graph management.
/// </summary>
internal sealed class CudaGraphs(ICudaGraphCalls calls, nint stream, Action bind) : ILaunchRecorder
{
    // CU_STREAM_CAPTURE_MODE_RELAXED: finalizers of ILGPU's may call the driver at any time on a thread of their own, and in the other
    // modes such a call would end the capture.
    private const int Relaxed = 2;

    /// <summary>Graphs of a stream; null where the driver has not all of the calls.</summary>
    public static CudaGraphs? Of(CudaStream stream) => CudaGraphCalls.Of(NativeLibraries.Find("cuda")) is { } calls
        ? new CudaGraphs(calls, stream.StreamPtr, stream.Accelerator.Bind)
        : null;

    public void Begin()
    {
        bind();
        Check(calls, calls.BeginCapture(stream, Relaxed), "begin a capture");
    }

    public Delegate Recording(Delegate launcher) => launcher;

    public IRecordedLaunches End()
    {
        Check(calls, calls.EndCapture(stream, out nint graph), "end a capture");
        try
        {
            Check(calls, calls.Instantiate(out nint executable, graph, 0), "make a graph of a capture");
            return new Executable(calls, stream, bind, executable);
        }
        finally
        {
            calls.DestroyGraph(graph);
        }
    }

    public void Abandon()
    {
        if (calls.EndCapture(stream, out nint graph) == 0 && graph != 0)
            calls.DestroyGraph(graph);
    }

    private static void Check(ICudaGraphCalls calls, int error, string what)
    {
        if (error != 0)
            throw new DeviceException($"the driver does not {what}: {calls.Describe(error)}");
    }

    private sealed class Executable(ICudaGraphCalls calls, nint stream, Action bind, nint executable) : IRecordedLaunches
    {
        public void Launch()
        {
            bind();
            Check(calls, calls.Launch(executable, stream), "launch a graph");
        }

        public void Dispose()
        {
            bind();
            calls.DestroyExecutable(executable);
        }
    }
}

/// <summary>The calls in a driver library.</summary>
internal sealed unsafe class CudaGraphCalls : ICudaGraphCalls
{
    private readonly delegate* unmanaged<nint, int, int> _beginCapture;
    private readonly delegate* unmanaged<nint, nint*, int> _endCapture;
    private readonly delegate* unmanaged<nint*, nint, ulong, int> _instantiate;
    private readonly delegate* unmanaged<nint, nint, int> _launch;
    private readonly delegate* unmanaged<nint, int> _destroyExecutable;
    private readonly delegate* unmanaged<nint, int> _destroyGraph;
    private readonly delegate* unmanaged<int, byte**, int> _describe;

    private CudaGraphCalls(nint[] calls)
    {
        _beginCapture = (delegate* unmanaged<nint, int, int>)calls[0];
        _endCapture = (delegate* unmanaged<nint, nint*, int>)calls[1];
        _instantiate = (delegate* unmanaged<nint*, nint, ulong, int>)calls[2];
        _launch = (delegate* unmanaged<nint, nint, int>)calls[3];
        _destroyExecutable = (delegate* unmanaged<nint, int>)calls[4];
        _destroyGraph = (delegate* unmanaged<nint, int>)calls[5];
        _describe = (delegate* unmanaged<int, byte**, int>)calls[6];
    }

    /// <summary>The calls of a loaded library; null if it is 0 or one is missing, as before CUDA 11.4.</summary>
    public static CudaGraphCalls? Of(nint library)
    {
        string[] names =
        [
            "cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch", "cuGraphExecDestroy",
            "cuGraphDestroy", "cuGetErrorString",
        ];
        if (library == 0)
            return null;
        nint[] calls = [.. names.Select(name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0)];
        return calls.Contains(0) ? null : new CudaGraphCalls(calls);
    }

    public int BeginCapture(nint stream, int mode) => _beginCapture(stream, mode);

    public int EndCapture(nint stream, out nint graph)
    {
        fixed (nint* result = &graph)
            return _endCapture(stream, result);
    }

    public int Instantiate(out nint executable, nint graph, ulong flags)
    {
        fixed (nint* result = &executable)
            return _instantiate(result, graph, flags);
    }

    public int Launch(nint executable, nint stream) => _launch(executable, stream);

    public int DestroyExecutable(nint executable) => _destroyExecutable(executable);

    public int DestroyGraph(nint graph) => _destroyGraph(graph);

    public string Describe(int error)
    {
        byte* text = null;
        return _describe(error, &text) == 0 && text is not null ? Marshal.PtrToStringUTF8((nint)text)! : $"error {error}";
    }
}
