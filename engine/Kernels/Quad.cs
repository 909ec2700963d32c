using System.Diagnostics.CodeAnalysis;

namespace Deat.Engine;

/// <summary>Four elements that are loaded and stored at once: 128 bits of binary32, which GPUs have instructions for.</summary>
[ExcludeFromCodeCoverage]
internal struct Quad<T>
    where T : unmanaged
{
    public T A, B, C, D;

    /// <summary>Elements.</summary>
    public const int Width = 4;
}
