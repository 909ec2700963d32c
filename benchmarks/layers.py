#!/usr/bin/env python3
"""PyTorch and DEAT.Native on the same layers: how far both are from float64, and how long each layer takes them.

    layers.py --engine "dotnet Deat.Benchmarks.dll" [--devices cpu,opencl:0] --out differences.md --json layers.json

starts the engine's `layers`, which writes the weights, the batch and the perturbation of a replay of DEAT, what every layer met in it
(input, gradient of its output), what the layer alone made of that on each device (output, gradients of input, weights and bias), and what
the whole replay left. PyTorch computes the same from the same numbers: each layer in float64 and in each of its lanes, and the replay
(forward, backward to input and weights, step of the perturbation, SGD). --out gets tables of |a - b| / |b|.

Then both take turns: in each round PyTorch runs all layers forward and backward, then the engine a replay whose launches are timed.
--json gets every round's time, for `deat compare` and `Deat.Benchmarks report`. Lanes: fp32 and fp32 channels_last; on a GPU also TF32,
TF32 channels_last and bf16 autocast with channels_last. Nothing but torch is needed. --numbers FILE compares what `layers --out FILE`
wrote before, maybe on another machine, and times nothing.
"""

import argparse
import contextlib
import copy
import datetime
import json
import os
import pathlib
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time

# Threads of two programs that take turns must not wait by spinning.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from preact_resnet import MEAN, STD, PreActResNet18, read_safetensors  # noqa: E402

WARM_UPS = 3


class Lane:
    """PyTorch's network on a device in one precision and order in memory."""

    def __init__(self, name, network, device, kind=torch.float32, tf32=False, channels_last=False, amp=False):
        self.name, self.device, self.kind, self.tf32, self.amp = name, device, kind, tf32, amp
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = copy.deepcopy(network).to(device, kind).to(memory_format=self.format).train()

    def enter(self):
        torch.backends.cuda.matmul.allow_tf32 = self.tf32
        torch.backends.cudnn.allow_tf32 = self.tf32
        torch.backends.cudnn.benchmark = True

    def place(self, numbers):
        numbers = numbers.to(self.device, self.kind if numbers.is_floating_point() else None)
        return numbers.contiguous(memory_format=self.format) if numbers.dim() == 4 else numbers

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp, cache_enabled=False)

    def forward(self, layer, x):
        """The layer; with a batch normalisation also the ReLU that follows it. Returns the output and what has gradients."""
        module = self.network.get_submodule(layer)
        x = x.detach().requires_grad_()
        with self.autocast():
            y = module(x)
            y = functional.relu(y) if isinstance(module, nn.BatchNorm2d) else y
        return y, [x, *module.parameters()]

    def backward(self, y, leaves, dy):
        return torch.autograd.grad(y, leaves, dy.to(y.dtype))

    def results(self, layer, x, dy):
        y, leaves = self.forward(layer, self.place(x))
        return dict(zip(("y", "dx", "dw", "db"), (y.detach(), *self.backward(y, leaves, self.place(dy)))))


