"""A report of many rows: seconds, peak memory, and the size of the page.

The rows are a labelled file's over and over under fresh ids, groups and a mark in the text.

    python -m eval.bench.report MODEL seeds/paragraphs/test.jsonl --rows 10000
"""

import argparse
import itertools
import json
import tempfile
from pathlib import Path

from eval.bench.measuring import run, stance


def main() -> None:
    """Evaluate and print what it took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=10_000)
    arguments = parser.parse_args()
    with arguments.data.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    with tempfile.TemporaryDirectory() as scratch:
        data, report = Path(scratch) / "data.jsonl", Path(scratch) / "report"
        with data.open("w", encoding="utf-8") as file:
            for number, row in enumerate(itertools.islice(itertools.cycle(rows), arguments.rows)):
                turn = number // len(rows)
                changed = {"id": f"row-{number}", "group": f"{row['group']}-{turn}", "text": f"{row['text']} ({turn})"}
                file.write(json.dumps({**row, **changed}) + "\n")
        done = run(stance("eval", arguments.model, data, "-o", report, "--allow-overlap", "--quiet"))
        size = (report / "report.html").stat().st_size / 1e6
        print(f"{arguments.rows:,} rows: {done.seconds:.1f} s, {done.peak_mib:.0f} MiB at most, page {size:.2f} MB")


if __name__ == "__main__":
    main()
