using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Deat.Training;

/// <summary>What a chain of attacks left.</summary>
/// <param name="Chain">The attacks.</param>
/// <param name="Stages">What was left after each of them.</param>
public sealed record ChainResult(AttackChain Chain, IReadOnlyList<EvaluationResult> Stages)
{
    /// <summary>What was left at the end.</summary>
    public EvaluationResult Final => Stages[^1];
}

/// <summary>
/// Chains of attacks on one network, which can be interrupted and gone on with: a state file holds how far each attack came. The results
/// are the same bits as without the interruption.
/// </summary>
/// <param name="evaluator">The network and the images.</param>
/// <param name="seed">What random numbers follow from.</param>
/// <param name="subject">What the evaluation is of, by name: a state file of anything else is refused.</param>
/// <param name="path">The state file.</param>
/// <param name="time">The clock.</param>
public sealed class EvaluationSession(
    Evaluator evaluator, ulong seed, IReadOnlyDictionary<string, string> subject, string path, TimeProvider time)
{
    private static readonly TimeSpan SaveInterval = TimeSpan.FromMinutes(1);

    private readonly AtomicFile _files = new(new FileOperations());
    private List<Standing> _standings = [];
    private long _saved = time.GetTimestamp();

    /// <summary>A short name for what an evaluation is of.</summary>
    public static string Fingerprint(IReadOnlyDictionary<string, string> subject) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(subject, RunJson.Compact))))[..8];

    /// <summary>Takes up the state file, if there is one.</summary>
    /// <returns>Whether there was.</returns>
    /// <exception cref="CheckpointException">It cannot be read, or is of another evaluation.</exception>
    public bool Resume()
    {
        if (!File.Exists(path))
            return false;
        State state = Read();
        foreach ((string name, string value) in subject)
        {
            if (state.Subject.GetValueOrDefault(name) != value)
                throw new CheckpointException(
                    $"{path} holds another evaluation: {name} is {value}, was {state.Subject.GetValueOrDefault(name) ?? "none"}");
        }

        if (state.Standings.Any(standing => !standing.IsOf(evaluator.Count)))
            throw new CheckpointException($"{path} is damaged: it does not fit {evaluator.Count} images");
        _standings = [.. state.Standings];
        return _standings.Count > 0;
    }

    /// <summary>Runs the chains, each from the images that are classified correctly as they are.</summary>
    /// <param name="chains">The attacks.</param>
    /// <param name="progress">Is told the attack and the part of it that is done, after each batch.</param>
    /// <param name="stop">Is asked between batches whether to give up.</param>
    /// <param name="found">Is given the examples of all chains, and the images that are classified wrongly as they are.</param>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> said so; the state file is written.</exception>
    public IReadOnlyList<ChainResult> Run(
        IReadOnlyList<AttackChain> chains, Action<Attack, double>? progress = null, Func<bool>? stop = null,
        Action<AdversarialExample>? found = null)
    {
        int number = 0;
        try
        {
            EvaluationResult clean = Next(Attack.Clean(chains[0].Attacks[0].Epsilon), null);
            ChainResult[] results = [.. chains.Select(chain => new ChainResult(chain, [.. Stages(chain, clean)]))];
            File.Delete(path);
            return results;
        }
        catch (OperationCanceledException)
        {
            Write();
            throw;
        }

        IEnumerable<EvaluationResult> Stages(AttackChain chain, EvaluationResult before)
        {
            foreach (Attack attack in chain.Attacks)
                yield return before = attack.Kind.Search is null ? before : Next(attack, before);
        }

        EvaluationResult Next(Attack attack, EvaluationResult? before)
        {
            int own = number++;
            return evaluator.Run(attack, seed, before, new Watch
            {
                Progress = done => progress?.Invoke(attack, done),
                Stop = stop,
                Found = found,
                Save = standing => Keep(own, standing),
            }, own < _standings.Count ? _standings[own] : null);
        }
    }

    private void Keep(int number, Standing standing)
    {
        if (number == _standings.Count)
            _standings.Add(standing);
        else
            _standings[number] = standing;
        if (time.GetElapsedTime(_saved) >= SaveInterval)
            Write();
    }

    private void Write()
    {
        _files.WriteText(path, JsonSerializer.Serialize(new State(subject, _standings), RunJson.Compact));
        _saved = time.GetTimestamp();
    }

    private State Read()
    {
        try
        {
            State? state = JsonSerializer.Deserialize<State>(File.ReadAllText(path), RunJson.Compact);
            return state is { Subject: not null, Standings: not null } ? state : throw new JsonException("it is empty");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"cannot read the state of an evaluation from {path}: {e.Message}", e);
        }
    }

    private sealed record State(IReadOnlyDictionary<string, string> Subject, IReadOnlyList<Standing> Standings);
}
