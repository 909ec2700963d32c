#!/usr/bin/env python3
"""A trace of `deat profile` read by PyTorch's own reader of traces.

    trace-reader.py FOLDER

torch._functorch.benchmark_utils (PyTorch 2.6) opens a trace of PyTorch's profiler and says which part of a time the GPU was busy: by the
processes that are labelled as GPUs and all spans in them, whether kernels or annotations. This gives it the trace of a profile, with all and
without annotations, and the wall time of the profile's batches; without annotations its answer must be the share of kernels that profile.json
tells, or the exit code is 1. Needs PyTorch.
"""

import gzip
import json
import pathlib
import sys
import tempfile

import torch
from torch._functorch.benchmark_utils import compute_utilization


def main():
    folder = pathlib.Path(sys.argv[1])
    profile = json.loads((folder / "profile.json").read_text())
    wall = sum(batch["end"] - batch["start"] for batch in profile["batches"])
    own = sum(launch["end"] - launch["start"] for launch in profile["launches"]) / wall
    trace = json.loads(gzip.decompress((folder / "deat.pt.trace.json.gz").read_bytes()))
    kernels = dict(trace, traceEvents=[event for event in trace["traceEvents"] if event.get("cat") != "gpu_user_annotation"])
    busy, read = utilization(trace, wall), utilization(kernels, wall)
    print(f"torch {torch.__version__}: busy {busy:.6f} of the time by all spans of the device, {read:.6f} by kernels; profile.json {own:.6f}")
    sys.exit(abs(read - own) > 1e-5)


def utilization(trace, nanoseconds):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "trace.json")
        path.write_text(json.dumps(trace))
        return compute_utilization(str(path), nanoseconds / 1e9)[0]


if __name__ == "__main__":
    main()
