using Deat.Engine;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Tensor = TorchSharp.torch.Tensor;

namespace Deat.Twins;

/// <summary>
/// Small cases of every op in float64, named <c>op/case/tensor</c>. All inputs are exact in binary32, so that a float32 op can be
/// compared with the same file.
/// </summary>
internal static class OpCases
{
    private sealed record ConvShape(int N, int C, int K, int H, int W, int Window, int Stride, int Padding);

    private static readonly ConvShape[] Convolutions =
    [
        new(1, 3, 1, 32, 32, 3, 1, 1), new(2, 5, 3, 7, 7, 3, 1, 1), new(1, 8, 16, 4, 4, 3, 1, 1), new(2, 16, 8, 8, 8, 3, 2, 1),
        new(1, 16, 32, 4, 4, 1, 2, 0), new(1, 20, 4, 5, 9, 3, 2, 1), new(3, 10, 5, 6, 6, 1, 1, 0), new(1, 32, 5, 3, 3, 3, 1, 1),
        new(1, 48, 3, 2, 2, 3, 1, 1), new(2, 3, 8, 5, 5, 5, 1, 2), new(1, 1, 1, 1, 1, 1, 1, 0), new(1, 1, 3, 9, 9, 5, 2, 2),
        new(2, 3, 8, 9, 8, 3, 3, 0), new(1, 8, 3, 5, 5, 3, 1, 0), new(1, 5, 8, 4, 7, 3, 2, 2), new(1, 3, 1, 1, 1, 3, 1, 1),
        new(1, 3, 48, 2, 2, 1, 1, 0), new(3, 3, 5, 8, 8, 3, 1, 1), new(1, 32, 48, 2, 3, 1, 1, 0), new(2, 10, 20, 3, 3, 1, 3, 1),
        new(1, 5, 5, 6, 7, 5, 3, 1), new(1, 16, 3, 8, 8, 3, 1, 1), new(5, 1, 8, 3, 2, 3, 2, 1), new(1, 48, 2, 4, 4, 3, 2, 1),
    ];

    private static readonly long[][] NormShapes =
    [
        [2, 3, 5, 5], [4, 1, 2, 1], [8, 16, 2, 2], [1, 8, 9, 9], [3, 5, 7, 4], [2, 20, 3, 3], [2, 48, 2, 1], [1, 1, 32, 32],
        [5, 10, 1, 1], [2, 32, 3, 2],
    ];

    private static readonly long[][] PlainShapes = [[1, 1, 1, 1], [2, 3, 5, 7], [1, 20, 3, 3], [2, 16, 4, 4], [3, 48, 2, 1], [1, 5, 9, 8]];

    // As in the networks, windows that leave pixels out, and windows that are as large as the image.
    private static readonly (long[] Shape, int Window, int Stride, int Padding)[] MaxPools =
    [
        ([2, 3, 8, 8], 2, 2, 0), ([1, 16, 7, 9], 3, 2, 1), ([2, 5, 6, 5], 3, 1, 1), ([1, 20, 5, 5], 2, 3, 1), ([3, 8, 4, 4], 4, 4, 0),
        ([1, 1, 1, 1], 1, 1, 0),
    ];

    private static readonly (long[] Shape, int Window)[] AveragePools =
        [([2, 3, 8, 8], 2), ([1, 16, 7, 9], 3), ([2, 48, 4, 4], 4), ([1, 20, 5, 2], 2), ([3, 1, 1, 1], 1)];

    private static readonly (long[] Shape, int More)[] Concats =
        [([2, 24, 3, 3], 12), ([1, 16, 4, 5], 16), ([3, 5, 2, 7], 3), ([2, 1, 1, 1], 20), ([1, 12, 8, 8], 1)];