class Replay:
    """A replay of DEAT: forward, backward to the input and all weights, step of the perturbation, SGD."""

    def __init__(self, lane, x, delta, labels, settings):
        self.lane, self.settings = lane, settings
        self.network = copy.deepcopy(lane.network)
        self.x, self.delta, self.labels = lane.place(x), lane.place(delta), lane.place(labels)
        self.mean, self.std = (torch.tensor(v, dtype=lane.kind, device=lane.device).view(1, 3, 1, 1) for v in (MEAN, STD))
        self.sgd = torch.optim.SGD(
            self.network.parameters(), lr=0, momentum=settings["momentum"], weight_decay=settings["weight_decay"])
        # As in the engine's benchmarks: a step without a gradient and with learning rate 0 comes first.
        for parameter in self.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self.sgd.step()
        self.sgd.param_groups[0]["lr"] = settings["lr"]

    def run(self):
        epsilon, alpha = self.settings["epsilon"], self.settings["alpha"]
        z = ((self.x + self.delta - self.mean) / self.std).detach().requires_grad_()
        self.sgd.zero_grad(set_to_none=True)
        with self.lane.autocast():
            self.logits = self.network(z)
        self.loss = functional.cross_entropy(self.logits if self.lane.kind == torch.float64 else self.logits.float(), self.labels)
        self.loss.backward()
        self.dz = z.grad
        with torch.no_grad():
            delta = (self.delta + alpha * self.dz.sign()).clamp_(-epsilon, epsilon)
            self.delta = torch.maximum(torch.minimum(delta, 1 - self.x), -self.x)
        self.sgd.step()

    def results(self):
        self.run()
        found = {"logits": self.logits.detach(), "loss": self.loss.detach(), "dz": self.dz, "delta": self.delta}
        for name, parameter in self.network.named_parameters():
            found |= {f"gradients/{name}": parameter.grad, f"weights/{name}": parameter.detach()}
        return found


def lanes_of(network, device):
    def lane(name, **how):
        return Lane(f"PyTorch {name}", network, device, **how)
    lanes = [lane("fp32"), lane("fp32 channels_last", channels_last=True)]
    if device.type == "cuda":
        lanes += [lane("TF32", tf32=True), lane("TF32 channels_last", tf32=True, channels_last=True),
                  lane("bf16 channels_last", channels_last=True, amp=True)]
    return lanes


