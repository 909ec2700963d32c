namespace Deat.Training;

/// <summary>The table of studies.</summary>
public static class Studies
{
    /// <summary>All studies, in the order of the help.</summary>
    public static IReadOnlyList<Study> All { get; } = [Table1.Study, MethodsAtEqualPasses.Study];
}
