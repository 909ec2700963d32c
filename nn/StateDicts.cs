using Deat.Engine;

namespace Deat.Nn;

/// <summary>
/// The state of a model as named arrays on the host, with PyTorch's names in PyTorch's order. Loading is strict: every array
/// fits, or nothing changes.
/// </summary>
public static class StateDicts
{
    /// <summary>All parameters, running statistics (in the model's element type) and counters (Int64) of a placed model.</summary>
    public static IReadOnlyList<NamedArray> StateDict(this Module model) =>
        Collect(model.State(), model.Type, [model.Arena.Weights, model.Arena.Statistics], model.Arena.Holding);

    /// <summary>Sets all parameters, running statistics and counters of a placed model.</summary>
    /// <exception cref="StateFileException">An entry is missing, unknown, of another shape or type; the model is unchanged.</exception>
    public static void LoadStateDict(this Module model, IReadOnlyList<NamedArray> arrays)
    {
        (string Name, StateEntry Entry)[] state = [.. model.State()];
        Check(state, model.Type, arrays, model.Hint);
        Distribute(state, arrays, [model.Arena.Weights, model.Arena.Statistics], model.Arena.Holding);
    }

    /// <summary>The entries as arrays, their elements taken from the flat tensors that <paramref name="holding"/> names.</summary>
    internal static IReadOnlyList<NamedArray> Collect(
        IEnumerable<(string Name, StateEntry Entry)> state, ElementType type, Tensor[] flats, Func<Parameter, Tensor> holding)
    {
        Dictionary<Tensor, byte[]> memory = flats.ToDictionary(flat => flat, Arena.Read);
        return [.. state.Select(entry => entry.Entry is Parameter parameter
            ? new NamedArray(entry.Name, type, Extents(parameter), Part(memory[holding(parameter)], parameter, type).ToArray())
            : NamedArray.FromInt64s(entry.Name, [((Counter)entry.Entry).Value]))];
    }

    /// <summary>The inverse of <see cref="Collect"/> for arrays that <see cref="Check"/> accepted.</summary>
    internal static void Distribute(
        IEnumerable<(string Name, StateEntry Entry)> state, IReadOnlyList<NamedArray> arrays, Tensor[] flats,
        Func<Parameter, Tensor> holding)
    {
        // Zeros where no parameter lies, as in the arena.
        Dictionary<Tensor, byte[]> memory = flats.ToDictionary(flat => flat, flat => new byte[flat.Shape.Count * flat.Type.Bytes()]);
        Dictionary<string, NamedArray> byName = arrays.ToDictionary(array => array.Name, StringComparer.Ordinal);
        foreach ((string name, StateEntry entry) in state)
        {
            if (entry is Parameter parameter)
                byName[name].Data.CopyTo(Part(memory[holding(parameter)], parameter, byName[name].Type));
            else
                ((Counter)entry).Value = byName[name].ToInt64s()[0];
        }

        foreach ((Tensor flat, byte[] bytes) in memory)
            Arena.Write(flat, bytes);
    }

    /// <summary>Throws unless the arrays are exactly the entries, each with its shape and type.</summary>
    internal static void Check(
        IReadOnlyList<(string Name, StateEntry Entry)> state, ElementType type, IReadOnlyList<NamedArray> arrays,
        Func<string, IReadOnlyList<long>, string> hint)
    {
        Dictionary<string, NamedArray> byName = new(StringComparer.Ordinal);
        foreach (NamedArray array in arrays)
            if (!byName.TryAdd(array.Name, array))
                throw new StateFileException($"checkpoint has {array.Name} twice");
        string[] missing = [.. state.Where(entry => !byName.ContainsKey(entry.Name)).Select(entry => entry.Name)];
        string[] unknown = [.. arrays.Select(array => array.Name).Except(state.Select(entry => entry.Name))];
        foreach ((string name, StateEntry entry) in state)
            if (byName.TryGetValue(name, out NamedArray? array))
                CheckEntry(entry, entry is Counter ? ElementType.Int64 : type, array, hint);
        if (missing.Length > 0)
            throw new StateFileException($"checkpoint lacks {missing[0]}{More(missing)}, which the model needs");
        if (unknown.Length > 0)
            throw new StateFileException($"checkpoint has {unknown[0]}{More(unknown)}, which the model does not know");
    }

    private static void CheckEntry(
        StateEntry entry, ElementType type, NamedArray array, Func<string, IReadOnlyList<long>, string> hint)
    {
        if (!array.Shape.SequenceEqual(Extents(entry)))
        {
            string advice = hint(array.Name, array.Shape);
            throw new StateFileException(
                $"checkpoint has {array.Name} {Text(array.Shape)}, model needs {Text(Extents(entry))}"
                + (advice.Length > 0 ? $" ({advice})" : ""));
        }

        if (array.Type != type)
            throw new StateFileException($"checkpoint has {array.Name} as {array.Type}, model needs {type}");
    }

    private static Span<byte> Part(byte[] flat, Parameter parameter, ElementType type) =>
        flat.AsSpan(parameter.Start * type.Bytes(), (int)parameter.Shape.Count * type.Bytes());

    private static long[] Extents(StateEntry entry) => [.. entry.Extents.Select(extent => (long)extent)];

    private static string Text(long[] extents) => $"[{string.Join(",", extents)}]";

    private static string More(string[] names) => names.Length > 1 ? $" and {names.Length - 1} more" : "";
}
