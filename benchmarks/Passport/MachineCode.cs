using System.Globalization;
using System.Text.RegularExpressions;

namespace Deat.Benchmarks;

/// <summary>One machine instruction.</summary>
/// <param name="Address">Where it lies, bytes.</param>
/// <param name="Opcode">With its modifiers, such as "LDG.E.128".</param>
/// <param name="Operands">What follows it.</param>
/// <param name="IsConditional">Whether a predicate guards it.</param>
/// <param name="Target">Where it may jump to; null if nowhere.</param>
internal readonly record struct Instruction(int Address, string Opcode, string Operands, bool IsConditional, int? Target)
{
    /// <summary>What is counted together: an operation on numbers, or an access with its width in bits.</summary>
    public string Kind => Opcode.Split('.') switch
    {
        // A constant is made on the pipe of half precision, as 0 * 0 + constant.
        ["HFMA2", ..] when Operands.Contains("-RZ, RZ") => "move",
        ["HMMA" or "HGMMA" or "DMMA" or "FFMA" or "DFMA" or "HFMA2" or "LDSM" or "MUFU", ..] parts => parts[0],
        ["LDG" or "STG" or "LDS" or "STS" or "LDGSTS" or "LDL" or "STL" or "LD" or "ST", ..] parts => $"{parts[0]}.{Width(parts)}",
        ["BRA" or "BRX" or "EXIT" or "CALL" or "RET" or "BSSY" or "BSYNC" or "BREAK" or "BAR" or "WARPSYNC" or "NOP"
            or "DEPBAR" or "LDGDEPBAR" or "MEMBAR", ..] => "control",
        ["MOV" or "UMOV" or "CS2R" or "S2R" or "S2UR" or "R2UR" or "LDC" or "ULDC", ..] or ["IMAD", "MOV", ..] => "move",
        [['F', ..] and not ("FLO" or "F2I" or "F2F" or "FRND"), ..] or [['D', ..], ..] => "float",
        _ => "integer",
    };

    private static int Width(string[] parts)
    {
        int bits = parts.Max(part => part switch { "128" => 128, "64" => 64, "U16" or "S16" => 16, "U8" or "S8" => 8, _ => 0 });
        return bits > 0 ? bits : 32;
    }
}

/// <summary>A disassembled kernel: its loops, and what their instructions are.</summary>
internal sealed class MachineCode
{
    private static readonly string[] TensorKinds = ["HMMA", "HGMMA", "DMMA"];
    private static readonly string[] Work = ["FFMA", "DFMA", "HFMA2", "LD", "ST"];

    private readonly Instruction[] _instructions;
    private readonly Dictionary<int, int> _places;
    private readonly ILookup<int, int> _before;

    /// <summary>Reads what nvdisasm --binary writes.</summary>
    public MachineCode(string sass)
    {
        _instructions = [.. Regex.Matches(sass, @"^\s*/\*([0-9a-f]{4,})\*/\s+(@!?U?P\w+ )?\s*([A-Z][\w.]*)([^;]*);", RegexOptions.Multiline)
            .Select(Read)
            // A jump to itself stands behind the code, and then there is only padding.
            .TakeWhile(instruction => instruction.Target != instruction.Address)];
        _places = Enumerable.Range(0, _instructions.Length).ToDictionary(place => _instructions[place].Address);
        _before = Enumerable.Range(0, _instructions.Length)
            .SelectMany(place => After(place).Select(next => (Place: place, Next: next)))
            .ToLookup(edge => edge.Next, edge => edge.Place);
    }

    /// <summary>All instructions without padding.</summary>
    public int Count => _instructions.Length;

    /// <summary>
    /// How many instructions of each kind, and in "instructions" of all kinds, are in the hottest loop: of those with no loop inside,
    /// the one with most tensor instructions, then with most multiply-adds and accesses, then the longest. Null if there is no loop.
    /// </summary>
    public IReadOnlyDictionary<string, int>? HottestLoop()
    {
        IReadOnlySet<int>[] loops = [.. Loops()];
        return loops
            .Where(loop => !loops.Any(other => other.IsProperSubsetOf(loop)))
            .Select(Mix)
            .OrderByDescending(mix => Sum(mix, kind => TensorKinds.Contains(kind)))
            .ThenByDescending(mix => Sum(mix, kind => Work.Any(kind.StartsWith)))
            .ThenByDescending(mix => mix["instructions"])
            .FirstOrDefault();
    }

    private static int Sum(IReadOnlyDictionary<string, int> mix, Func<string, bool> filter) =>
        mix.Where(kind => filter(kind.Key)).Sum(kind => kind.Value);

    private static Instruction Read(Match line)
    {
        string opcode = line.Groups[3].Value;
        Match target = Regex.Match(line.Groups[4].Value, @"0x([0-9a-f]+)\s*$");
        bool jumps = opcode.StartsWith("BRA", StringComparison.Ordinal) && target.Success;
        // A branch may have its predicate as an operand too.
        bool conditional = line.Groups[2].Success || (jumps && line.Groups[4].Value.Contains(','));
        return new Instruction(
            int.Parse(line.Groups[1].Value, NumberStyles.HexNumber), opcode, line.Groups[4].Value, conditional,
            jumps ? int.Parse(target.Groups[1].Value, NumberStyles.HexNumber) : null);
    }

    private IEnumerable<int> After(int place)
    {
        Instruction instruction = _instructions[place];
        if (instruction.Target is { } target && _places.TryGetValue(target, out int jump))
            yield return jump;
        bool ends = instruction.Opcode.Split('.')[0] is "BRA" or "EXIT" or "RET" && !instruction.IsConditional;
        if (!ends && place + 1 < _instructions.Length)
            yield return place + 1;
    }

    /// <summary>The natural loop of every header: what reaches a jump back to it without passing it.</summary>
    private IEnumerable<IReadOnlySet<int>> Loops() => Enumerable.Range(0, _instructions.Length)
        .Where(place => _instructions[place].Target <= _instructions[place].Address && After(place).Any())
        .GroupBy(place => _places[_instructions[place].Target!.Value])
        .Select(jumps => (Header: jumps.Key, Body: Body(jumps.Key, jumps)))
        // A jump back from code that was moved behind the exit is no loop: it is reached from before its target.
        .Where(loop => loop.Header == 0 || !loop.Body.Contains(0))
        .Select(loop => loop.Body);

    private HashSet<int> Body(int header, IEnumerable<int> jumps)
    {
        HashSet<int> body = [header];
        Stack<int> open = new(jumps);
        while (open.TryPop(out int place))
        {
            if (!body.Add(place))
                continue;
            foreach (int before in _before[place])
                open.Push(before);
        }

        return body;
    }

    private SortedDictionary<string, int> Mix(IReadOnlySet<int> places)
    {
        SortedDictionary<string, int> mix = new(StringComparer.Ordinal) { ["instructions"] = places.Count };
        foreach (int place in places)
        {
            string kind = _instructions[place].Kind;
            mix[kind] = mix.GetValueOrDefault(kind) + 1;
        }

        return mix;
    }
}
