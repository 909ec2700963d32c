"""Times training steps and convolutions of PreAct-ResNet-18 in PyTorch, as DEAT.Native's benchmarks time theirs.

Writes the same JSON (--json FILE), so that `Deat.Benchmarks report` puts both into one table. Nothing but torch is needed. On a GPU:
float32 with and without TF32, bf16 autocast with channels_last, each eager and, where capture works, as a CUDA graph.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import sys
import time

import torch
from torch.nn import functional

from preact_resnet import MEAN, STD, PreActResNet18

EPSILON, REPLAY_ALPHA, PGD_ALPHA, PGD_STEPS = 8 / 255, 10 / 255, 2 / 255, 7


class Precision:
    """How float32, TF32 or bf16 is asked for."""

    def __init__(self, name, tf32=False, amp=False):
        self.name, self.tf32, self.amp = name, tf32, amp
        self.format = torch.channels_last if amp else torch.contiguous_format

    def enter(self):
        torch.backends.cuda.matmul.allow_tf32 = self.tf32
        torch.backends.cudnn.allow_tf32 = self.tf32
        torch.backends.cudnn.benchmark = True

    def autocast(self, device):
        # Weights change with each step, so copies of them must not be kept; and a graph could not replay the cache.
        return torch.autocast(device.type, torch.bfloat16, enabled=self.amp, cache_enabled=False)


class Learner:
    """A network on one batch of random images, with the passes that steps are made of."""

    def __init__(self, args, device, precision):
        torch.manual_seed(1)
        self.device, self.precision = device, precision
        self.model = PreActResNet18(args.width).to(device, memory_format=precision.format).train()
        self.sgd = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
        shape = (args.batch, 3, 32, 32)
        self.x = torch.rand(shape, device=device).contiguous(memory_format=precision.format)
        self.labels = torch.randint(0, 10, (args.batch,), device=device)
        self.delta = self.start()
        self.mean, self.std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))

    def start(self):
        delta = torch.empty_like(self.x).uniform_(-EPSILON, EPSILON)
        return torch.maximum(torch.minimum(delta, 1 - self.x), -self.x)

    def loss(self, pixels):
        with self.precision.autocast(self.device):
            logits = self.model((pixels - self.mean) / self.std)
        return functional.cross_entropy(logits.float(), self.labels)

    def moved(self, delta, gradient, alpha):
        with torch.no_grad():
            delta = (delta + alpha * gradient.sign()).clamp_(-EPSILON, EPSILON)
            return torch.maximum(torch.minimum(delta, 1 - self.x), -self.x)

    def replay(self):
        """Forward, backward to the input and all weights, step of delta, SGD; without the gradient magnitude."""
        leaf = self.delta.detach().requires_grad_()
        self.sgd.zero_grad(set_to_none=True)
        self.loss(self.x + leaf).backward()
        self.delta.copy_(self.moved(leaf.detach(), leaf.grad, REPLAY_ALPHA))
        self.sgd.step()

    def pgd(self, input_only):
        """Seven attack steps and one pass that trains."""
        delta = self.start()
        for _ in range(PGD_STEPS):
            leaf = delta.detach().requires_grad_()
            if input_only:
                (gradient,) = torch.autograd.grad(self.loss(self.x + leaf), [leaf])
            else:
                self.sgd.zero_grad(set_to_none=True)
                self.loss(self.x + leaf).backward()
                gradient = leaf.grad
            delta = self.moved(leaf.detach(), gradient, PGD_ALPHA)
        self.natural(delta)

    def natural(self, delta=None):
        self.sgd.zero_grad(set_to_none=True)
        self.loss(self.x if delta is None else self.x + delta).backward()
        self.sgd.step()


def captured(work):
    """The work as a CUDA graph: warmed up on a stream of its own, then recorded once."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()

    def replay(keeps=work):
        """The graph writes into the learner's memory, which must not be given to anybody else meanwhile."""
        graph.replay()
    return replay


def step_makers(args, device, precision):
    """Name of the work, suffix of who does it, a function that makes it, for each step."""
    def make(work):
        return lambda: (lambda learner: lambda: work(learner))(Learner(args, device, precision))
    yield "DEAT replay", "", make(lambda learner: learner.replay())
    yield "PGD-7 training step", "", make(lambda learner: learner.pgd(False))
    yield "PGD-7 training step", ", input gradients only", make(lambda learner: learner.pgd(True))
    yield "natural training step", "", make(lambda learner: learner.natural())


def convolution_shapes(width):
    yield 3, width, 32, 3, 1
    yield width, width, 32, 3, 1
    channels, size = width, 32
    while size > 4:
        yield channels, 2 * channels, size, 3, 2
        yield channels, 2 * channels, size, 1, 2
        yield 2 * channels, 2 * channels, size // 2, 3, 1
        channels, size = 2 * channels, size // 2


