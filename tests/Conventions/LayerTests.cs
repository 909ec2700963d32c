using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Xml.Linq;
using Deat.Engine;
using Deat.Training;
using NUnit.Framework;
using Module = Deat.Nn.Module;

namespace Deat.Tests;

/// <summary>engine &lt;- nn &lt;- deat &lt;- benchmarks, and ILGPU in the engine only.</summary>
[Category("Repository")]
public sealed class LayerTests
{
    private static readonly string[] Ours = ["Deat.Engine", "Deat.Nn", "deat", "Deat.Benchmarks", "Deat.Twins", "Deat.Tests"];

    public static IEnumerable<TestCaseData> Assemblies =>
    [
        new(typeof(ComputeDevice).Assembly, Array.Empty<string>(), true) { TestName = "AssembliesUseTheLayersBelow(engine)" },
        new(typeof(Module).Assembly, new[] { "Deat.Engine" }, false) { TestName = "AssembliesUseTheLayersBelow(nn)" },
        new(typeof(Trainer).Assembly, new[] { "Deat.Engine", "Deat.Nn" }, false) { TestName = "AssembliesUseTheLayersBelow(deat)" },
    ];

    [TestCaseSource(nameof(Assemblies))]
    public void AssembliesUseTheLayersBelow(Assembly assembly, string[] below, bool seesIlgpu)
    {
        string[] used = [.. assembly.GetReferencedAssemblies().Select(name => name.Name!)];
        Assert.That(used.Intersect(Ours), Is.EquivalentTo(below));
        Assert.That(used.Any(name => name.StartsWith("ILGPU", StringComparison.Ordinal)), Is.EqualTo(seesIlgpu));
    }

    [TestCase("engine/Deat.Engine.csproj", "")]
    [TestCase("nn/Deat.Nn.csproj", "../engine/Deat.Engine.csproj")]
    [TestCase("deat/deat.csproj", "../nn/Deat.Nn.csproj")]
    [TestCase("benchmarks/Deat.Benchmarks.csproj", "../deat/deat.csproj")]
    [TestCase("benchmarks/Twins/Deat.Twins.csproj", "../Deat.Benchmarks.csproj")]
    [TestCase("tests/Deat.Tests.csproj", "../deat/deat.csproj")]
    public void ProjectsReferenceTheLayerBelow(string project, string below)
    {
        XDocument document = XDocument.Load(Path.Combine(SourceFiles.Root, project));
        Assert.That(string.Join(" ", Includes("ProjectReference")), Is.EqualTo(below));
        string packages = string.Join(" ", Includes("PackageReference"));
        Assert.That(packages.Contains("ILGPU"), Is.EqualTo(below == ""));
        Assert.That(packages.Contains("Torch"), Is.EqualTo(project.Contains("Twins")));

        IEnumerable<string> Includes(string element) => document.Descendants(element).Select(node => node.Attribute("Include")!.Value);
    }

    // Building the solution must not fetch libtorch.
    [Test]
    public void TheTwinIsNotInTheSolution()
    {
        string solution = File.ReadAllText(Path.Combine(SourceFiles.Root, "DEAT.Native.sln"));
        Assert.That(solution, Does.Contain("Deat.Benchmarks").And.Not.Contain("Twins"));
    }

    [Test]
    public void OneNamespaceForEachProject()
    {
        (Assembly Assembly, string Namespace)[] projects =
        [
            (typeof(ComputeDevice).Assembly, "Deat.Engine"), (typeof(Module).Assembly, "Deat.Nn"),
            (typeof(Trainer).Assembly, "Deat.Training"),
        ];
        foreach ((Assembly assembly, string name) in projects)
            Assert.That(assembly.GetExportedTypes().Select(type => type.Namespace), Is.All.EqualTo(name));
    }

    // Coverage tools inject calls that ILGPU cannot compile.
    [Test]
    public void WhatRunsInKernelsIsExcludedFromCoverage()
    {
        const BindingFlags AllStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        IEnumerable<Type> withDeviceBodies = typeof(ComputeDevice).Assembly.GetTypes()
            .Where(type => type.GetMethods(AllStatic).Any(method => method.GetCustomAttribute<DeviceBodyAttribute>() is not null));
        Type[] parts =
        [
            typeof(Lane1<>), typeof(Quad<>), typeof(Lane8<>), typeof(Philox), typeof(BoxMuller), typeof(GroupSum), typeof(GroupNorm),
            typeof(ImageLanes), typeof(ChannelSlices),
        ];
        Type[] types = [.. KernelCatalog.Classes, .. withDeviceBodies, .. parts];
        Assert.That(types, Has.Length.GreaterThan(15));
        Assert.That(types.Where(type => type.GetCustomAttribute<ExcludeFromCodeCoverageAttribute>() is null), Is.Empty);
    }

    // "0.031" is 31 in a German locale.
    [TestCase("deat.runtimeconfig.json")]
    [TestCase("Deat.Tests.runtimeconfig.json")]
    public void NumbersAreReadAndWrittenWithTheInvariantCulture(string file)
    {
        string path = Path.Combine(TestContext.CurrentContext.TestDirectory, file);
        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(path));
        JsonElement properties = config.RootElement.GetProperty("runtimeOptions").GetProperty("configProperties");
        Assert.That(properties.GetProperty("System.Globalization.Invariant").GetBoolean());
        Assert.That(() => new CultureInfo("de-DE"), Throws.TypeOf<CultureNotFoundException>());
    }
}
