using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Deat.Twins;

/// <summary>Losses over two batches of logits, and cross-entropy with smoothed labels, as cases of ops.safetensors.</summary>
internal static class PairLosses
{
    private const double Smoothing = 0.1;

    private static readonly (string Name, Func<Tensor, Tensor, Tensor, Tensor> Of)[] Losses =
    [
        ("kullback_leibler_mean", (a, b, _) => TorchLosses.Divergence(a, b) / a.shape[0]),
        ("kullback_leibler_sum", (a, b, _) => TorchLosses.Divergence(a, b)),
        ("trades", TorchLosses.Trades),
        ("mart", TorchLosses.Mart),
    ];

    public static void AddTo(GoldenFile file)
    {
        foreach ((int n, int classes, double scale, double distance) in
            new[] { (1, 2, 1.0, 1.0), (8, 10, 1, 0.01), (33, 10, 3, 3), (4, 100, 1, 1), (5, 10, 20, 20) })
        {
            using var scope = NewDisposeScope();
            string suffix = FormattableString.Invariant($"n{n}c{classes}scale{scale}");
            Tensor a = Exact(scale * randn([n, classes], ScalarType.Float64));
            Tensor b = Exact(a + (distance * randn([n, classes], ScalarType.Float64)));
            Tensor labels = randint(0, classes, [n], ScalarType.Int64);
            foreach ((string name, Func<Tensor, Tensor, Tensor, Tensor> loss) in Losses)
            {
                (Tensor first, Tensor second) = (a.clone().requires_grad_(), b.clone().requires_grad_());
                Add(file, $"{name}/{suffix}", loss(first, second, labels), labels, ("a", first), ("b", second));
                file.Remark($"{name}/{suffix}", $"beta={TorchLosses.Beta:R}");
            }

            Tensor logits = a.clone().requires_grad_();
            Tensor smoothed = functional.cross_entropy(logits, labels, label_smoothing: Smoothing);
            Add(file, $"cross_entropy_smoothed/{suffix}", smoothed, labels, ("logits", logits));
            file.Remark($"cross_entropy_smoothed/{suffix}", $"smoothing={Smoothing:R}");
        }
    }

    private static void Add(GoldenFile file, string name, Tensor loss, Tensor labels, params (string Name, Tensor Value)[] inputs)
    {
        loss.backward();
        foreach ((string input, Tensor value) in inputs) file.Add($"{name}/{input}", value);
        file.Add($"{name}/labels", Array.ConvertAll(labels.data<long>().ToArray(), label => (int)label), labels.shape[0]);
        file.Add($"{name}/loss", loss);
        foreach ((string input, Tensor value) in inputs) file.Add($"{name}/d{input}", value.grad!);
    }

    private static Tensor Exact(Tensor value) => value.to(ScalarType.Float32).to(ScalarType.Float64);
}
