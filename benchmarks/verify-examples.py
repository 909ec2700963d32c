#!/usr/bin/env python3
"""Does PyTorch's network, with the weights of a run, say of the adversarial images what DEAT.Native says?

    deat eval RUN --attack autoattack --save-examples examples.npz
    verify-examples.py RUN/best.safetensors examples.npz --epsilon 8/255 [--norm l2]

builds PreAct-ResNet-18 in PyTorch, loads the weights, and looks at the images of the file in float32: predictions for the adversarial
images against those in the file, the perturbations against the ball and the pixel range, and the robust accuracy. Exits with 1 if a
prediction differs by more than rounding explains, or if an image is outside. Needs PyTorch and NumPy; normalisation is CIFAR-10's.
"""

import argparse
import fractions
import json
import struct
import sys

import numpy as np
import torch
from torch import nn

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)
# x + delta is rounded to float32 once, below 1: by half of 2^-24.
ROUNDING = 2.0**-25
# Logits of two libraries in float32 differ by about 1e-6 of their size; nearer ones may change places.
TIE = 1e-4


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))

    def forward(self, x):
        # The shortcut takes the input itself, as in locuslab/fast_adversarial.
        past = self.shortcut(x) if hasattr(self, "shortcut") else x
        return self.conv2(torch.relu(self.bn2(self.conv1(torch.relu(self.bn1(x)))))) + past


class PreActResNet18(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        inputs = width
        for i, outputs in enumerate((width, 2 * width, 4 * width, 8 * width)):
            blocks = Block(inputs, outputs, 1 if i == 0 else 2), Block(outputs, outputs, 1)
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
            inputs = outputs
        self.bn, self.linear = nn.BatchNorm2d(inputs), nn.Linear(inputs, classes)

    def forward(self, pixels):
        x = (pixels - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x)))))
        return self.linear(torch.relu(self.bn(x)).mean((2, 3)))


def weights_of(path):
    """The model's entries of a safetensors file: a length, a header in JSON, and the arrays one after another."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    types = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
    return {
        name: torch.from_numpy(np.frombuffer(data[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"]).copy())
        for name, entry in header.items()
        if name != "__metadata__" and not name.startswith(("optimizer.", "average."))
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("examples")
    parser.add_argument("--epsilon", type=lambda text: float(fractions.Fraction(text)), required=True)
    parser.add_argument("--norm", choices=("linf", "l2"), default="linf")
    options = parser.parse_args()

    weights = weights_of(options.weights)
    network = PreActResNet18(weights["conv1.weight"].shape[0], weights["linear.weight"].shape[0])
    network.load_state_dict(weights)
    network.eval()
    examples = np.load(options.examples)
    clean, adversarial, labels = examples["clean"], examples["adversarial"], examples["labels"]

    with torch.no_grad():
        logits = torch.cat([network(torch.from_numpy(part)) for part in np.array_split(adversarial, max(len(labels) // 100, 1))]).numpy()
        natural = torch.cat([network(torch.from_numpy(part)) for part in np.array_split(clean, max(len(labels) // 100, 1))]).numpy()
    predictions = logits.argmax(1)
    differing = np.flatnonzero(predictions != examples["predictions"])
    gaps = logits[differing].max(1) - logits[differing, examples["predictions"][differing]]
    moved = (adversarial.astype(np.float64) - clean).reshape(len(labels), -1)
    largest = np.abs(moved).max() if options.norm == "linf" else np.sqrt((moved**2).sum(1)).max()
    allowed = options.epsilon + ROUNDING * (1 if options.norm == "linf" else np.sqrt(moved.shape[1]))
    inside = largest <= allowed and adversarial.min() >= 0 and adversarial.max() <= 1

    print(f"PyTorch {torch.__version__}, {len(labels)} images")
    print(f"clean accuracy {100 * (natural.argmax(1) == labels).mean():.2f} %")
    print(f"robust accuracy {100 * (predictions == labels).mean():.2f} % here, "
          f"{100 * (examples['predictions'] == labels).mean():.2f} % in the file")
    print(f"predictions that differ: {len(differing)}" + (f", logits apart by up to {gaps.max():.2g}" if len(differing) else ""))
    print(f"largest {options.norm} perturbation {largest:.9f} of {options.epsilon:.9f}; pixels in "
          f"[{adversarial.min():.9g}, {adversarial.max():.9g}]: {'inside' if inside else 'OUTSIDE'}")
    sys.exit(0 if inside and (len(differing) == 0 or gaps.max() < TIE) else 1)


if __name__ == "__main__":
    main()
