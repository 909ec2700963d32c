using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;

namespace Deat.Engine;

/// <summary>
/// Events of markers in a queue of its own, in order and with CL_QUEUE_PROFILING_ENABLE. ILGPU 1.5.3 launches kernels without events, and
/// its profiling markers make the host wait; a marker before and one after a kernel make nobody wait. Source: OpenCL 1.2, sections 5.10,
/// 5.12.
/// </summary>
internal sealed unsafe class OpenCLClock : IDeviceClock
{
    private const int CommandEnd = 0x1283;

    private readonly delegate* unmanaged<nint, uint, nint*, nint*, int> _mark;
    private readonly delegate* unmanaged<nint, int, nuint, ulong*, nuint*, int> _time;
    private readonly delegate* unmanaged<nint, int> _release;
    private readonly CLStream _stream;
    private readonly nint[] _events = new nint[1 << 14];

    public OpenCLClock(CLAccelerator accelerator)
    {
        nint library = NativeLibraries.Find("OpenCL");
        _mark = (delegate* unmanaged<nint, uint, nint*, nint*, int>)NativeLibrary.GetExport(library, "clEnqueueMarkerWithWaitList");
        _time = (delegate* unmanaged<nint, int, nuint, ulong*, nuint*, int>)NativeLibrary.GetExport(library, "clGetEventProfilingInfo");
        _release = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "clReleaseEvent");
        CLError error = CLAPI.CurrentAPI.CreateCommandQueue(
            accelerator.PlatformVersion, accelerator.DeviceId, accelerator.NativePtr,
            CLCommandQueueProperties.CL_QUEUE_PROFILING_ENABLE, out nint queue);
        Check((int)error, "make a queue that tells the time");
        _stream = accelerator.CreateStream(queue, responsible: true);
    }

    public string Method => "OpenCL events of markers before and after each kernel, in order, without waits";

    public AcceleratorStream Stream => _stream;

    public int Capacity => _events.Length;

    public void Mark(int place)
    {
        Release(place);
        nint mark;
        Check(_mark(_stream.CommandQueue, 0, null, &mark), "mark a moment");
        _events[place] = mark;
    }

    public void Read(Span<long> nanoseconds)
    {
        ulong first = 0;
        for (int i = 0; i < nanoseconds.Length; i++)
        {
            ulong time;
            Check(_time(_events[i], CommandEnd, sizeof(ulong), &time, null), "tell the time");
            first = i == 0 ? time : first;
            nanoseconds[i] = (long)(time - first);
            Release(i);
        }
    }

    public void Dispose()
    {
        for (int i = 0; i < _events.Length; i++)
            Release(i);
        _stream.Dispose();
    }

    private void Release(int place)
    {
        if (_events[place] != 0)
            _ = _release(_events[place]);
        _events[place] = 0;
    }

    private static void Check(int error, string what)
    {
        if (error != 0)
            throw new DeviceException($"the driver does not {what}: {(CLError)error}");
    }
}
