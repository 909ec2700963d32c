using System.Runtime.InteropServices;
using Deat.Engine;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>With libgcc_s.so.1, which every Linux with .NET has under this name alone, as drivers are.</summary>
[Platform("Linux")]
public sealed class NativeLibrariesTests
{
    [TestCase("gcc_s")]
    [TestCase("libgcc_s.so")]
    public void LibrariesAreFoundUnderTheirVersionedNames(string name)
    {
        Assume.That(NativeLibrary.TryLoad("libgcc_s.so", out _), Is.False, "a development package is installed");
        NativeLibraries.Install();
        Assert.That(NativeLibraries.Exists(name));
        Assert.That(NativeLibrary.TryLoad(name, typeof(NativeLibrariesTests).Assembly, null, out _));
    }

    [Test]
    public void WhatIsAbsentStaysAbsent()
    {
        NativeLibraries.Install();
        Assert.That(NativeLibraries.Exists("deat_nothing"), Is.False);
        Assert.That(NativeLibrary.TryLoad("deat_nothing", typeof(NativeLibrariesTests).Assembly, null, out _), Is.False);
    }
}
