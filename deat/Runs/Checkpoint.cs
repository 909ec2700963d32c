using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Deat.Nn;

namespace Deat.Training;

/// <summary>
/// All that a run needs to go on, in one safetensors file: arrays (weights, running statistics, momentum) and the trainer's state
/// as JSON in the metadata, with a SHA-256 over both. Nothing in it depends on the time or the machine: equal content gives equal
/// bytes.
/// </summary>
/// <param name="Arrays">The arrays.</param>
/// <param name="State">Everything else, without times.</param>
public sealed record Checkpoint(IReadOnlyList<NamedArray> Arrays, JsonElement State)
{
    private const string Format = "deat-checkpoint-1";

    /// <summary>A checkpoint of a state that JSON can hold.</summary>
    public static Checkpoint Of<TState>(IReadOnlyList<NamedArray> arrays, TState state) =>
        new(arrays, JsonSerializer.SerializeToElement(state, RunJson.Compact));

    /// <summary>The state as it was given to <see cref="Of"/>.</summary>
    /// <exception cref="CheckpointException">The state is of another version of the program.</exception>
    public TState StateAs<TState>()
    {
        try
        {
            return State.Deserialize<TState>(RunJson.Compact) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"the checkpoint's state does not fit this version of deat: {e.Message}", e);
        }
    }

    /// <summary>Reads a checkpoint and verifies its checksum.</summary>
    /// <exception cref="CheckpointException">There is no such file, it is damaged, or it is not a checkpoint.</exception>
    public static Checkpoint Read(string path)
    {
        if (!File.Exists(path))
            throw new CheckpointException($"no checkpoint at {path}");
        try
        {
            var metadata = Safetensors.ReadMetadata(path);
            if (metadata.GetValueOrDefault("format") != Format || !metadata.ContainsKey("state") || !metadata.ContainsKey("sha256"))
                throw new CheckpointException($"{path} is a safetensors file, but not a checkpoint of deat");
            var arrays = Safetensors.Read(path);
            if (metadata["sha256"] != Checksum(arrays, metadata["state"]))
                throw new CheckpointException($"checkpoint damaged: checksum mismatch in {path}");
            using var state = JsonDocument.Parse(metadata["state"]);
            return new Checkpoint(arrays, state.RootElement.Clone());
        }
        catch (StateFileException e)
        {
            throw new CheckpointException($"checkpoint damaged: {e.Message}", e);
        }
    }

    /// <summary>Writes the checkpoint.</summary>
    public void Write(Stream stream) => Safetensors.Write(stream, Arrays, Metadata(Checksum(Arrays, State.GetRawText())));

    /// <summary>The length of the file in bytes.</summary>
    public long FileBytes => Safetensors.FileBytes(Arrays, Metadata(checksum: new string('0', 64)));

    private Dictionary<string, string> Metadata(string checksum) =>
        new() { ["format"] = Format, ["sha256"] = checksum, ["state"] = State.GetRawText() };

    // Over the content and not over the file, so that the sum can lie inside it.
    private static string Checksum(IReadOnlyList<NamedArray> arrays, string state)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendText(hash, state);
        foreach (var array in arrays)
        {
            AppendText(hash, array.Name);
            AppendNumber(hash, (long)array.Type);
            AppendNumber(hash, array.Shape.Length);
            foreach (var extent in array.Shape)
                AppendNumber(hash, extent);
            hash.AppendData(array.Data);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void AppendText(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        AppendNumber(hash, bytes.Length);
        hash.AppendData(bytes);
    }

    private static void AppendNumber(IncrementalHash hash, long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
