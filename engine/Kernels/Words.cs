using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>Two words of 32 bits side by side, loaded or stored at once.</summary>
[ExcludeFromCodeCoverage]
internal struct Words2
{
    public int A, B;
}

/// <summary>A chunk: four words of 32 bits side by side, what one work-item loads, stores or copies at once.</summary>
[ExcludeFromCodeCoverage]
internal struct Words4
{
    public int A, B, C, D;
}
