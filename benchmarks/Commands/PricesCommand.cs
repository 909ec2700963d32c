using System.CommandLine;
using Deat.Engine;
using Deat.Training;

namespace Deat.Benchmarks;

/// <summary>
/// What adversarial iterations cost: the k-th replay of FREE and the k-th step of PGD, by batches whose launches are timed; and whole
/// batches of methods, those with passes that only attack twice: with gradients of weights in these, and without. All take turns.
/// </summary>
internal static class PricesCommand
{
    private const int Most = 8;
    private const string Discards = "with discarded gradients", Needed = "needed";

    private static readonly (string Name, string Method, int Iterations)[] Methods =
    [
        ("PGD-7", "pgd", 7), ("FREE-8", "free", 8), ("TRADES, 10 steps", "trades", 10), ("MART, 10 steps", "mart", 10),
        ("M+DEAT, 4 replays", "mdeat", 4),
    ];

    public static Command Create()
    {
        Option<int> batch = TimingOptions.Number("--batch", 32, "Images.");
        Option<int> width = TimingOptions.Number("--width", 16, "Width of the network; 64 is full.");
        Option<int> batches = TimingOptions.Number("--batches", 10, "Timed batches of each method.");
        Option<string> device = new("--device") { DefaultValueFactory = _ => "auto", Description = "One device." };
        Option<string> json = new("--json") { Required = true, Description = "A file for everything; tables are made from it." };
        Command command = new("prices", "Price of the k-th adversarial iteration, and of work that scripts compute and discard.")
        {
            batch, width, batches, device, json,
        };
        command.SetAction(arguments => Run(
            arguments.GetValue(batch), arguments.GetValue(width), arguments.GetValue(batches), arguments.GetValue(device)!,
            arguments.GetValue(json)!));
        return command;
    }

    private static void Run(int batch, int width, int batches, string id, string json)
    {
        using ComputeDevice device = ComputeDevice.Open(id);
        MethodProfiles profiles = new(device, batch);
        using LaunchTimer timer = device.Time(int.MaxValue);
        PricedBatch[] priced = [Priced("FREE-8", "free", "FREE-8, k-th replay"), Priced("PGD-8", "pgd", "PGD-8, k-th step")];
        MethodBatch[] whole = [.. Methods.SelectMany(Variants)];
        IReadOnlyList<Timing> measured = Rounds.Measure([.. priced, .. whole], batches, together: true, progress: Tell);
        // A method that failed has no prices; its own line says why.
        IEnumerable<Timing> timings = measured.Take(priced.Length).Zip(priced)
            .SelectMany(each => each.First.Failure is null ? each.Second.Prices(batches) : [each.First])
            .Concat(measured.Skip(priced.Length));
        TimingReport report = profiles.Report("Price of adversarial iterations", $"{width}", "a batch of each in turns", timings);
        report.Write(json);
        Console.Write(ReportText.Tables(report.Timings));

        PricedBatch Priced(string name, string method, string who) =>
            new(name, who, device, profiles.Options(method, Most, width), Most, timer);

        IEnumerable<MethodBatch> Variants((string Name, string Method, int Iterations) of)
        {
            TrainOptions options = profiles.Options(of.Method, of.Iterations, width);
            if (options.Method.Loop.HasAttack)
            {
                AdversaryOptions discarding = options.Adversary with { ComputesDiscarded = true };
                yield return new MethodBatch(of.Name, Discards, device, options with { Adversary = discarding }, of.Iterations);
            }

            yield return new MethodBatch(of.Name, Needed, device, options, of.Iterations);
        }

        static void Tell(Timing timing) => Console.Error.WriteLine($"{timing.What}, {timing.Who}: {TimingTable.Time(timing)} ms");
    }
}