def convolution(shape, direction, args, device, precision):
    c, k, size, window, stride = shape
    kind = torch.bfloat16 if precision.amp else torch.float32
    def numbers(*extents):
        return (2 * torch.rand(extents, device=device) - 1).to(kind).contiguous(memory_format=precision.format)
    x, w = numbers(args.batch, c, size, size), numbers(k, c, window, window)
    dy = numbers(args.batch, k, size // stride, size // stride)
    strides, padding = [stride] * 2, [window // 2] * 2
    if direction == "forward":
        return lambda: torch.conv2d(x, w, None, strides, padding)
    mask = [direction == "dx", direction == "dw", False]
    return lambda: torch.ops.aten.convolution_backward(dy, x, w, None, strides, padding, [1, 1], False, [0, 0], 1, mask)


def convolution_makers(args, device, precision):
    for shape in convolution_shapes(args.width):
        c, k, size, window, stride = shape
        flops = 2 * args.batch * k * (size // stride) ** 2 * c * window ** 2
        for direction in ("forward", "dx", "dw"):
            name = f"conv {c}-{k} {size}x{size} {window}x{window}/{stride} {direction}"
            yield name, flops, (lambda s=shape, d=direction: convolution(s, d, args, device, precision))


def measure(args, device, what, who, make, flops=0):
    """n rounds after a warm-up; what fails is reported and loses nothing else."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    times, failure = [], None
    try:
        work = make()
        for timed in [False, False] + [True] * args.rounds:
            wait()
            start = time.perf_counter()
            for _ in range(args.runs):
                work()
            wait()
            if timed:
                times.append((time.perf_counter() - start) * 1e3 / args.runs)
    except Exception as e:  # noqa: BLE001 - whatever it is, it ends this work only
        times, failure = [], (str(e).splitlines() or [type(e).__name__])[0]
    print(f"{what}, {who}: {failure or f'{statistics.median(times):.3f} ms'}", file=sys.stderr, flush=True)
    timing = {"what": what, "who": who, "isBaseline": True, "flops": flops, "bytes": 0,
              "runsPerRound": args.runs, "milliseconds": times}
    return timing | ({"failure": failure} if failure else {})


def steps(args, device, precisions):
    modes = [("", lambda make: make)]
    if device.type == "cuda":
        modes.append((", CUDA graph", lambda make: lambda: captured(make())))
    for precision in precisions:
        for mode, wrap in modes:
            precision.enter()
            for what, suffix, make in step_makers(args, device, precision):
                if not args.only or any(part in what for part in args.only):
                    yield measure(args, device, what, f"PyTorch {precision.name}{mode}{suffix}", wrap(make))
                if device.type == "cuda":
                    torch.cuda.empty_cache()


def kernels(args, device, precisions):
    for precision in precisions:
        precision.enter()
        for what, flops, make in convolution_makers(args, device, precision):
            if not args.only or any(part in what for part in args.only):
                yield measure(args, device, what, f"PyTorch {precision.name}", make, flops)


def environment(device):
    found = {"torch": torch.__version__, "python": platform.python_version(), "os": platform.platform(), "cores": os.cpu_count()}
    if device.type == "cuda":
        found |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    else:
        found["torchThreads"] = torch.get_num_threads()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=["steps", "kernels"])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precisions", nargs="+", help="part of fp32, TF32, bf16; all that the device has if left out")
    parser.add_argument("--only", nargs="*", help="only work whose name contains one of these")
    parser.add_argument("--json")
    args = parser.parse_args()
    device = torch.device(args.device)
    precisions = [Precision("fp32"), Precision("TF32", tf32=True), Precision("bf16 channels_last", amp=True)]
    if device.type != "cuda":
        precisions = [precision for precision in precisions if not precision.tf32]
    if args.precisions:
        precisions = [precision for precision in precisions if precision.name.split()[0] in args.precisions]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    report = {
        "title": {"steps": "Training steps", "kernels": "Kernels"}[args.suite],
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "environment": environment(device),
        "devices": [f"PyTorch {device}: {name}"],
        "settings": {"batch": str(args.batch), "width": str(args.width)},
        "timings": [],
    }
    for timing in (steps if args.suite == "steps" else kernels)(args, device, precisions):
        report["timings"].append(timing)
        # What is stopped keeps what it has timed by then.
        if args.json:
            pathlib.Path(f"{args.json}.tmp").write_text(json.dumps(report, indent=2) + "\n")
            pathlib.Path(f"{args.json}.tmp").replace(args.json)
    if not args.json:
        print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
