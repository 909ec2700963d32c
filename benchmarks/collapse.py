#!/usr/bin/env python3
"""Does a jump of the gradient magnitude foretell catastrophic overfitting?

    collapse.py run --deat "dotnet deat/bin/Release/net10.0/deat.dll" --data FOLDER --runs RUNS [--seeds 3] [--device opencl:0]
    collapse.py report --runs RUNS --out benchmarks/results/collapse

run trains each setting of SETTINGS with each seed under `--on-collapse say`, and goes on where it was stopped; report reads what the
guard saw (guard.jsonl of each run) and writes results.json and the tables of README.md. FOLDER is an image folder (train/, test/).
"""

import argparse
import json
import math
import pathlib
import shlex
import subprocess

COMMON = (
    "--data folder --width 8 --batch-size 32 --train-images 1632 --validation-images 128 --epochs 8 --lr-schedule cyclic --lr-max 0.1 "
    "--on-collapse say --validation-attack fgsm --test-attacks clean --test-images 30"
)
# Whether a setting is expected to collapse decides nothing below: whether a run did is seen from its looks.
SETTINGS = {
    "fgsm": "--method fgsm --epsilon 16 --alpha 16 --attack-step 4",
    "fast-large-step": "--method u-fgsm --epsilon 16 --init-tau 16 --alpha 32 --attack-step 4",
    "deat-few-replays": "--method mdeat --epsilon 16 --init-tau 16 --alpha 24 --max-replays 2 --attack-step 4",
    "deat-largest-step": "--method mdeat --epsilon 16 --init-tau 16 --alpha 64 --max-replays 2 --attack-step 4",
    "deat-zero-start": "--method mdeat --epsilon 16 --delta-init zero --alpha 48 --max-replays 2 --attack-step 4",
    "deat-larger-ball": "--method mdeat --epsilon 24 --init-tau 24 --alpha 96 --max-replays 2 --attack-step 6",
    "deat-published": "--method mdeat",
    "pgd": "--method pgd --replays 4 --epsilon 16 --init-tau 16 --alpha 6 --attack-step 4",
}
FACTORS = (1.5, 2.0, 3.0)
PER_EPOCH = 4


