"""What the project's corpus is worth: the linear model trained on it, on other labelled rows, and on both.

Groups in `seeds/` are the first twelve hexadecimal digits of the SHA-256 of their source's group, after `t-`; the
other rows' groups are named the same way here, so that a paragraph and its counterpart never part.

    python -m eval.bench.corpus_table TRAIN.jsonl TEST.jsonl [--curve 800 1600 3200]
"""

import argparse
import hashlib
import json
import random
import tempfile
from pathlib import Path
from typing import Any

from classifier.reading import corpus_files
from classifier.seeds import seeds_directory
from eval.bench.measuring import run, stance


def regrouped(source: Path, target: Path) -> Path:
    """The rows with their groups named as in `seeds/`."""
    with source.open(encoding="utf-8") as rows, target.open("w", encoding="utf-8") as file:
        for row in map(json.loads, rows):
            digest = hashlib.sha256(row["group"].encode()).hexdigest()
            file.write(json.dumps({**row, "group": f"t-{digest[:12]}"}) + "\n")
    return target


def measured(name: str, data: list[object], test: Path, scratch: Path) -> None:
    """Train, evaluate, print a row of the table."""
    model, report = scratch / f"model {name}", scratch / f"report {name}"
    run(stance("train", *data, "-o", model, "--quiet"))
    run(stance("eval", model, test, "-o", report, "--quiet"))
    metrics: dict[str, Any] = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    rows = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["provenance"]["rows"]
    f1 = " / ".join(f"{m['f1']['value']:.2f}" for m in metrics["per_label"].values())
    ap = " / ".join(f"{m['average_precision']['value']:.2f}" for m in metrics["per_label"].values())

    def shown(key: str) -> str:
        figure = metrics["overall"][key]
        return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"

    cells = [name, f"{rows:,}", shown("macro_f1"), f1, shown("mean_average_precision"), ap]
    print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Print the table, and with --curve the same for random parts of `seeds/` by whole groups."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--curve", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    seeds = seeds_directory()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        train = regrouped(arguments.train, scratch / "train.jsonl")
        test = regrouped(arguments.test, scratch / "test.jsonl")
        labels = run(stance("labels")).output.splitlines()
        order = " / ".join(line for line in labels if line and not line.startswith(" "))
        print(f"| trained on | rows | macro-F1 | F1 {order} | mean average precision | average precision |")
        print("| --- | --- | --- | --- | --- | --- |")
        measured("(a) seeds", [seeds], test, scratch)
        measured("(b) the other rows", [train], test, scratch)
        measured("(c) the other rows, seeds auxiliary", [train, "--auxiliary", seeds], test, scratch)
        for size in arguments.curve:
            measured(f"{size:,} of seeds", [part_of(seeds, size, scratch)], test, scratch)


def part_of(seeds: Path, size: int, scratch: Path) -> Path:
    """A file with about `size` rows of the corpus, whole groups in random order."""
    groups: dict[str, list[str]] = {}
    for path in corpus_files(seeds):
        for line in path.read_text(encoding="utf-8").splitlines():
            groups.setdefault(json.loads(line)["group"], []).append(line)
    names = sorted(groups)
    random.Random(0).shuffle(names)  # noqa: S311 (no secret)
    lines: list[str] = []
    while names and len(lines) < size:
        lines += groups[names.pop()]
    path = scratch / f"part-{size}.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
