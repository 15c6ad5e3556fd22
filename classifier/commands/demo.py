"""`stance demo`: the three uses once, on the project's own corpus, by the very commands a user would type."""

import argparse
import csv
import io
import shlex
import sys
import time
from pathlib import Path
from typing import Final

from classifier.errors import OutputError, StanceError
from classifier.files import atomic_file, exists
from classifier.lazy import resolve_name
from classifier.reading import resolve
from classifier.seeds import default_scheme, seeds_directory

_SETTINGS: Final = "demo.toml"
_QUICK: Final = b"""\
# Fewer folds and strengths than by default, so that the demonstration takes half a minute.
cv = 3
C = [3.0, 10.0]
"""
_SAMPLE: Final = 200
_SHORT: Final = 220  # characters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", default="stance-demo", metavar="DIR", help="where everything goes (./stance-demo)"
    )


def run(arguments: argparse.Namespace) -> int:
    started, seeds, directory = time.monotonic(), seeds_directory(), Path(arguments.output)
    if exists(directory) and any(directory.iterdir()) and not (directory / _SETTINGS).is_file():
        raise OutputError(f"{directory} holds other files than a demonstration: name another place with -o.")
    model, report = directory / "model", directory / "report"
    comments, predictions = directory / "comments.csv", directory / "predictions.csv"
    print("A demonstration on the corpus that comes with the program, in three commands.\n")
    with atomic_file(directory / _SETTINGS) as file:
        file.write(_QUICK)
    settings = ("--config", directory / _SETTINGS)
    train = ("train", seeds, "--splits", "train", *settings, "-o", model, "--overwrite")
    _step(1, "Train a linear model on four fifths of the threads", *train)
    evaluate = ("eval", model, seeds, "--splits", "test", "-o", report, "--overwrite")
    _step(2, "Evaluate it on the threads it has not seen", *evaluate)
    _write_sample(seeds, comments)
    _step(3, "Label a sample of commentary", "classify", comments, "-o", predictions, "--model", model, "--overwrite")
    _show(predictions)
    print(f"model        {model}\npredictions  {predictions}")
    print(f"report       {report / 'report.html'}  (open it in a browser)")
    print(
        f"\nDone in {time.monotonic() - started:.0f} s. Next: stance classify YOUR.csv -o labelled.csv --model {model}"
    )
    return 0


def _step(number: int, title: str, *command: str | Path) -> None:
    line = [str(part) for part in command]
    print(f"{number}/3  {title}\n     $ stance {shlex.join(line)}", flush=True)
    code = resolve_name("classifier.cli:main")(line)
    if code:
        raise _StepError(f"step {number} of the demonstration failed; the message above says why.", code)
    print(file=sys.stderr)


class _StepError(StanceError):
    """A step's own exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]


def _write_sample(seeds: Path, path: Path) -> None:
    """The first paragraphs of the held-out split as a comment export would hold them: an id and a text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "text"])
    chunk = next(resolve([seeds], splits=["test"])[0].chunks(_SAMPLE))
    writer.writerows(zip(chunk.column("id"), chunk.column("text"), strict=True))
    with atomic_file(path) as file:
        file.write(text.getvalue().encode())


def _show(predictions: Path) -> None:
    """For each label the short paragraph that carries it most surely."""
    with predictions.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["labels"] and len(row["text"]) < _SHORT]
    for label in default_scheme().names:
        given = [row for row in rows if label in row["labels"].split(";")]
        if given:
            row = max(given, key=lambda row: float(row[f"score_{label}"]))
            print(f"  «{' '.join(row['text'].split())}»\n      → {row['labels'].replace(';', ', ')}")
    print()
