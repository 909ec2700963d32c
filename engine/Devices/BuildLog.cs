using System.Reflection;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;

namespace Deat.Engine;

/// <summary>Finds out why a kernel does not compile. ILGPU's own exception carries an error code at most.</summary>
internal static class BuildLog
{
    /// <summary>The first telling line: of the OpenCL build log where there is one, otherwise of the innermost exception.</summary>
    public static string Explain(Accelerator accelerator, MethodInfo kernel, Exception error)
    {
        if (accelerator is CLAccelerator opencl && error is CLException)
        {
            var compiled = (CLCompiledKernel)opencl.Backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), default);
            CLKernel.LoadKernel(opencl, compiled.Name, compiled.Source, compiled.CVersion, out _, out _, out string? log);
            if (FirstLine(log ?? "", "error") is string line)
                return line;
        }

        Exception innermost = error;
        while (innermost.InnerException is Exception inner)
            innermost = inner;
        return $"{innermost.GetType().Name}: {FirstLine(innermost.Message, "")}";
    }

    private static string? FirstLine(string text, string containing) => text.Split('\n')
        .Select(line => line.Trim())
        .FirstOrDefault(line => line.Length > 0 && line.Contains(containing, StringComparison.OrdinalIgnoreCase));
}
