namespace Deat.Training;

/// <summary>Folders for those who name none.</summary>
internal static class NewFolder
{
    /// <summary>
    /// A folder in runs/ that is not there yet: what it is for and the time, with a number where others began in the same second.
    /// </summary>
    /// <param name="what">What it is for.</param>
    /// <param name="time">The clock.</param>
    public static string For(string what, TimeProvider time)
    {
        string first = Path.Combine("runs", FormattableString.Invariant($"{what}-{time.GetLocalNow():yyyyMMdd-HHmmss}"));
        string folder = first;
        for (int number = 2; Path.Exists(folder); number++)
            folder = FormattableString.Invariant($"{first}-{number}");
        return folder;
    }
}