def error(value, right):
    """|value - right| / |right| by Euclidean norms."""
    right = right.double().flatten()
    return ((value.to(right.device).double().flatten() - right).norm() / right.norm()).item()


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"] + [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def number(value):
    """As the TorchSharp twin writes it."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def layer_table(numbers, layers, exact, lanes, devices):
    largest, rows = {}, []
    for layer in layers:
        x, dy = numbers[f"layers/{layer}/x"], numbers[f"layers/{layer}/dy"]
        right = exact.results(layer, x, dy)
        found = []
        for lane in lanes:
            lane.enter()
            found.append(lane.results(layer, x, dy))
        for what, value in right.items():
            errors = [error(lane[what], value) for lane in found]
            errors += [error(numbers[f"{device}/layers/{layer}/{what}"], value) for device in devices]
            rows.append([layer, what, *map(number, errors)])
            largest[what] = [max(pair) for pair in zip(largest.get(what, errors), errors)]
    rows += [["**largest**", what, *map(number, errors)] for what, errors in largest.items()]
    return table(["layer", "", *[lane.name for lane in lanes], *devices], rows)


def replay_table(numbers, exact, lanes, devices, settings):
    start = [numbers[name] for name in ("x", "delta", "labels")]
    right = Replay(exact, *start, settings).results()
    found = []
    for lane in lanes:
        lane.enter()
        found.append(Replay(lane, *start, settings).results())
    found += [{name.removeprefix(f"{device}/"): value for name, value in numbers.items() if name.startswith(f"{device}/")}
              for device in devices]
    names = [name.removeprefix("gradients/") for name in right if name.startswith("gradients/")]

    def flat(one, kind):
        return torch.cat([one[f"{kind}/{name}"].double().flatten().to(exact.device) for name in names])

    before = flat(numbers, "weights")
    rows = [[what, *[number(error(one[key], right[key])) for one in found]]
            for key, what in (("logits", "logits"), ("loss", "loss"), ("dz", "gradient of the normalised input"))]
    rows.append(["gradients of all weights", *[number(error(flat(one, "gradients"), flat(right, "gradients"))) for one in found]])
    rows.append(["update of all weights", *[number(error(flat(one, "weights") - before, flat(right, "weights") - before))
                                            for one in found]])

    def other(one, key, differs):
        return str(int(differs(one[key].to(exact.device).double() - right[key], one[key].to(exact.device), right[key]).sum()))

    count = right["dz"].numel()
    rows.append([f"signs of that gradient that differ, of {count:,}",
                 *[other(one, "dz", lambda _, a, b: a.sign() != b.sign()) for one in found]])
    rows.append([f"pixels whose perturbation differs by more than epsilon / 100, of {count:,}",
                 *[other(one, "delta", lambda apart, *_: apart.abs() > settings["epsilon"] / 100) for one in found]])
    return table(["", *[lane.name for lane in lanes], *devices], rows)


class TimedLane:
    """All layers of a lane in turn, forward, then backward, as in a pass; then a replay as a whole."""

    def __init__(self, lane, numbers, layers, batch, settings):
        def tiled(value):
            copies = -(-batch // value.shape[0])
            return value.to(lane.device).repeat(copies, *[1] * (value.dim() - 1))[:batch]
        self.lane, self.layers = lane, layers
        self.met = {layer: [lane.place(tiled(numbers[f"layers/{layer}/{what}"])) for what in ("x", "dy")] for layer in layers}
        self.replay = Replay(lane, *[tiled(numbers[name]) for name in ("x", "delta", "labels")], settings)

    def time(self):
        self.lane.enter()
        times = {"DEAT replay": self.whole(self.replay.run)}
        marks, open_ends = {}, {}
        if self.lane.device.type == "cuda":
            # The host runs ahead, so that no layer waits for its launch.
            torch.cuda._sleep(50_000_000)
        for layer in self.layers:
            open_ends[layer] = self.between(marks, f"{layer} forward", lambda: self.lane.forward(layer, self.met[layer][0]))
        for layer in reversed(self.layers):
            y, leaves = open_ends.pop(layer)
            self.between(marks, f"{layer} backward", lambda: self.lane.backward(y, leaves, self.met[layer][1]))
        self.wait()
        return times | {what: first.elapsed_time(last) if self.lane.device.type == "cuda" else (last - first) * 1e3
                        for what, (first, last) in marks.items()}

    def between(self, marks, what, work):
        first = self.mark()
        result = work()
        marks[what] = (first, self.mark())
        return result

    def mark(self):
        if self.lane.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def wait(self):
        if self.lane.device.type == "cuda":
            torch.cuda.synchronize()

    def whole(self, work):
        self.wait()
        start = time.perf_counter()
        work()
        self.wait()
        return (time.perf_counter() - start) * 1e3


def take_turns(timed, engine, rounds):
    """After each round, everybody's milliseconds of all rounds so far; the engine answers each line with one of JSON."""
    times = {}
    for turn in range(-WARM_UPS, rounds):
        engine.stdin.write("\n")
        engine.stdin.flush()
        line = engine.stdout.readline()
        if not line:
            sys.exit("layers.py: the engine stopped")
        for who, found in ({one.lane.name: one.time() for one in timed} | json.loads(line)).items():
            for what, milliseconds in found.items() if turn >= 0 else []:
                times.setdefault(what, {}).setdefault(who, []).append(float(f"{milliseconds:.5g}"))
        print(f"round {turn + 1} of {rounds}" if turn >= 0 else "warming up", file=sys.stderr, flush=True)
        if turn >= 0:
            yield times


def timings_of(times):
    return [{"what": what, "who": who, "isBaseline": who.startswith("PyTorch"), "flops": 0, "bytes": 0, "runsPerRound": 1,
             "milliseconds": milliseconds} for what, by in times.items() for who, milliseconds in by.items()]


