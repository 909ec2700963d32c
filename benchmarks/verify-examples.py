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
import sys

import numpy as np
import torch

from preact_resnet import MEAN, STD, PreActResNet18, read_safetensors

# x + delta is rounded to float32 once, below 1: by half of 2^-24.
ROUNDING = 2.0**-25
# Logits of two libraries in float32 differ by about 1e-6 of their size; nearer ones may change places.
TIE = 1e-4


def logits_of(network, images):
    """Logits of pixels, a hundred images at a time."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    parts = np.array_split(images, max(len(images) // 100, 1))
    with torch.no_grad():
        return torch.cat([network((torch.from_numpy(part) - mean) / std) for part in parts]).numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights")
    parser.add_argument("examples")
    parser.add_argument("--epsilon", type=lambda text: float(fractions.Fraction(text)), required=True)
    parser.add_argument("--norm", choices=("linf", "l2"), default="linf")
    options = parser.parse_args()

    # A checkpoint also holds the optimizer's numbers and an average of the weights.
    _, arrays = read_safetensors(options.weights)
    weights = {name: array for name, array in arrays.items() if not name.startswith(("optimizer.", "average."))}
    network = PreActResNet18(weights["conv1.weight"].shape[0], weights["linear.weight"].shape[0])
    network.load_state_dict(weights)
    network.eval()
    examples = np.load(options.examples)
    clean, adversarial, labels = examples["clean"], examples["adversarial"], examples["labels"]

    logits, natural = logits_of(network, adversarial), logits_of(network, clean)
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
