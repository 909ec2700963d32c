#!/usr/bin/env python3
"""How right plans are: trains a few epochs of each method, plans the same from a new profile, and compares.

    plans.py --deat deat/bin/Release/net10.0/deat --device opencl:0 --out FOLDER [--readme README.md]

For each method, `deat train` of some epochs of built-in images and `deat plan RUN` of that run follow each other; all methods take turns for some
rounds, because a shared machine is faster in one minute than in the next. Compared are the epochs after the first, in which kernels are compiled.
Prints a table of medians; with --readme it also stands between the marks of that file. Exits with 1 where the median of a method's predictions is
off by more than --within percent.
"""

import argparse
import datetime
import json
import pathlib
import re
import statistics
import subprocess
import sys

BEGIN, END = "<!-- plans -->", "<!-- end -->"
METHODS = [
    ("FREE", "--method free --replays 4"), ("PGD-7", "--method pgd --replays 7"), ("TRADES", "--method trades --replays 10"),
    ("M+DEAT", "--method mdeat --max-replays 4")]


def main():
    options = arguments()
    folder = pathlib.Path(options.out)
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty")
    runs = [
        [planned(method, folder / f"round-{each + 1}" / name.lower(), options) for name, method in METHODS] for each in range(options.rounds)]
    rows = [summary(name, method) for (name, _), method in zip(METHODS, zip(*runs))]
    table = "\n".join([
        "| method | iterations | n | predicted, s | measured, s | off, median | off, each |", "| --- | --- | --- | --- | --- | --- | --- |",
        *(text for text, _ in rows)])
    text = f"{table}\n\n{caption(folder / 'round-1' / METHODS[0][0].lower(), options)}"
    print(text)
    if options.readme:
        path = pathlib.Path(options.readme)
        head, rest = path.read_text().split(BEGIN)
        path.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.split(END, 1)[1]}")
    sys.exit(any(abs(off) > options.within for _, off in rows))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--deat", required=True, help="the program")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", required=True, help="an empty folder for the runs")
    parser.add_argument("--readme", help="a file with the marks of the table")
    parser.add_argument("--images", type=int, default=1280)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--within", type=float, default=15, help="percent")
    return parser.parse_args()


def planned(method, run, options):
    """A method's iterations, its seconds after the first epoch, and by how much percent the plan is off."""
    deat(options, "train", *method.split(), "--device", options.device, "--data", "procedural", "--train-images", options.images,
         "--validation-images", 0, "--test-images", 32, "--test-attacks", "clean", "--width", options.width, "--batch-size", options.batch,
         "--epochs", options.epochs, "--out-dir", run)
    later = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][1:]
    replays = sorted({epoch["replays"] for epoch in later})
    found = re.search(r"^later .* the prediction is ([+-][\d.]+) % off$", deat(options, "plan", run), re.MULTILINE)
    return " to ".join(map(str, replays[::max(1, len(replays) - 1)])), sum(epoch["seconds"] for epoch in later), float(found[1])


def summary(name, runs):
    """The method's line of the table, and by how much percent its plans are off."""
    measured = statistics.median(seconds for _, seconds, _ in runs)
    predicted = statistics.median(seconds * (1 + off / 100) for _, seconds, off in runs)
    off = statistics.median(off for *_, off in runs)
    each = ", ".join(f"{off:+.1f}" for *_, off in runs)
    return f"| {name} | {runs[0][0]} | {len(runs)} | {predicted:.1f} | {measured:.1f} | {off:+.1f} % | {each} |", off


def deat(options, *arguments):
    command = [options.deat, *map(str, arguments)]
    print(*command, file=sys.stderr)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    print(done.stdout, file=sys.stderr)
    if done.returncode:
        sys.exit(f"exit code {done.returncode}")
    return done.stdout


def caption(run, options):
    machine = json.loads((run / "env.json").read_text())
    facts = "; ".join(f"{name} {machine[name]}" for name in ("deat", "commit", "cpu", "cores", "simd") if machine.get(name) is not None)
    return (f"{datetime.date.today()}. {machine['device']}, {machine['driver']}; {facts}; {options.images:,} images; batch {options.batch}; "
            f"width {options.width}; {options.epochs} epochs, without the first.")


if __name__ == "__main__":
    main()
