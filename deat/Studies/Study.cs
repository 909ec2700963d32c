namespace Deat.Training;

/// <summary>A run of a study.</summary>
/// <param name="Name">What --rows takes; also the name of the run's folder.</param>
/// <param name="Title">For people.</param>
/// <param name="Options">What its run is trained with, over the options of the study.</param>
public sealed record StudyRow(string Name, string Title, IReadOnlyDictionary<string, string> Options) : IPart
{
    /// <summary>What is published of it; null where nothing is.</summary>
    public PublishedRow? Published { get; init; }

    /// <summary>What it is drawn with.</summary>
    public string Group { get; init; } = "";

    /// <summary>
    /// The passes of an epoch on average, for methods that spread their schedule over the epochs; where the study limits the passes, the
    /// epochs follow from it. Null for other methods.
    /// </summary>
    public int? PassesPerEpoch { get; init; }
}

/// <summary>Runs that are trained, attacked and shown together.</summary>
/// <param name="Name">What deat reproduce takes; also the name of its tables.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Rows">The runs, in the order of the table.</param>
public sealed record Study(string Name, string Title, IReadOnlyList<StudyRow> Rows) : IPart
{
    /// <summary>The attacks on each network, as --attack takes them.</summary>
    public required string Attacks { get; init; }

    /// <summary>Which network of a run is attacked: best or last.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>What all runs are trained with.</summary>
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary>The data set of the published numbers; null where nothing is published.</summary>
    public string? PublishedOn { get; init; }

    /// <summary>Runs chosen by name, in the order of the study; all without a choice.</summary>
    /// <param name="names">Names with commas; null for all.</param>
    /// <exception cref="UsageException">There is no such run.</exception>
    public IReadOnlyList<StudyRow> Choose(string? names)
    {
        if (names is null)
            return Rows;
        StudyRow[] chosen = [.. names.Split(',', StringSplitOptions.TrimEntries).Select(name => Rows.Find(name, "--rows"))];
        return [.. Rows.Where(chosen.Contains)];
    }

    /// <summary>The options of a run as texts: the user's over those of the row and of the study.</summary>
    /// <param name="row">The run.</param>
    /// <param name="given">What the user wrote.</param>
    public OptionTexts Texts(StudyRow row, IReadOnlyDictionary<string, string> given)
    {
        Dictionary<string, string> options = new(Options);
        foreach ((string name, string value) in row.Options)
            options[name] = value;
        if (row.PassesPerEpoch is { } passes && new OptionTexts(given, options).OptionalInteger("max-passes") is { } most)
            options["epochs"] = OptionTexts.Write((most + passes - 1) / passes);
        return new OptionTexts(given, options);
    }
}
