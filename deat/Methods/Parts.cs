namespace Deat.Training;

/// <summary>A part of training methods that has a name on the command line.</summary>
public interface IPart
{
    /// <summary>What the command line takes.</summary>
    string Name { get; }

    /// <summary>One line for people.</summary>
    string Title { get; }
}

/// <summary>Tables of parts.</summary>
public static class Parts
{
    /// <summary>The part of a name.</summary>
    /// <param name="parts">The table.</param>
    /// <param name="name">What the user wrote.</param>
    /// <param name="option">The option it was written for, for the message.</param>
    /// <exception cref="UsageException">There is none.</exception>
    public static TPart Find<TPart>(this IReadOnlyList<TPart> parts, string name, string option)
        where TPart : IPart => parts.FirstOrDefault(part => part.Name == name)
            ?? throw new UsageException($"{option} '{name}' is not known; choose {parts.Names()}");

    /// <summary>All names, for the help.</summary>
    public static string Names<TPart>(this IReadOnlyList<TPart> parts)
        where TPart : IPart => string.Join(", ", parts.Select(part => part.Name));
}