    public static GoldenFile Make(ulong seed)
    {
        manual_seed((long)seed);
        var file = new GoldenFile();
        file.Remark("seed", $"{seed}");
        foreach (ConvShape shape in Convolutions) Convolution(file, shape);
        for (int i = 0; i < NormShapes.Length; i++)
        {
            Norm(file, NormShapes[i], "plain", 0, training: true, relu: false);
            Norm(file, NormShapes[i], "plain", 0, training: i % 2 == 0, relu: true);
            if (i % 2 == 1) Norm(file, NormShapes[i], "plain", 0, training: false, relu: false);
        }

        Norm(file, [4, 3, 6, 6], "mean100", 100, training: true, relu: false);
        Norm(file, [4, 3, 6, 6], "mean100", 100, training: true, relu: true);
        foreach (long[] shape in PlainShapes) Elementwise(file, shape);
        foreach ((int n, int inputs, int outputs) in new[] { (1, 1, 1), (8, 64, 10), (3, 5, 7), (2, 48, 20), (33, 3, 10) })
            LinearLayer(file, n, inputs, outputs);
        foreach ((int n, int classes, double scale) in new[] { (1, 2, 1.0), (8, 10, 1), (33, 10, 3), (4, 100, 1), (5, 10, 300) })
            CrossEntropy(file, n, classes, scale);
        foreach (int count in new[] { 1, 5, 33, 257 }) SgdSteps(file, count);
        foreach ((int n, int h, int w) in new[] { (1, 1, 1), (2, 5, 7), (3, 8, 8) })
        {
            Normalisation(file, n, h, w);
            LinfStep(file, n, h, w, 10 / 255.0, 8 / 255.0);
            LinfStep(file, n, h, w, 2 / 255.0, 8 / 255.0);
        }

        PairLosses.AddTo(file);
        foreach ((long[] shape, int window, int stride, int padding) in MaxPools) MaxPool(file, shape, window, stride, padding);
        foreach ((long[] shape, int window) in AveragePools) AveragePool(file, shape, window);
        foreach ((long[] shape, int more) in Concats) Concat(file, shape, more);
        for (int i = 0; i < PlainShapes.Length; i++)
        {
            Bias(file, PlainShapes[i]);
            Dropout(file, PlainShapes[i], rate: i % 2 == 0 ? 0.3 : 0.5, new RandomKey(seed, Purpose.Dropout, i, 2 * i));
        }

        return file;
    }

    private static void Convolution(GoldenFile file, ConvShape s)
    {
        using var scope = NewDisposeScope();
        string name = FormattableString.Invariant(
            $"conv2d/n{s.N}c{s.C}k{s.K}h{s.H}w{s.W}r{s.Window}s{s.Stride}p{s.Padding}");
        Tensor x = Random(s.N, s.C, s.H, s.W).requires_grad_();
        Tensor w = Random(s.K, s.C, s.Window, s.Window).requires_grad_();
        Tensor y = functional.conv2d(x, w, strides: [s.Stride, s.Stride], padding: [s.Padding, s.Padding]);
        file.Remark(name, $"stride={s.Stride} padding={s.Padding}");
        Backward(file, name, y, ("x", x), ("w", w));
    }

    private static void Norm(GoldenFile file, long[] shape, string kind, double offset, bool training, bool relu)
    {
        using var scope = NewDisposeScope();
        string name = $"batch_norm{(relu ? "_relu" : "")}_{(training ? "train" : "eval")}/{kind}_{Case(shape)}";
        long channels = shape[1];
        Tensor x = Exact(Random(shape) + offset).requires_grad_();
        Tensor gamma = Random(channels).requires_grad_(), beta = Random(channels).requires_grad_();
        Tensor mean = Exact(Random(channels) + offset), variance = Exact(rand(channels, ScalarType.Float64) + 0.5);
        file.Remark(name, $"momentum=0.1 epsilon=1e-05");
        file.Add($"{name}/running_mean", mean);
        file.Add($"{name}/running_var", variance);
        Tensor y = functional.batch_norm(x, mean, variance, gamma, beta, training, 0.1, 1e-5);
        if (training)
        {
            file.Add($"{name}/new_running_mean", mean);
            file.Add($"{name}/new_running_var", variance);
        }

        Backward(file, name, relu ? functional.relu(y) : y, ("x", x), ("gamma", gamma), ("beta", beta));
    }

