using System.Text;
using System.Text.RegularExpressions;
using StbImageSharp;

namespace Deat.Training;

/// <summary>The pictures of a report as PNG files, two pixels for one of the page: legible in a paper and on a slide.</summary>
internal static partial class PictureFiles
{
    /// <summary>Pixels of a file for one of the page.</summary>
    public const int Scale = 2;

    // Browsers start slowly and draw no more than 16,384 rows at once: many pictures below each other, but not all.
    private const int RowsAtOnce = 6_000;

    /// <summary>Draws pictures.</summary>
    /// <param name="svgs">The pictures, made by <see cref="SvgDrawing"/>.</param>
    /// <param name="browser">Who draws.</param>
    /// <param name="folder">Where the browser's files may lie meanwhile.</param>
    /// <returns>A PNG file for each.</returns>
    public static IEnumerable<byte[]> Draw(IReadOnlyList<string> svgs, Browser browser, string folder)
    {
        int[] heights = [.. svgs.Select(svg => (int)Math.Ceiling(SvgDrawing.HeightOf(svg)))];
        for (int start = 0, end; start < svgs.Count; start = end)
        {
            int rows = heights[start];
            for (end = start + 1; end < svgs.Count && rows + heights[end] <= RowsAtOnce; end++)
                rows += heights[end];
            byte[] sheet = browser.Draw(Page(svgs, heights, start..end), SvgDrawing.Width, rows, Scale, folder);
            ImageResult pixels = ImageResult.FromMemory(sheet, ColorComponents.RedGreenBlue);
            int first = 0;
            foreach (int height in heights[start..end])
            {
                yield return Cut(pixels, first * Scale, height * Scale);
                first += height;
            }
        }
    }

    /// <summary>The name of a file: the number of the picture and its title, as in <c>report-03-roofline.png</c>.</summary>
    /// <param name="report">The HTML file.</param>
    /// <param name="number">The place of the picture in it, from 1.</param>
    /// <param name="title">The title of the picture.</param>
    public static string NameOf(string report, int number, string title)
    {
        string words = NoNames().Replace(title.ToLowerInvariant(), "-").Trim('-');
        string name = $"{Path.GetFileNameWithoutExtension(report)}-{number:00}-{words[..Math.Min(words.Length, 60)].TrimEnd('-')}.png";
        return Path.Combine(Path.GetDirectoryName(report) ?? "", name);
    }

    /// <summary>Names of the pictures that lie beside a report, also of those that an earlier one of that name had.</summary>
    public static IEnumerable<string> NamesBeside(string report)
    {
        string start = $"{Path.GetFileNameWithoutExtension(report)}-";
        return Directory.EnumerateFiles(Path.GetDirectoryName(Path.GetFullPath(report))!, "*.png").Select(file => Path.GetFileName(file))
            .Where(name => name.StartsWith(start, StringComparison.Ordinal) && Numbered().IsMatch(name[start.Length..]));
    }

    private static string Page(IReadOnlyList<string> svgs, int[] heights, Range range)
    {
        StringBuilder page = new("<!DOCTYPE html><meta charset=\"utf-8\"><style>body { margin: 0 } svg { display: block }</style>\n");
        for (int i = range.Start.Value; i < range.End.Value; i++)
            page.Append($"<div style=\"width: {SvgDrawing.Width}px; height: {heights[i]}px; overflow: hidden\">{svgs[i]}</div>\n");
        return page.ToString();
    }

    private static byte[] Cut(ImageResult image, int first, int rows)
    {
        int width = (int)SvgDrawing.Width * Scale, plane = rows * width;
        if (image.Width < width || image.Height < first + rows)
            throw new StorageException($"the browser drew {image.Width} x {image.Height} pixels and not {width} x {first + rows}");
        byte[] planes = new byte[3 * plane];
        for (int c = 0; c < 3; c++)
            for (int h = 0; h < rows; h++)
                for (int w = 0; w < width; w++)
                    planes[(c * plane) + (h * width) + w] = image.Data[(3 * (((first + h) * image.Width) + w)) + c];
        return Png.Encode(planes, rows, width);
    }

    [GeneratedRegex("^[0-9]{2,}-[a-z0-9-]*[.]png$")]
    private static partial Regex Numbered();

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NoNames();
}
