#!/usr/bin/env python3
"""The fields of a trace that PyTorch's profiler writes.

    trace-schema.py tests/Golden/trace.json

profiles three training steps of a small convolutional network on the CPU, once with all that the profiler can record (shapes, memory,
FLOPs) and once with the least, and writes which fields the events of each kind have, with their JSON types: `always` where every event
of both traces has them, `sometimes` otherwise. A kind is the phase and the category of an event; with metadata (M), its name. No GPU is
involved, so that kinds of events of GPUs are not there. Needs PyTorch.
"""

import json
import pathlib
import sys
import tempfile

import torch
from torch.profiler import ProfilerActivity, profile, record_function

TYPES = {str: "string", int: "number", float: "number", bool: "boolean", list: "array", dict: "object"}


def main():
    traces = [trace(dict(record_shapes=True, profile_memory=True, with_flops=True)), trace({})]
    kinds = {}
    for each in traces:
        for event in each["traceEvents"]:
            kinds.setdefault(kind(event), []).append(event)
    schema = {
        "writer": f"torch {torch.__version__}",
        "script": "benchmarks/trace-schema.py",
        "top": fields(traces),
        "events": {name: {"fields": fields(events), "args": fields([event.get("args", {}) for event in events])}
                   for name, events in sorted(kinds.items())},
    }
    pathlib.Path(sys.argv[1]).write_text(text(schema) + "\n")


def trace(recorded):
    torch.manual_seed(1)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(8, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    images, labels = torch.rand(4, 3, 8, 8), torch.arange(4)
    with profile(activities=[ProfilerActivity.CPU], **recorded) as profiler:
        for batch in range(3):
            with record_function(f"batch {batch}"):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(images), labels).backward()
                optimizer.step()
            profiler.step()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "trace.json")
        profiler.export_chrome_trace(str(path))
        return json.loads(path.read_text())


def kind(event):
    return f"{event['ph']} {event['name'] if event['ph'] == 'M' else event.get('cat', '')}".rstrip()


def fields(objects):
    found = {}
    for each in objects:
        for name, value in each.items():
            found.setdefault(name, []).append(TYPES[type(value)])
    result = {"always": {}, "sometimes": {}}
    for name, types in sorted(found.items()):
        result["always" if len(types) == len(objects) else "sometimes"][name] = "|".join(sorted(set(types)))
    return result


def text(value, indent="", depth=0):
    """JSON whose lists of fields have a line each."""
    if not isinstance(value, dict) or all(isinstance(each, str) for each in value.values()) and depth > 1:
        return json.dumps(value)
    lines = [f"{indent}  {json.dumps(name)}: {text(each, indent + '  ', depth + 1)}" for name, each in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


if __name__ == "__main__":
    main()