    private static void Elementwise(GoldenFile file, long[] shape)
    {
        using var scope = NewDisposeScope();
        Tensor x = Random(shape);
        x = where(rand_like(x) < 0.1, zeros_like(x), x).requires_grad_();
        Backward(file, $"relu/{Case(shape)}", functional.relu(x), ("x", x));

        Tensor a = Random(shape).requires_grad_(), b = Random(shape).requires_grad_();
        Backward(file, $"add/{Case(shape)}", a + b, ("a", a), ("b", b));

        Tensor input = Random(shape).requires_grad_();
        Backward(file, $"global_average_pool/{Case(shape)}", input.mean([2, 3]), ("x", input));
    }

    /// <summary>Eighths of integers, which are equal in many windows.</summary>
    private static void MaxPool(GoldenFile file, long[] shape, int window, int stride, int padding)
    {
        using var scope = NewDisposeScope();
        string name = $"max_pool/{Case(shape)}r{window}s{stride}p{padding}";
        Tensor x = (Random(shape) * 8).round().div(8).requires_grad_();
        file.Remark(name, $"window={window} stride={stride} padding={padding}");
        Backward(file, name, functional.max_pool2d(x, [window, window], [stride, stride], [padding, padding]), ("x", x));
    }

    private static void AveragePool(GoldenFile file, long[] shape, int window)
    {
        using var scope = NewDisposeScope();
        string name = $"average_pool/{Case(shape)}r{window}";
        Tensor x = Random(shape).requires_grad_();
        file.Remark(name, $"window={window}");
        Backward(file, name, functional.avg_pool2d(x, [window, window], [window, window]), ("x", x));
    }

    private static void Concat(GoldenFile file, long[] shape, int more)
    {
        using var scope = NewDisposeScope();
        Tensor a = Random(shape).requires_grad_(), b = Random(shape[0], more, shape[2], shape[3]).requires_grad_();
        Backward(file, $"concat/{Case(shape)}and{more}", cat([a, b], dim: 1), ("a", a), ("b", b));
    }

    private static void Bias(GoldenFile file, long[] shape)
    {
        using var scope = NewDisposeScope();
        Tensor x = Random(shape).requires_grad_(), b = Random(shape[1]).requires_grad_();
        Backward(file, $"bias/{Case(shape)}", x + b.view(1, -1, 1, 1), ("x", x), ("b", b));
    }

    /// <summary>What is dropped follows from Philox, u below the rate, and not from libtorch's numbers.</summary>
    private static void Dropout(GoldenFile file, long[] shape, double rate, RandomKey key)
    {
        using var scope = NewDisposeScope();
        string name = $"dropout/{Case(shape)}";
        Tensor x = Random(shape).requires_grad_();
        double[] kept = [.. Enumerable.Range(0, (int)x.numel()).Select(i => Philox.Uniform(Philox.Word(key, i)) < rate ? 0.0 : 1)];
        file.Remark(name, $"rate={rate} seed={key.Seed} epoch={key.Epoch} batch={key.Batch}");
        Backward(file, name, x * tensor(kept, shape) / (1 - rate), ("x", x));
    }

    private static void LinearLayer(GoldenFile file, int n, int inputs, int outputs)
    {
        using var scope = NewDisposeScope();
        Tensor x = Random(n, inputs).requires_grad_();
        Tensor w = Random(outputs, inputs).requires_grad_(), bias = Random(outputs).requires_grad_();
        Backward(file, $"linear/n{n}i{inputs}o{outputs}", functional.linear(x, w, bias), ("x", x), ("w", w), ("bias", bias));
    }

    private static void CrossEntropy(GoldenFile file, int n, int classes, double scale)
    {
        using var scope = NewDisposeScope();
        string name = FormattableString.Invariant($"cross_entropy/n{n}c{classes}scale{scale}");
        Tensor logits = Exact(scale * Random(n, classes)).requires_grad_();
        Tensor labels = randint(0, classes, [n], ScalarType.Int64);
        Tensor loss = functional.cross_entropy(logits, labels);
        loss.backward();
        file.Add($"{name}/logits", logits);
        file.Add($"{name}/labels", Array.ConvertAll(labels.data<long>().ToArray(), label => (int)label), n);
        file.Add($"{name}/loss", loss);
        file.Add($"{name}/dlogits", logits.grad!);
    }

