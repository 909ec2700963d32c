using System.Globalization;
using Deat.Engine;

namespace Deat.Tests;

/// <summary>
/// Checks of kernels that need a process of their own: "ops DEVICE COUNT BUDGET" checks seeds 1 to COUNT of every op (fewer where
/// tiles that GPUs share make each a heavy one), "mutants DEVICE KERNEL..." launches planted faults, "tensor-cores DEVICE IMAGES" runs a
/// convolution on emulated tensor cores in both precisions. Memory has no red zones, so that a checker sees the true end of every tensor.
/// </summary>
internal static class DeviceChecks
{
    public static int Run(string[] args)
    {
        TestDevices.Poison = false;
        ComputeDevice device = TestDevices.Get(args[1]);
        int failures = 0;
        if (args[0] == "mutants")
        {
            MutantKernels.Launch(device, args[2..]);
        }
        else if (args[0] == "tensor-cores")
        {
            TensorCoreTests.Check(device, int.Parse(args[2], CultureInfo.InvariantCulture));
        }
        else
        {
            int count = int.Parse(args[2], CultureInfo.InvariantCulture);
            int budget = int.Parse(args[3], CultureInfo.InvariantCulture);
            failures = OpSpecs.All.Sum(spec =>
                Enumerable.Range(1, Cases(spec, device, count)).Count(seed => !Passes(spec, device, seed, budget)));
        }

        new TestDevices().Close();
        return failures == 0 ? 0 : 1;
    }

    private static int Cases(OpSpec spec, ComputeDevice device, int count) =>
        device.Traits.IsCpuLike ? count : Math.Max(1, count / spec.SimulatedWeight);

    private static bool Passes(OpSpec spec, ComputeDevice device, int seed, int budget)
    {
        try
        {
            OpCheck.Run(spec, device, seed, budget);
            return true;
        }
        catch (CheckFailedException e)
        {
            Console.Error.WriteLine(e.Message);
            return false;
        }
    }
}
