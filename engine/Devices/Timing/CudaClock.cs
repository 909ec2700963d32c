using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Deat.Engine;

/// <summary>The calls of NVIDIA's driver that tell the time and what kernels take, named as there. All answer 0 for success.</summary>
internal interface ICudaEventCalls
{
    /// <summary>cuEventCreate</summary>
    int Create(out nint made, uint flags);

    /// <summary>cuEventRecord</summary>
    int Record(nint moment, nint stream);

    /// <summary>cuEventElapsedTime, in milliseconds</summary>
    int ElapsedTime(out float milliseconds, nint start, nint end);

    /// <summary>cuEventDestroy_v2</summary>
    int Destroy(nint moment);

    /// <summary>cuFuncGetAttribute</summary>
    int Attribute(out int value, int attribute, nint function);

    /// <summary>cuGetErrorString</summary>
    string Describe(int error);
}

/// <summary>
/// CUDA events around each launch, made once and used again. The driver gives differences in binary32: they are taken between
/// neighbours and added in whole nanoseconds, so that a long run loses nothing. Source: CUDA driver API, event management.
/// </summary>
internal sealed class CudaClock(ICudaEventCalls calls, nint stream, Action bind) : IDeviceClock
{
    private readonly List<nint> _events = [];

    /// <summary>The clock of a stream; null where the driver has not all of the calls.</summary>
    public static CudaClock? Of(CudaStream stream) => CudaEventCalls.Of(NativeLibraries.Find("cuda")) is { } calls
        ? new CudaClock(calls, stream.StreamPtr, stream.Accelerator.Bind)
        : null;

    public string Method => "CUDA events before and after each kernel, without waits";

    public AcceleratorStream? Stream => null;

    public int Capacity => 1 << 16;

    public void Mark(int place)
    {
        bind();
        for (int made = _events.Count; made <= place; made++)
        {
            Check(calls.Create(out nint moment, 0), "make an event");
            _events.Add(moment);
        }

        Check(calls.Record(_events[place], stream), "record an event");
    }

    public void Read(Span<long> nanoseconds)
    {
        bind();
        double sum = 0;
        for (int i = 1; i < nanoseconds.Length; i++)
        {
            Check(calls.ElapsedTime(out float milliseconds, _events[i - 1], _events[i]), "tell the time");
            sum += milliseconds * 1e6;
            nanoseconds[i] = (long)Math.Round(sum);
        }
    }

    public void Dispose()
    {
        bind();
        foreach (nint moment in _events)
            calls.Destroy(moment);
        _events.Clear();
    }

    private void Check(int error, string what)
    {
        if (error != 0)
            throw new DeviceException($"the driver does not {what}: {calls.Describe(error)}");
    }
}

/// <summary>The calls in a driver library.</summary>
internal sealed unsafe class CudaEventCalls : ICudaEventCalls
{
    private static readonly string[] Names =
        ["cuEventCreate", "cuEventRecord", "cuEventElapsedTime", "cuEventDestroy_v2", "cuFuncGetAttribute", "cuGetErrorString"];

    private readonly nint[] _calls;

    private CudaEventCalls(nint[] calls) => _calls = calls;

    /// <summary>The calls of a loaded library; null if it is 0 or one is missing.</summary>
    public static CudaEventCalls? Of(nint library)
    {
        if (library == 0)
            return null;
        nint[] calls = [.. Names.Select(name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0)];
        return calls.Contains(0) ? null : new CudaEventCalls(calls);
    }

    public int Create(out nint made, uint flags)
    {
        fixed (nint* result = &made)
            return ((delegate* unmanaged<nint*, uint, int>)_calls[0])(result, flags);
    }

    public int Record(nint moment, nint stream) => ((delegate* unmanaged<nint, nint, int>)_calls[1])(moment, stream);

    public int ElapsedTime(out float milliseconds, nint start, nint end)
    {
        fixed (float* result = &milliseconds)
            return ((delegate* unmanaged<float*, nint, nint, int>)_calls[2])(result, start, end);
    }

    public int Destroy(nint moment) => ((delegate* unmanaged<nint, int>)_calls[3])(moment);

    public int Attribute(out int value, int attribute, nint function)
    {
        fixed (int* result = &value)
            return ((delegate* unmanaged<int*, int, nint, int>)_calls[4])(result, attribute, function);
    }

    public string Describe(int error)
    {
        byte* text = null;
        var describe = (delegate* unmanaged<int, byte**, int>)_calls[5];
        return describe(error, &text) == 0 && text is not null ? Marshal.PtrToStringUTF8((nint)text)! : $"error {error}";
    }
}
