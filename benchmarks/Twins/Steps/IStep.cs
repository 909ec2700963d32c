namespace Deat.Twins;

/// <summary>A training step that can be timed next to others in one process. Implement it to join <c>step</c>.</summary>
internal interface IStep : IDisposable
{
    /// <summary>What stands in the report.</summary>
    string Name { get; }

    /// <summary>Allocates and warms up; not timed.</summary>
    void Prepare();

    /// <summary>The step, complete when the call returns.</summary>
    void RunOnce();
}
