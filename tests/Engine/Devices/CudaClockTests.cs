using System.Runtime.InteropServices;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>What is asked of NVIDIA's driver to tell the time. No GPU is needed: the drivers here are made for the test.</summary>
public sealed class CudaClockTests
{
    [Test]
    public void EventsAreMadeOnceAndUsedAgain()
    {
        FakeEvents driver = new();
        using (CudaClock clock = new(driver, 17, () => { }))
        {
            clock.Mark(0);
            clock.Mark(1);
            clock.Mark(0);
            string[] calls = ["create 0", "record 100 on 17", "create 0", "record 101 on 17", "record 100 on 17"];
            Assert.That(driver.Calls, Is.EqualTo(calls));
            Assert.That(driver.Live, Is.EqualTo(2));
        }

        Assert.That(driver.Live, Is.Zero);
    }

    // A float has 24 bits: after a minute from the beginning of a run it would step by four microseconds.
    [Test]
    public void TimesAreSumsOfDifferencesBetweenNeighbours()
    {
        FakeEvents driver = new() { Milliseconds = 0.25f };
        using CudaClock clock = new(driver, 17, () => { });
        for (int place = 0; place < 5; place++)
            clock.Mark(place);
        driver.Calls.Clear();
        long[] times = new long[5];
        clock.Read(times);
        Assert.That(times, Is.EqualTo(new[] { 0, 250_000, 500_000, 750_000, 1_000_000 }));
        Assert.That(driver.Calls, Is.EqualTo(new[] { "time 100 to 101", "time 101 to 102", "time 102 to 103", "time 103 to 104" }));
    }

    [TestCase("create", "the driver does not make an event: fake error 2")]
    [TestCase("record", "the driver does not record an event: fake error 2")]
    [TestCase("time", "the driver does not tell the time: fake error 2")]
    public void WhatTheDriverRefusesIsSaidInItsWords(string failing, string message)
    {
        using CudaClock clock = new(new FakeEvents { Failing = failing }, 17, () => { });
        Assert.That(
            () =>
            {
                clock.Mark(0);
                clock.Mark(1);
                clock.Read(new long[2]);
            },
            Throws.TypeOf<DeviceException>().With.Message.EqualTo(message));
    }

    // Answers are of the arguments, so that one in the wrong place shows.
    [Test]
    public void CallsReachADriverLibraryAsItsHeadersSay()
    {
        CudaEventCalls calls = CudaEventCalls.Of(DriverLibrary.Load(
            """
            typedef void *handle;
            int cuEventCreate(handle *made, unsigned flags) { *made = (handle)0x112233445566; return flags == 0x80000001u ? 0 : -1; }
            int cuEventRecord(handle made, handle stream) { return made == (handle)0x112233445566 ? (int)(long)stream : -1; }
            int cuEventElapsedTime(float *time, handle start, handle end) { *time = 0.75f; return 10 * (int)(long)start + (int)(long)end; }
            int cuEventDestroy_v2(handle made) { return (int)(long)made; }
            int cuFuncGetAttribute(int *value, int attribute, handle function) { *value = 10 * attribute; return (int)(long)function; }
            int cuGetErrorString(int error, const char **text) { *text = error == 3 ? "no luck" : 0; return error == 3 ? 0 : 1; }
            """))!;
        Assert.That(calls.Create(out nint made, 0x8000_0001), Is.Zero);
        Assert.That(calls.Record(made, 9), Is.EqualTo(9));
        Assert.That((calls.ElapsedTime(out float time, 4, 2), time), Is.EqualTo((42, 0.75f)));
        Assert.That(calls.Destroy(11), Is.EqualTo(11));
        Assert.That((calls.Attribute(out int value, 4, 12), value), Is.EqualTo((12, 40)));
        Assert.That((calls.Describe(3), calls.Describe(4)), Is.EqualTo(("no luck", "error 4")));
        Assert.That(CudaEventCalls.Of(NativeLibrary.GetMainProgramHandle()), Is.Null, "a library without the calls");
    }

    /// <summary>NVIDIA's event calls without a GPU: notes them in order.</summary>
    private sealed class FakeEvents : ICudaEventCalls
    {
        private nint _next = 100;

        public List<string> Calls { get; } = [];

        public string? Failing { get; init; }

        public float Milliseconds { get; init; }

        public int Live { get; private set; }

        public int Create(out nint made, uint flags)
        {
            made = _next++;
            Live++;
            return Note($"create {flags}");
        }

        public int Record(nint moment, nint stream) => Note($"record {moment} on {stream}");

        public int ElapsedTime(out float milliseconds, nint start, nint end)
        {
            milliseconds = Milliseconds;
            return Note($"time {start} to {end}");
        }

        public int Destroy(nint moment)
        {
            Live--;
            return 0;
        }

        public int Attribute(out int value, int attribute, nint function)
        {
            value = 0;
            return 0;
        }

        public string Describe(int error) => $"fake error {error}";

        private int Note(string call)
        {
            Calls.Add(call);
            return Failing is not null && call.StartsWith(Failing, StringComparison.Ordinal) ? 2 : 0;
        }
    }
}
