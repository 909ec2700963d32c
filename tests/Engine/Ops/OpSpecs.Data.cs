using Deat.Engine;

namespace Deat.Tests;

internal static partial class OpSpecs
{
    private static OpSpec SgdStep => new()
    {
        Name = nameof(Ops.SgdStep),
        Draw = draw =>
        {
            int count = draw.Pick(draw.Between(1, 40), 16 * draw.Between(1, 40), draw.Between(4000, 9000), 4096, 8192);
            bool first = draw.Chance(0.3);
            (double rate, double mu, double decay) = draw.Integers
                ? (draw.Pick(0.5, 0.25), draw.Pick(0, 0.5), draw.Pick(0, 0.25))
                : (draw.Pick(0.1, 0.05, 1), draw.Pick(0, 0.9), draw.Pick(0, 5e-4));
            Shape shape = new(1, count);
            return new()
            {
                Geometry = $"{count} parameters, learning rate {rate}, momentum {mu}, decay {decay}{(first ? ", first" : "")}",
                Operands =
                [
                    new("w", shape, Role.Plain, draw.Values(shape)),
                    new("g", shape, Role.Plain, draw.Values(shape)),
                    new("m", shape, Role.Plain, first ? null : draw.Values(shape)),
                ],
                NaNs = ["w", "g"],
                Run = scope =>
                {
                    Ops.SgdStep(scope["w"], scope["g"], scope["m"], rate, mu, decay, first);
                    return null;
                },
                Reference = arguments =>
                {
                    Scaled[] m = Map(arguments["g"], arguments["w"], (g, w) => g + (Scaled.Rounded(decay) * w));
                    if (!first)
                        m = [.. m.Zip(arguments["m"], (d, before) => (Scaled.Rounded(mu) * before) + d)];
                    return new() { ["m"] = m, ["w"] = [.. m.Zip(arguments["w"], (step, w) => w - (Scaled.Rounded(rate) * step))] };
                },
            };
        },
        Errors =
        [
            ("two sizes", tape => Ops.SgdStep(Plain(tape, 1, 8), Plain(tape, 1, 9), Plain(tape, 1, 8), 0.1, 0, 0, true)),
            ("a border", tape => Ops.SgdStep(
                Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), Activation(tape, 1, 1, 2, 2), 0.1, 0, 0, true)),
        ],
    };

    private static OpSpec GatherBatch => new()
    {
        Name = nameof(Ops.GatherBatch),
        Draw = draw =>
        {
            Shape batch = Images(draw);
            Shape set = batch with { N = draw.Between(1, 6) };
            int start = draw.Between(0, 5), surplus = draw.Between(0, 5);
            bool augment = draw.Chance(0.7);
            RandomKey key = new((ulong)draw.Between(0, 1 << 30), Purpose.Augmentation, draw.Between(0, 99), draw.Between(0, 99));
            return new()
            {
                Geometry = $"{batch} from {set}, start {start}{(augment ? $", augmented by {key}" : "")}",
                Operands =
                [
                    new("images", set, Role.Bytes, draw.Indices(set.Count, 256)),
                    new("labels", new(set.N, 1), Role.Index, draw.Indices(set.N, 10)),
                    new("order", new(start + batch.N + surplus, 1), Role.Index, draw.Indices(start + batch.N + surplus, set.N)),
                    new("x", batch, Role.Activation),
                    new("y", new(batch.N, 1), Role.Index),
                ],
                // Devices divide by 255, not by a power of two.
                Inexact = ["x"],
                Run = scope =>
                {
                    Ops.GatherBatch(scope["images"], scope["labels"], scope["order"], start, scope["x"], scope["y"], augment, key);
                    return null;
                },
                Reference = arguments => new()
                {
                    ["x"] = [.. Enumerable.Range(0, (int)batch.Count).Select(i => Pixel(i, arguments))],
                    ["y"] = [.. Enumerable.Range(0, batch.N).Select(i => (Scaled)arguments["labels"][(int)arguments["order"][start + i]])],
                },
            };

            // Pad by four zeros, crop at (top, left), then flip, as torchvision does.
            Scaled Pixel(int i, Arguments arguments)
            {
                (int n, int c, int h, int w) =
                    (i / batch.Pixels / batch.C, i / batch.Pixels % batch.C, i / batch.W % batch.H, i % batch.W);
                UInt4 words = Philox.Words(key, (uint)n);
                (int top, int left) = augment ? (Philox.Below(words.X, 9) - 4, Philox.Below(words.Y, 9) - 4) : (0, 0);
                (int row, int column) = (h + top, left + (augment && words.Z >= 0x8000_0000u ? batch.W - 1 - w : w));
                if (row < 0 || row >= batch.H || column < 0 || column >= batch.W)
                    return 0;
                int image = (int)arguments["order"][start + n];
                return (Scaled)arguments["images"][(((((image * batch.C) + c) * batch.H) + row) * batch.W) + column] / 255;
            }
        },
        Errors =
        [
            ("beyond the order", tape => Gather(tape, start: 2, labels: 5)),
            ("a negative start", tape => Gather(tape, start: -1, labels: 5)),
            ("too few labels", tape => Gather(tape, start: 0, labels: 4)),
        ],
    };

    private static void Gather(Tape tape, int start, int labels) => Ops.GatherBatch(
        Plain(tape, 5, 3, 4, 4, ElementType.UInt8), Plain(tape, labels, 1, 1, 1, ElementType.Int32),
        Plain(tape, 3, 1, 1, 1, ElementType.Int32), start, Activation(tape, 2, 3, 4, 4), Plain(tape, 2, 1, 1, 1, ElementType.Int32), false,
        default);
}