def interval(hits, count):
    """Wilson's 95 % interval."""
    z, rate = 1.959963984540054, hits / count
    centre = (rate + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    return centre - half, centre + half


def collapse(looks):
    """The first look with robustness so far below its best that chance does not explain it, while the loss fell; None without."""
    best = None
    for i, look in enumerate(looks):
        hits, count = look["robust"]["hits"], look["robust"]["count"]
        if best is not None and interval(hits, count)[1] < interval(*best[:2])[0] and look["loss"] < best[2]:
            return i
        if best is None or hits / count > best[0] / best[1]:
            best = (hits, count, look["loss"])
    return None


def jumps(looks, factor):
    """Looks whose magnitude is more than factor times the mean of the four before, at the same number of iterations."""
    found, earlier, replays = [], [], None
    for i, look in enumerate(looks):
        if look["replays"] != replays:
            earlier, replays = [], look["replays"]
        magnitude = look.get("magnitude")
        if magnitude is None:
            continue
        if len(earlier) >= PER_EPOCH and magnitude > factor * sum(earlier[-PER_EPOCH:]) / PER_EPOCH:
            found.append(i)
        earlier.append(magnitude)
    return found


def read(folder):
    text = (folder / "guard.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def run(arguments):
    for seed in range(1, arguments.seeds + 1):
        for name, options in SETTINGS.items():
            folder = pathlib.Path(arguments.runs) / f"{name}-{seed}"
            if (folder / "done").exists():
                continue
            start = ["--resume", str(folder)] if (folder / "last.safetensors").exists() else [
                *shlex.split(COMMON), *shlex.split(options), "--data-dir", arguments.data, "--seed", str(seed), "--device",
                arguments.device, "--out-dir", str(folder)]
            subprocess.run([*shlex.split(arguments.deat), "train", *start], check=True)
            (folder / "done").touch()


def describe(name, folder):
    looks = read(folder)
    at = collapse(looks)
    return {
        "setting": name.rsplit("-", 1)[0],
        "seed": int(name.rsplit("-", 1)[1]),
        "looks": len(looks),
        "collapse": None if at is None else {"look": at, "epoch": looks[at]["epoch"], "batch": looks[at]["batch"]},
        "jumps": {str(factor): jumps(looks, factor) for factor in FACTORS},
        "robust": [look["robust"]["hits"] for look in looks],
        "heldOut": looks[0]["robust"]["count"],
        "magnitude": [round(look["magnitude"], 4) if "magnitude" in look else None for look in looks],
        "loss": [round(look["loss"], 4) for look in looks],
        "replays": [look["replays"] for look in looks],
    }


def summary(runs, factor):
    """Hits are runs that collapse with a jump up to that look, leads how many looks before, false alarms jumps in healthy runs."""
    key = str(factor)
    collapsed = [r for r in runs if r["collapse"] is not None]
    healthy = [r for r in runs if r["collapse"] is None]
    ends = [(r["collapse"]["look"], min(r["jumps"][key], default=math.inf)) for r in collapsed]
    leads = [at - jump for at, jump in ends if jump <= at]
    return {
        "factor": factor,
        "collapsed": len(collapsed),
        "foretold": sum(lead > 0 for lead in leads),
        "atTheSameLook": sum(lead == 0 for lead in leads),
        "leadsInLooks": sorted(leads),
        "healthy": len(healthy),
        "healthyWithJump": sum(bool(r["jumps"][key]) for r in healthy),
    }


def report(arguments):
    folders = sorted(p for p in pathlib.Path(arguments.runs).iterdir() if (p / "done").exists())
    runs = [describe(folder.name, folder) for folder in folders]
    result = {
        "common": COMMON,
        "settings": SETTINGS,
        "looksPerEpoch": PER_EPOCH,
        "environment": json.loads((folders[0] / "env.json").read_text()),
        "summary": [summary(runs, factor) for factor in FACTORS],
        "runs": runs,
    }
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    lines = [
        f"| run | robust of {runs[0]['heldOut']}: best, last | collapse (epoch, batch) | "
        "largest magnitude over that of the epoch before | first jump (x 2) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for r in runs:
        at = r["collapse"]
        first = min(r["jumps"]["2.0"], default=None)
        ratio = largest_ratio(r)
        where = "-" if at is None else f"{at['epoch']}, {at['batch']}"
        jump = "-" if first is None else f"look {first}"
        lines.append(
            f"| {r['setting']}, seed {r['seed']} | {max(r['robust'])}, {r['robust'][-1]} | {where} | {ratio:.1f} | {jump} |")
    lines += ["", *jump_table("jump means more than", ((f"{factor} x", runs) for factor in FACTORS), FACTORS)]
    own = {name: [r for r in runs if r["setting"] == name] for name in SETTINGS}
    for factor in FACTORS[:2]:
        rows = [(name, own[name]) for name in SETTINGS if own[name]]
        lines += ["", *jump_table(f"jumps of {factor} x, by setting", rows, [factor] * len(rows))]
    readme = out / "README.md"
    head, _, tail = readme.read_text().partition("<!-- runs -->")
    readme.write_text(head + "<!-- runs -->\n\n" + "\n".join(lines) + "\n\n<!-- end -->" + tail.partition("<!-- end -->")[2])


def jump_table(title, rows, factors):
    lines = [f"| {title} | collapsed | jump before | at the same look | lead in looks | healthy | of these with a jump |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for (name, runs), factor in zip(rows, factors):
        s = summary(runs, factor)
        lines.append(
            f"| {name} | {s['collapsed']} | {s['foretold']} | {s['atTheSameLook']} | "
            f"{', '.join(map(str, s['leadsInLooks'])) or '-'} | {s['healthy']} | {s['healthyWithJump']} |")
    return lines


def largest_ratio(r):
    ratios, earlier, replays = [0.0], [], None
    for magnitude, count in zip(r["magnitude"], r["replays"]):
        if count != replays:
            earlier, replays = [], count
        if magnitude is None:
            continue
        if len(earlier) >= PER_EPOCH:
            ratios.append(magnitude * PER_EPOCH / sum(earlier[-PER_EPOCH:]))
        earlier.append(magnitude)
    return max(ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    runner = commands.add_parser("run")
    runner.add_argument("--deat", required=True)
    runner.add_argument("--data", required=True)
    runner.add_argument("--runs", required=True)
    runner.add_argument("--seeds", type=int, default=3)
    runner.add_argument("--device", default="opencl:0")
    runner.set_defaults(do=run)
    writer = commands.add_parser("report")
    writer.add_argument("--runs", required=True)
    writer.add_argument("--out", required=True)
    writer.set_defaults(do=report)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
