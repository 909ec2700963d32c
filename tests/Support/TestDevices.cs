using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>The devices that tests run on: opened once, shared by all tests, poisoned memory on.</summary>
[SetUpFixture]
public sealed class TestDevices
{
    private static readonly Dictionary<string, ComputeDevice> Opened = [];

    /// <summary>Ids of all usable devices, for [ValueSource] and [TestCaseSource].</summary>
    public static IEnumerable<string> Ids => ComputeDevice.List().Where(listing => listing.IsUsable).Select(listing => listing.Id);

    public static ComputeDevice Get(string id)
    {
        if (!Opened.TryGetValue(id, out ComputeDevice? device))
        {
            Opened[id] = device = ComputeDevice.Open(id);
            device.Pool.Poison = true;
        }

        return device;
    }

    [OneTimeTearDown]
    public void Close()
    {
        foreach (ComputeDevice device in Opened.Values)
            device.Dispose();
        Opened.Clear();
    }
}
