using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Deat.Training;

namespace Deat.Tests;

/// <summary>
/// A page of a browser without a window that tests talk to: Chrome's DevTools protocol, JSON over a web socket
/// (https://chromedevtools.github.io/devtools-protocol).
/// </summary>
internal sealed class BrowserPage : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly TemporaryFolder _folder = new();
    private readonly CancellationTokenSource _timeout = new(Patience);
    private readonly ClientWebSocket _socket = new();
    private readonly Process _process;
    private readonly string _session;
    private readonly List<JsonObject> _events = [];
    private int _last;

    /// <summary>Starts a browser with an empty page.</summary>
    public BrowserPage()
    {
        _process = Process.Start(new ProcessStartInfo(Browser.Usual.First(File.Exists),
        [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", $"--user-data-dir={_folder.Path}",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "about:blank",
        ])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        string[] port;
        while ((port = ReadLines(_folder["DevToolsActivePort"])).Length < 2)
        {
            _timeout.Token.ThrowIfCancellationRequested();
            Thread.Sleep(20);
        }

        Wait(_socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port[0]}{port[1]}"), _timeout.Token));
        JsonNode page = Send("Target.getTargets")["targetInfos"]!.AsArray().First(target => (string?)target!["type"] == "page")!;
        _session = (string)Send(
            "Target.attachToTarget", new() { ["targetId"] = (string)page["targetId"]!, ["flatten"] = true })["sessionId"]!;
        foreach (string domain in (string[])["Page", "Runtime", "Log", "Network"])
            Send($"{domain}.enable");
    }

    /// <summary>Whether a Chrome, Chromium or Edge is there.</summary>
    public static bool IsPossible => Browser.Usual.Any(File.Exists);

    /// <summary>What the page asked for, by address.</summary>
    public IEnumerable<string> Requests =>
        Events("Network.requestWillBeSent").Select(each => (string)each["request"]!["url"]!);

    /// <summary>Errors and warnings of the page's console, and what its scripts threw.</summary>
    public IEnumerable<string> Complaints =>
    [
        .. Events("Runtime.exceptionThrown").Select(each => each["exceptionDetails"]!.ToJsonString()),
        .. Events("Runtime.consoleAPICalled").Where(each => (string?)each["type"] is "error" or "warning" or "assert")
            .Select(each => each["args"]!.ToJsonString()),
        .. Events("Log.entryAdded").Select(each => each["entry"]!).Where(entry => (string?)entry["level"] is "error" or "warning")
            .Select(entry => entry.ToJsonString()),
    ];

    /// <summary>Opens an address.</summary>
    /// <returns>Whether there is something.</returns>
    public bool Show(string address)
    {
        int loads = Events("Page.loadEventFired").Count();
        if (Send("Page.navigate", new() { ["url"] = address })["errorText"] is not null)
            return false;
        while (Events("Page.loadEventFired").Count() == loads)
            Receive();
        return true;
    }

    /// <summary>The size of the page in its pixels, and its colours.</summary>
    public void Become(int width, int height, bool dark)
    {
        Send("Emulation.setDeviceMetricsOverride", new()
        {
            ["width"] = width,
            ["height"] = height,
            ["deviceScaleFactor"] = 1,
            ["mobile"] = false,
        });
        JsonObject scheme = new() { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" };
        Send("Emulation.setEmulatedMedia", new() { ["features"] = new JsonArray(scheme) });
    }

    /// <summary>The value of a script's expression; that of a promise, when it is kept.</summary>
    public JsonNode? Evaluate(string expression)
    {
        JsonObject result = Send(
            "Runtime.evaluate", new() { ["expression"] = expression, ["returnByValue"] = true, ["awaitPromise"] = true });
        return result["exceptionDetails"] is { } thrown
            ? throw new InvalidOperationException(thrown.ToJsonString())
            : result["result"]!["value"];
    }

    /// <summary>Ends the browser.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        _timeout.Dispose();
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        _folder.Delete();
    }

    private IEnumerable<JsonObject> Events(string method) =>
        _events.Where(each => (string?)each["method"] == method).Select(each => each["params"]!.AsObject());

    private JsonObject Send(string method, JsonObject? parameters = null)
    {
        JsonObject message = new() { ["id"] = ++_last, ["method"] = method, ["params"] = parameters ?? [] };
        if (_session is not null)
            message["sessionId"] = _session;
        Wait(_socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message), WebSocketMessageType.Text, true, _timeout.Token));
        JsonObject answer;
        while ((int?)(answer = Receive())["id"] != _last)
            continue;
        return answer["result"]?.AsObject() ?? throw new InvalidOperationException($"{method}: {answer["error"]!.ToJsonString()}");
    }

    private JsonObject Receive()
    {
        using MemoryStream text = new();
        byte[] part = new byte[1 << 16];
        WebSocketReceiveResult result;
        do
        {
            result = Wait(_socket.ReceiveAsync(part, _timeout.Token));
            text.Write(part, 0, result.Count);
        }
        while (!result.EndOfMessage);
        JsonObject message = JsonNode.Parse(Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length))!.AsObject();
        if (message["method"] is not null)
            _events.Add(message);
        return message;
    }

    // Written while it is read, at first.
    private static string[] ReadLines(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllLines(file) : [];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static void Wait(Task task) => task.GetAwaiter().GetResult();

    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
