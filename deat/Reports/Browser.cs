using System.Diagnostics;

namespace Deat.Training;

/// <summary>
/// A Chrome, Chromium or Edge of this machine, which draws a page without a window (<c>--headless --screenshot</c>): the same code that
/// shows a report draws its pictures.
/// </summary>
internal sealed class Browser(string program)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly string[] Names =
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge"];

    /// <summary>Where browsers usually are: the folders of PATH, then where installers of macOS and Windows put them.</summary>
    public static IEnumerable<string> Usual
    {
        get
        {
            string ending = OperatingSystem.IsWindows() ? ".exe" : "";
            string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(
                Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            Environment.SpecialFolder[] installed =
            [
                Environment.SpecialFolder.ProgramFiles, Environment.SpecialFolder.ProgramFilesX86,
                Environment.SpecialFolder.LocalApplicationData,
            ];
            string[] programs = [.. installed.Select(Environment.GetFolderPath).Where(Path.IsPathRooted)];
            string[] onMac = ["Google Chrome", "Chromium", "Microsoft Edge"];
            string[] onWindows = ["Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe"];
            return
            [
                .. Names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name + ending))),
                .. onMac.Select(name => $"/Applications/{name}.app/Contents/MacOS/{name}"),
                .. onWindows.SelectMany(name => programs.Select(folder => Path.Combine(folder, name))),
            ];
        }
    }

    /// <summary>The first of some files that is there.</summary>
    /// <exception cref="UsageException">None is.</exception>
    public static Browser Find(IEnumerable<string> files) => files.FirstOrDefault(File.Exists) is { } program
        ? new Browser(program)
        : throw new UsageException(
            $"--png needs a browser, and none of {string.Join(", ", Names)} is on PATH or in its usual place; install one, or name it: "
            + "--browser FILE");

    /// <summary>The upper left part of a page in a light scheme, as a PNG file.</summary>
    /// <param name="page">HTML.</param>
    /// <param name="width">Its width, in pixels of the page.</param>
    /// <param name="height">Its height, likewise.</param>
    /// <param name="scale">Pixels of the picture for one of the page.</param>
    /// <param name="folder">
    /// Where files may lie while the browser runs. Not the system's folder for such files: a browser that is a snap does not see it.
    /// </param>
    /// <exception cref="StorageException">It drew nothing.</exception>
    public byte[] Draw(string page, double width, double height, int scale, string folder)
    {
        string work = Path.Combine(Path.GetFullPath(folder), $"browser.tmp-{Environment.ProcessId}");
        string picture = Path.Combine(work, "page.png");
        try
        {
            Directory.CreateDirectory(work);
            File.WriteAllText(Path.Combine(work, "page.html"), page);
            string said = Run(
            [
                "--headless", $"--screenshot={picture}", $"--window-size={width:0},{height:0}", $"--force-device-scale-factor={scale}",
                // A profile of its own: otherwise a browser that is open already may take the order, and not carry it out.
                $"--user-data-dir={Path.Combine(work, "profile")}",
                "--blink-settings=preferredColorScheme=1", "--force-color-profile=srgb", "--hide-scrollbars", "--disable-gpu",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
                // The sandbox refuses to start for root, and containers lack what it is made of. The page is our own and has no script.
                .. NeedsNoSandbox ? ["--no-sandbox"] : Array.Empty<string>(),
                new Uri(Path.Combine(work, "page.html")).AbsoluteUri,
            ]);
            return File.Exists(picture) ? File.ReadAllBytes(picture) : throw new StorageException($"{program} drew no picture: {said}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.Explained(e, picture, 0);
        }
        finally
        {
            Delete(work);
        }
    }

    private static bool NeedsNoSandbox => !OperatingSystem.IsWindows()
        && (Environment.IsPrivilegedProcess || File.Exists("/.dockerenv") || File.Exists("/run/.containerenv"));

    // What it complained about, in one line.
    private string Run(string[] arguments)
    {
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                return $"it did not end within {Patience.TotalMinutes:0} minutes";
            }

            string[] lines = $"{output.Result}\n{errors.Result}".Split(
                '\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            return lines.FirstOrDefault(line => line.Contains("FATAL", StringComparison.Ordinal)) ?? lines.LastOrDefault()
                ?? $"it ended with exit code {process.ExitCode}";
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return e.Message;
        }
    }

    private static void Delete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A process of the browser may still hold a file of its profile; the pictures are what matters.
        }
    }
}
