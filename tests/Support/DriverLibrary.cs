using System.Diagnostics;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace Deat.Tests;

/// <summary>Libraries in the place of drivers, compiled from C for a test: calls must fit the headers of the true ones.</summary>
internal static class DriverLibrary
{
    /// <summary>Loads what a C compiler makes of <paramref name="source"/>. Without a compiler the test is skipped.</summary>
    public static nint Load(string source)
    {
        TemporaryFolder folder = new();
        string file = folder["driver.c"], library = folder["libdriver.so"];
        File.WriteAllText(file, source);
        try
        {
            using Process compiler = Process.Start("cc", ["-shared", "-fPIC", "-o", library, file]);
            compiler.WaitForExit();
            Assert.That(compiler.ExitCode, Is.Zero);
            return NativeLibrary.Load(library);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("no C compiler");
            return 0;
        }
        finally
        {
            folder.Delete();
        }
    }
}