def environment(metadata, device):
    found = {name.removeprefix("environment/"): value for name, value in metadata.items() if name.startswith("environment/")}
    found |= {"torch": torch.__version__, "python": platform.python_version()}
    if device.type == "cuda":
        return found | {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return found | {"torchThreads": torch.get_num_threads()}


def compare(path, device, out):
    """Writes the tables; returns what it takes to time the same."""
    metadata, numbers = read_safetensors(path)
    settings = {name: float(value) for name, value in metadata.items() if "/" not in name}
    # The first is the one whose layers' inputs are compared.
    devices = [name.removesuffix("/loss") for name in numbers if name.endswith("/loss")]
    layers = [name.split("/")[1] for name in numbers if name.startswith("layers/") and name.endswith("/x")]
    network = PreActResNet18(int(settings["width"]))
    network.load_state_dict({name.removeprefix("weights/"): value for name, value in numbers.items() if name.startswith("weights/")})
    lanes, exact = lanes_of(network, device), Lane("float64", network, device, torch.float64)
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    places = [f"PyTorch {device}: {kind}"]
    places += [f"{name}: {metadata[f'devices/{name}']}" for name in devices]
    versions = "; ".join(f"{name} {value}" for name, value in environment(metadata, device).items())
    text = f"""# Differences from float64, layer by layer: PyTorch and DEAT.Native

|a - b| / |b| with b PyTorch's in float64, from the same float32 inputs; each layer with the input and the gradient of its output that it
meets in a replay of DEAT on {devices[0]}. y: output, dx: gradient of the input, dw, db: of weights and biases; a batch norm includes the
ReLU after it. PreAct-ResNet-18 of width {int(settings["width"])} in training mode, {int(settings["batch"])} images.

{"; ".join(places)}. {versions}.

{layer_table(numbers, layers, exact, lanes, devices)}

## The whole replay

Forward, backward to the input and all weights, step of the perturbation, SGD, from the same weights, images and perturbation. An input of a
ReLU within rounding of zero lets a gradient pass in one computation and not in another, and all differences before it add up.

{replay_table(numbers, exact, lanes, devices, settings)}
"""
    sys.stdout.write(text)
    if out:
        pathlib.Path(out).write_text(text)
    return metadata, numbers, settings, layers, lanes, places


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--engine", help="the command that starts Deat.Benchmarks")
    source.add_argument("--numbers", help="a file that `layers --out` wrote")
    parser.add_argument("--devices", help="the engine's, with commas; all if left out")
    parser.add_argument("--precisions", default="fp32", help="the engine's: fp32,tf32,bf16; a device leaves out what it has not")
    parser.add_argument("--batch", type=int, default=8, help="images of what is compared")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--timed-batch", type=int, default=32, help="images of what is timed")
    parser.add_argument("--rounds", type=int, default=10, help="timed rounds; 0 times nothing")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="PyTorch's")
    parser.add_argument("--out", help="a Markdown file for the tables")
    parser.add_argument("--json", help="a file for every round's time")
    args = parser.parse_args()
    device = torch.device(args.device)
    # The temporary file goes, whoever stops this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("layers.py: stopped"))
    if args.numbers:
        compare(args.numbers, device, args.out)
        return
    with contextlib.ExitStack() as stack:
        path = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()), "numbers.safetensors")
        command = [*shlex.split(args.engine), "layers", "--out", str(path), "--turns", "--precisions", args.precisions]
        command += ["--batch", str(args.batch), "--width", str(args.width), "--timed-batch", str(args.timed_batch)]
        command += ["--devices", args.devices] if args.devices else []
        engine = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        # With this line all numbers are written and the engine is warm.
        if not engine.stdout.readline():
            sys.exit(f"layers.py: {args.engine} stopped with exit code {engine.wait()}")
        metadata, numbers, settings, layers, lanes, places = compare(path, device, args.out)
        timed = [TimedLane(lane, numbers, layers, args.timed_batch, settings) for lane in lanes] if args.rounds else []
        report = {
            "title": "Layers",
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            "environment": environment(metadata, device),
            "devices": places,
            "settings": {"batch": str(args.timed_batch), "width": str(args.width)},
        }
        # What is stopped keeps the rounds until then.
        for times in take_turns(timed, engine, args.rounds) if args.rounds else []:
            if args.json:
                new = pathlib.Path(f"{args.json}.tmp")
                new.write_text(json.dumps(report | {"timings": timings_of(times)}) + "\n")
                new.replace(args.json)
        engine.stdin.close()


if __name__ == "__main__":
    try:
        main()
    except OSError as e:
        sys.exit(f"layers.py: {e}")
