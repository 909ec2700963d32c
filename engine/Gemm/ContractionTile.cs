namespace Deat.Engine;

/// <summary>The register tile that all contractions share: what one work-item accumulates.</summary>
public static class ContractionTile
{
    /// <summary>Rows: output pixels of a convolution, or (channel, tap) pairs of its weight gradient.</summary>
    public const int Rows = 6;

    /// <summary>Columns: output channels, two vectors of eight.</summary>
    public const int Columns = 16;
}
