using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Deat.Engine;

/// <summary>
/// Finds the driver libraries under the names that systems have. ILGPU asks for libOpenCL.so and libcuda.so, which only
/// development packages install; with libOpenCL.so.1 and libcuda.so.1 alone it would list no device and say nothing.
/// </summary>
internal static class NativeLibraries
{
    private static readonly Lock Gate = new();
    private static bool s_installed;

    public static void Install()
    {
        lock (Gate)
        {
            if (s_installed)
                return;
            AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) =>
                NativeLibrary.TryLoad(Versioned(name), out nint handle) ? handle : 0;
            s_installed = true;
        }
    }

    /// <summary>Whether the library can be loaded, under either name.</summary>
    public static bool Exists(string name) => Find(name) != 0;

    /// <summary>The library under either name; 0 where there is none.</summary>
    public static nint Find(string name) =>
        NativeLibrary.TryLoad(name, out nint library) || NativeLibrary.TryLoad(Versioned(name), out library) ? library : 0;

    private static string Versioned(string name)
    {
        string file = name.EndsWith(".so", StringComparison.Ordinal) ? name : name + ".so";
        return (file.StartsWith("lib", StringComparison.Ordinal) ? file : "lib" + file) + ".1";
    }
}
