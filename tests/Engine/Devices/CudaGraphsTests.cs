using System.Runtime.InteropServices;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What is asked of NVIDIA's driver, and in which order. No GPU is needed: the drivers here are made for the test.</summary>
public sealed class CudaGraphsTests
{
    private static readonly string[] OneGraph =
    [
        "bind", "begin capture of 17 in mode 2", "end capture of 17", "instantiate with flags 0", "destroy graph",
        "bind", "launch on 17", "bind", "launch on 17", "bind", "destroy executable",
    ];

    [Test]
    public void AGraphIsCapturedInTheRelaxedModeMadeOnceAndLaunchedOften()
    {
        FakeCudaDriver driver = new();
        CudaGraphs graphs = new(driver, FakeCudaDriver.Stream, () => driver.Calls.Add("bind"));
        graphs.Begin();
        Action launcher = () => { };
        Assert.That(graphs.Recording(launcher), Is.SameAs(launcher), "the driver sees what is launched");
        using (IRecordedLaunches launches = graphs.End())
        {
            launches.Launch();
            launches.Launch();
        }

        Assert.That(driver.Calls, Is.EqualTo(OneGraph));
        Assert.That(driver.IsClean);
    }

    [TestCase("begin", "the driver does not begin a capture: fake error 401")]
    [TestCase("end", "the driver does not end a capture: fake error 901")]
    [TestCase("instantiate", "the driver does not make a graph of a capture: fake error 2")]
    [TestCase("launch", "the driver does not launch a graph: fake error 719")]
    public void WhatTheDriverRefusesIsSaidInItsWordsAndNothingIsLeftBehind(string failing, string message)
    {
        FakeCudaDriver driver = new() { Failing = failing };
        CudaGraphs graphs = new(driver, FakeCudaDriver.Stream, () => { });
        Assert.That(
            () =>
            {
                graphs.Begin();
                using IRecordedLaunches launches = graphs.End();
                launches.Launch();
            },
            Throws.TypeOf<DeviceException>().With.Message.EqualTo(message));
        Assert.That(driver.IsClean);
    }

    [TestCase(null)]
    [TestCase("end")]
    public void AnAbandonedCaptureIsEndedAndForgotten(string? failing)
    {
        FakeCudaDriver driver = new() { Failing = failing };
        CudaGraphs graphs = new(driver, FakeCudaDriver.Stream, () => { });
        graphs.Begin();
        graphs.Abandon();
        Assert.That(driver.IsClean);
    }

    // Whatever a pass does beside launching ends its recording, and the pass is done without.
    [Test]
    public void AWaitOrATransferWithinARecordingEndsIt([ValueSource(typeof(TestDevices), nameof(TestDevices.Ids))] string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        bool poison = device.Pool.Poison;
        FakeCudaDriver driver = new();
        ILaunchRecorder? own = device.Recorder;
        (device.Recorder, device.Pool.Poison) = (new CudaGraphs(driver, FakeCudaDriver.Stream, () => { }), false);
        try
        {
            using Workspace workspace = new(device, MemoryCategory.Data);
            Tensor tensor = workspace.Plain<float>(new Shape(1, 3), ElementType.Float32, [1, 2, 3]);
            Action[] forbidden =
            [
                device.Synchronize,
                () => tensor.ToArray<float>(),
                () => tensor.CopyFrom<float>([4, 5, 6]),
                () => device.Record(() => { }, () => { }, out _),
            ];
            foreach (Action action in forbidden)
            {
                Assert.That(device.Record(action, () => { }, out bool isCloser), Is.Null);
                Assert.That(isCloser, Is.False);
            }

            Action rents = () => workspace.Plain(new Shape(1, 1_234_567), ElementType.UInt8);
            Assert.That(device.Record(rents, () => { }, out bool isThereNow), Is.Null);
            Assert.That(isThereNow, "memory that was missing");
            using (LaunchGraph? graph = device.Record(rents, () => { }, out _))
                Assert.That(graph, Is.Not.Null);
            Assert.That(tensor.ToArray<float>(), Is.EqualTo(new[] { 1, 2, 3 }));
            Assert.That(driver.IsClean);
        }
        finally
        {
            (device.Recorder, device.Pool.Poison) = (own, poison);
        }
    }

    // The calls themselves, through a library with the driver's names and signatures.
    [Test]
    public void CallsReachADriverLibraryAsItsHeadersSay()
    {
        CudaGraphCalls calls = CudaGraphCalls.Of(DriverLibrary.Load(Driver))!;
        Assert.That(calls.BeginCapture(unchecked((nint)0x7fff_0000_1234), 2), Is.EqualTo(2));
        Assert.That(calls.EndCapture(7, out nint graph), Is.Zero);
        Assert.That(graph, Is.EqualTo(unchecked((nint)0x1122_3344_5566)));
        Assert.That(calls.Instantiate(out nint executable, graph, 0x8000_0000_0000_0001), Is.Zero);
        Assert.That(executable, Is.EqualTo(unchecked((nint)0x6655_4433_2211)));
        Assert.That(calls.Launch(executable, 9), Is.EqualTo(9));
        Assert.That((calls.DestroyExecutable(11), calls.DestroyGraph(12)), Is.EqualTo((11, 12)));
        Assert.That((calls.Describe(3), calls.Describe(4)), Is.EqualTo(("no luck", "error 4")));
        Assert.That(CudaGraphCalls.Of(NativeLibrary.GetMainProgramHandle()), Is.Null, "a library without the calls");
    }

    // Answers are of the arguments, so that one in the wrong place shows.
    private const string Driver =
        """
        typedef void *handle;
        int cuStreamBeginCapture_v2(handle stream, int mode) { return stream == (handle)0x7fff00001234 ? mode : -1; }
        int cuStreamEndCapture(handle stream, handle *graph) { *graph = (handle)0x112233445566; return stream == (handle)7 ? 0 : -1; }
        int cuGraphInstantiateWithFlags(handle *executable, handle graph, unsigned long long flags)
        {
            *executable = (handle)0x665544332211;
            return graph == (handle)0x112233445566 && flags == 0x8000000000000001ull ? 0 : -1;
        }
        int cuGraphLaunch(handle executable, handle stream) { return executable == (handle)0x665544332211 ? (int)(long)stream : -1; }
        int cuGraphExecDestroy(handle executable) { return (int)(long)executable; }
        int cuGraphDestroy(handle graph) { return (int)(long)graph; }
        int cuGetErrorString(int error, const char **text) { *text = error == 3 ? "no luck" : 0; return error == 3 ? 0 : 1; }
        """;
}
