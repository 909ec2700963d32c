using System.Diagnostics.CodeAnalysis;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Deat.Engine;

/// <summary>
/// A device that runs kernels. Opening one compiles nothing; kernels are compiled when they are first launched. Dispose it after
/// all workspaces. One thread at a time.
/// </summary>
public sealed partial class ComputeDevice : IDisposable
{
    /// <summary>Names the algorithm of all convolutions, in lower case: a <see cref="ConvolutionAlgorithm"/>.</summary>
    public const string ConvolutionVariable = "DEAT_CONVOLUTION";

    private readonly Context _context;
    private readonly ItemWorkers _workers = new(Environment.ProcessorCount);
    private readonly AcceleratorStream _ownStream;
    private AcceleratorStream _stream;

    private ComputeDevice(DeviceListing listing, Context context, Device device)
    {
        (Listing, _context) = (listing, context);
        Accelerator accelerator = device.CreateAccelerator(context);
        Accelerator = accelerator;
        // CUDA's default stream is the NULL stream, which cannot be captured into a graph.
        _stream = _ownStream = listing.Traits.Backend == Backend.Cuda ? accelerator.CreateStream() : accelerator.DefaultStream;
        Recorder = _stream is CudaStream stream ? CudaGraphs.Of(stream) : null;
        Pool = new BufferPool(this);
        RecomputesActivations = listing.Traits.IsCpuLike;
    }

    /// <summary>How the device was found.</summary>
    public DeviceListing Listing { get; }

    /// <summary>The device's own name.</summary>
    public string Name => Listing.Name;

    /// <summary>Facts that decide about kernels and tiles.</summary>
    public DeviceTraits Traits => Listing.Traits;

    /// <summary>Device memory, kept for reuse.</summary>
    public BufferPool Pool { get; }

    /// <summary>Launches, FLOPs and bytes so far.</summary>
    public Ledger Ledger { get; } = new();

    /// <summary>
    /// The algorithm of convolutions that ask for none, wherever it fits; elsewhere, and where it is Auto, the fastest that does. At first
    /// what the environment variable <see cref="ConvolutionVariable"/> names.
    /// </summary>
    public ConvolutionAlgorithm Convolution { get; set; } = Convolutions.FromEnvironment(ConvolutionVariable);

    /// <summary>
    /// Whether normalised activations are computed again backwards, from what is kept anyway, instead of kept: the same bits in less
    /// memory, for one more element-wise pass. At first on CPUs, where that pass hardly shows beside the convolutions.
    /// </summary>
    public bool RecomputesActivations { get; set; }

    /// <summary>Is told about each kernel that is compiled.</summary>
    public Action<KernelBuild>? Builds { get; set; }

    /// <summary>Is told what the user should know while work goes on, a line each: that graphs cannot be used, say.</summary>
    public Action<string>? Notices { get; set; }

    internal Accelerator Accelerator { get; }

    /// <summary>What everything runs on, in order. While launches are recorded nothing but launches may use it.</summary>
    internal AcceleratorStream Stream
    {
        get
        {
            RequireNotRecording();
            return _stream;
        }
    }

    /// <summary>All devices of this machine, the refused ones with the reason, in order of preference.</summary>
    public static IReadOnlyList<DeviceListing> List() => DeviceCatalog.List();

    /// <summary>One line for each kind of driver that <paramref name="devices"/> has no device of: what is missing.</summary>
    public static IReadOnlyList<string> Absences(IReadOnlyList<DeviceListing> devices) => DeviceCatalog.Absences(devices);

    /// <summary>
    /// Opens the device <paramref name="id"/>: "auto" for the first usable one, otherwise an id as <see cref="List"/> shows it
    /// ("cuda:0", "opencl:1", "cpu"); "cuda" and "opencl" mean the first of their kind.
    /// </summary>
    /// <exception cref="DeviceException">No such device, or it is refused. Never another device instead.</exception>
    public static ComputeDevice Open(string id = "auto") => Open(DeviceCatalog.Find(List(), id));

    /// <summary>Opens a listed device, or a listing with other traits: tests run the kernels of GPUs on CPUs that way.</summary>
    [SuppressMessage("Reliability", "CA2000", Justification = "The device owns context and accelerator.")]
    internal static ComputeDevice Open(DeviceListing listing)
    {
        Context context = DeviceCatalog.CreateContext();
        try
        {
            Device device = DeviceCatalog.Select(context, listing);
            return new ComputeDevice(listing, context, device);
        }
        catch (Exception e) when (e is not DeviceException)
        {
            context.Dispose();
            throw new DeviceException($"device {listing.Id} '{listing.Name}' does not open: {e.Message}", e);
        }
    }

    /// <summary>Returns <paramref name="precision"/> if this device can multiply in it.</summary>
    /// <exception cref="DeviceException">It cannot. Never another precision instead.</exception>
    public Precision Supporting(Precision precision) => precision == Precision.Float32 || Traits.HasTensorCores
        ? precision
        : throw new DeviceException($"device {Listing.Id} '{Name}' has no tensor cores for {precision}");

    /// <summary>Waits until all launched kernels are done.</summary>
    public void Synchronize() => Stream.Synchronize();

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer?.Dispose();
        Pool.Dispose();
        _workers.Dispose();
        Accelerator.Dispose();
        _context.Dispose();
    }
}
