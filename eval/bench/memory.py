"""Peak memory of `stance classify` over growing inputs: it must not grow with them.

The input repeats the paragraphs of a labelled or unlabelled JSONL file under fresh ids, as CSV.

    python -m eval.bench.memory seeds/paragraphs/test.jsonl --rows 10000 100000 1000000
"""

import argparse
import csv
import itertools
import json
import tempfile
from pathlib import Path

from eval.bench.measuring import run, stance


def write_rows(source: Path, rows: int, target: Path) -> None:
    """A CSV file of `rows` rows with the source's texts over and over."""
    with source.open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(itertools.islice(itertools.cycle(texts), rows)))


def main() -> None:
    """Print rows, peak memory, seconds and rows per second of each size."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    arguments = parser.parse_args()
    run(stance("info", arguments.model))  # trains the default model now, not inside the first measurement
    print(f"{'rows':>12} {'peak MiB':>10} {'seconds':>9} {'rows/s':>9}")
    with tempfile.TemporaryDirectory() as scratch:
        for rows in arguments.rows:
            data, output = Path(scratch) / f"{rows}.csv", Path(scratch) / f"{rows}-labelled.csv"
            write_rows(arguments.source, rows, data)
            done = run(stance("classify", data, "-o", output, "--model", arguments.model, "--quiet"))
            print(f"{rows:>12,} {done.peak_mib:>10.0f} {done.seconds:>9.1f} {rows / done.seconds:>9,.0f}", flush=True)
            data.unlink()
            output.unlink()


if __name__ == "__main__":
    main()