    private static void SgdSteps(GoldenFile file, int count)
    {
        using var scope = NewDisposeScope();
        string name = $"sgd/n{count}";
        using var w = new TorchSharp.Modules.Parameter(Random(count));
        using var sgd = optim.SGD([w], 0.1, 0.9, weight_decay: 5e-4);
        file.Remark(name, $"lr=0.1 momentum=0.9 weight_decay=0.0005 steps=3");
        file.Add($"{name}/w0", w);
        for (int step = 1; step <= 3; step++)
        {
            w.grad = Random(count);
            file.Add($"{name}/g{step}", w.grad);
            sgd.step();
            file.Add($"{name}/w{step}", w);
        }
    }

    private static void Normalisation(GoldenFile file, int n, int h, int w)
    {
        using var scope = NewDisposeScope();
        Tensor x = Pixels(n, h, w);
        Tensor delta = Exact((2 * rand_like(x) - 1) * (8 / 255.0)).requires_grad_();
        Tensor z = (x + delta - GoldenSetting.Mean()) / GoldenSetting.Std();
        string name = $"normalise/n{n}h{h}w{w}";
        file.Add($"{name}/x", x);
        Backward(file, name, z, ("delta", delta));
    }

    /// <summary>delta' = clamp of delta + alpha sign(dz) to the ball, then to valid pixels; z' the next normalised input.</summary>
    private static void LinfStep(GoldenFile file, int n, int h, int w, double alpha, double epsilon)
    {
        using var scope = NewDisposeScope();
        string name = FormattableString.Invariant($"linf_step/n{n}h{h}w{w}a{alpha * 255:F0}");
        Tensor x = Pixels(n, h, w);
        Tensor start = Exact((2 * rand_like(x) - 1) * epsilon);
        Tensor delta = minimum(maximum(start, -x), 1 - x);
        Tensor dz = Random(n, 3, h, w);
        dz = where(rand_like(dz) < 0.1, zeros_like(dz), dz);
        Tensor next = (delta + alpha * dz.sign()).clamp(-epsilon, epsilon);
        next = minimum(maximum(next, -x), 1 - x);
        file.Remark(name, $"alpha={alpha:R} epsilon={epsilon:R}");
        file.Add($"{name}/x", x);
        file.Add($"{name}/delta", delta);
        file.Add($"{name}/dz", dz);
        file.Add($"{name}/magnitude", dz.abs().sum());
        file.Add($"{name}/new_delta", next);
        file.Add($"{name}/new_z", (x + next - GoldenSetting.Mean()) / GoldenSetting.Std());
    }

    /// <summary>Draws dy, and adds inputs, y, dy and the gradients named d + input.</summary>
    private static void Backward(GoldenFile file, string name, Tensor y, params (string Name, Tensor Value)[] inputs)
    {
        Tensor dy = Random(y.shape);
        y.backward([dy]);
        foreach ((string input, Tensor value) in inputs) file.Add($"{name}/{input}", value);
        file.Add($"{name}/y", y);
        file.Add($"{name}/dy", dy);
        foreach ((string input, Tensor value) in inputs) file.Add($"{name}/d{input}", value.grad!);
    }

    private static string Case(long[] shape) => $"n{shape[0]}c{shape[1]}h{shape[2]}w{shape[3]}";

    private static Tensor Random(params long[] shape) => randn(shape, ScalarType.Float32).to(ScalarType.Float64);

    private static Tensor Exact(Tensor value) => value.to(ScalarType.Float32).to(ScalarType.Float64);

    private static Tensor Pixels(int n, int h, int w) => Exact((rand(n, 3, h, w) * 1.25 - 0.125).clamp(0, 1));
}
