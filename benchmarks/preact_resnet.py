"""PreAct-ResNet-18 in PyTorch and the arrays of DEAT.Native's state files, for the scripts beside this file."""

import json
import math
import struct

import torch
from torch import nn
from torch.nn import functional

MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2471, 0.2435, 0.2616]
TYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8}


class Block(nn.Module):
    """BN-ReLU-conv-BN-ReLU-conv plus the block's input, or its 1x1 convolution where shapes differ."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False))

    def forward(self, x):
        shortcut = self.shortcut(x) if hasattr(self, "shortcut") else x
        y = self.conv1(functional.relu(self.bn1(x)))
        return self.conv2(functional.relu(self.bn2(y))) + shortcut


class PreActResNet18(nn.Module):
    """The network of locuslab/fast_adversarial and TrustAI/DEAT (preact_resnet.py), from normalised images to logits."""

    def __init__(self, width, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        inputs = width
        for i in range(4):
            outputs = width << i
            setattr(self, f"layer{i + 1}", nn.Sequential(Block(inputs, outputs, min(i, 1) + 1), Block(outputs, outputs, 1)))
            inputs = outputs
        self.bn = nn.BatchNorm2d(inputs)
        self.linear = nn.Linear(inputs, classes)

    def forward(self, z):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(z)))))
        return self.linear(functional.avg_pool2d(functional.relu(self.bn(x)), 4).flatten(1))


def read_safetensors(path):
    """The free texts and the arrays of a safetensors file: a length, a header in JSON, and the arrays one after another."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    return metadata, {name: _array(data, entry) for name, entry in header.items()}


def _array(data, entry):
    kind, count = TYPES[entry["dtype"]], math.prod(entry["shape"])
    if count == 0:
        return torch.empty(entry["shape"], dtype=kind)
    return torch.frombuffer(data, dtype=kind, count=count, offset=entry["data_offsets"][0]).view(entry["shape"])
