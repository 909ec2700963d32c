using System.Globalization;

namespace Deat.Training;

/// <summary>strip.svg: images, what the training's attack adds to them, and what the network takes both for.</summary>
internal static class ImageStrip
{
    private const double Left = 92, Size = 72, Step = 82;

    /// <summary>The text of an SVG file.</summary>
    /// <param name="header">What the images are.</param>
    /// <param name="epoch">What an epoch showed of them.</param>
    public static string Draw(ProbeHeader header, ProbeEpoch epoch)
    {
        string title = $"Adversarial examples of the training, epoch {epoch.Epoch}";
        SvgDrawing svg = new();
        svg.Text("title", 12, 24, title);
        (double Top, string[] Lines)[] rows =
        [
            (40, ["image"]), (160, ["delta x 10,", "grey is 0"]), (240, ["image", "+ delta"]), (348, ["largest delta"]),
        ];
        foreach ((double top, string[] lines) in rows)
            for (int i = 0; i < lines.Length; i++)
                svg.Text("text small", 12, top + 16 + (14 * i), lines[i]);
        for (int i = 0; i < epoch.Strip.Count; i++)
            Draw(svg, header, header.Strip[i], epoch.Strip[i], Left + (i * Step));
        return svg.Finish(title, 378);
    }

    private static void Draw(SvgDrawing svg, ProbeHeader header, StripImage image, StripExample shown, double x)
    {
        double[] delta = [.. shown.Delta.Select(steps => 255 * shown.DeltaUnit * (steps - 128))];
        byte[] adversarial = [.. image.Pixels.Zip(delta, (pixel, added) => Byte(pixel + added))];
        Picture(svg, header, image.Pixels, x, 40);
        Prediction(svg, header, image.Label, shown.Prediction, shown.Confidence, x, 40 + Size);
        Picture(svg, header, [.. delta.Select(added => Byte(128 + (10 * added)))], x, 160);
        Picture(svg, header, adversarial, x, 240);
        Prediction(svg, header, image.Label, shown.AdversarialPrediction, shown.AdversarialConfidence, x, 240 + Size);
        string largest = (255 * shown.DeltaUnit * sbyte.MaxValue).ToString("0.#", CultureInfo.InvariantCulture);
        svg.Text("text small middle", x + (Size / 2), 364, $"{largest}/255");
    }

    private static byte Byte(double value) => (byte)Math.Clamp(Math.Round(value), 0, 255);

    private static void Picture(SvgDrawing svg, ProbeHeader header, byte[] pixels, double x, double y)
    {
        string data = Convert.ToBase64String(Png.Encode(pixels, header.ImageShape[1], header.ImageShape[2]));
        string place = string.Create(CultureInfo.InvariantCulture, $"x=\"{x:0.##}\" y=\"{y:0.##}\" width=\"{Size}\" height=\"{Size}\"");
        svg.Add($"""<image class="pixels" {place} href="data:image/png;base64,{data}"/>""");
    }

    // Right and wrong differ in the sign too, for eyes that do not tell the colours apart.
    private static void Prediction(SvgDrawing svg, ProbeHeader header, int label, int prediction, double confidence, double x, double y)
    {
        string sign = prediction == label ? "\u2713" : "\u2717";
        svg.Text("text small middle", x + (Size / 2), y + 14, $"{sign} {header.ClassNames[prediction]}");
        svg.Text("text small middle", x + (Size / 2), y + 28, confidence.ToString("P0", CultureInfo.InvariantCulture));
    }
}
