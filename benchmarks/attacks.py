#!/usr/bin/env python3
"""The table of attacks on one network, from results of `deat eval`.

    attacks.py FOLDER

reads all FOLDER/*.json (copies of result.json, one or more attacks in each), checks that they are of one network and seed, and writes a table
for each set of images and each norm between the marks of FOLDER/README.md. Says if AutoAttack left more than PGD-100.
"""

import json
import math
import pathlib
import sys

BEGIN, END = "<!-- attacks -->", "<!-- end -->"


def main():
    folder = pathlib.Path(sys.argv[1])
    results = [json.loads(path.read_text())["deat"] for path in sorted(folder.glob("*.json"))]
    same = {tuple(result["subject"][key] for key in ("network", "seed")) for result in results}
    if len(same) != 1:
        sys.exit(f"the results are not of one network with one seed: {same}")
    tables = {}
    for result in results:
        # Restarts belong to the attack, all else to the table.
        setting, restarts = result["subject"]["setting"].split("; restarts ")
        table = tables.setdefault((result["subject"]["images"], setting), {})
        for attack in result["attacks"]:
            # Every evaluation has the clean accuracy.
            name = attack["name"] + (f", {restarts} restarts" if restarts != "1" and attack["name"] != "clean" else "")
            table[name] = attack
    lines = []
    for (_, setting), attacks in tables.items():
        count = attacks["clean"]["stages"][0]["images"]
        lines += ["", f"{count:,} images, {setting}:", "", *table_of(attacks)]
    readme = folder / "README.md"
    text = readme.read_text()
    head, rest = text.split(BEGIN)
    readme.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{rest.split(END)[1]}")


def table_of(attacks):
    head = ("attack", "accuracy", "95 % interval", "attacked", "forward passes",
            "backward passes", "images forward", "images backward", "seconds")
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for name, attack in attacks.items():
        stages = attack["stages"]
        cells = [name, f"{100 * attack['accuracy']:.1f} %", f"{100 * attack['low']:.1f}-{100 * attack['high']:.1f}"]
        lines.append(row(cells, stages))
        if len(stages) > 1:
            for stage in stages:
                lines.append(row([f"after its {stage['name']}", f"{100 * stage['correct'] / stage['images']:.1f} %", ""], [stage]))
    robust = {name: attack["stages"][-1]["correct"] for name, attack in attacks.items()}
    for name, title in (("autoattack", "AutoAttack"), ("autoattack-plus", "AutoAttack+")):
        if robust.get(name, 0) > robust.get("pgd100", math.inf):
            lines += ["", f"**{title} left more than PGD-100.**"]
    return lines


def row(cells, stages):
    def total(name):
        return sum(stage[name] for stage in stages)

    numbers = [f"{total(name):,}" for name in ("forwards", "backwards", "forwardImages", "backwardImages")]
    return "| " + " | ".join([*cells, str(stages[0]["attacked"]), *numbers, f"{total('seconds'):.0f}"]) + " |"


if __name__ == "__main__":
    main()
