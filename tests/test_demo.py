"""The first minute with the program, from any directory: the demonstration, and the model that trains itself once."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.predictor import load_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a machine under load may take minutes

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("somewhere")


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    """Run `stance` as a user would, in a directory of its own and with a cache of its own; warnings are errors."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(home / "cache"), "PYTHONWARNINGS": "error"}

    def run_stance(*arguments: object, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "classifier.cli", *map(str, arguments)]
        return subprocess.run(
            command, cwd=home, env=environment, input=stdin, capture_output=True, text=True, check=False, timeout=400
        )

    return run_stance


@pytest.fixture(scope="module")
def demonstration(run: Run) -> "subprocess.CompletedProcess[str]":
    return run("demo")


def test_the_demonstration_makes_every_file_that_it_names(
    demonstration: "subprocess.CompletedProcess[str]", home: Path
) -> None:
    assert demonstration.returncode == 0, demonstration.stderr
    out = demonstration.stdout
    for name in ("stance-demo/model", "stance-demo/predictions.csv", "stance-demo/report/report.html"):
        assert name in out
        assert (home / name).exists()
    named = {word.strip("«».,:()") for word in out.split() if word.startswith("stance-demo/")}
    assert len(named) >= 4
    assert [name for name in sorted(named) if not (home / name).exists()] == []
    assert out.count("\n     $ stance ") == 3
    assert "Traceback" not in demonstration.stderr
    assert sorted(path.name for path in home.iterdir()) == ["stance-demo"]  # no cache was needed


def test_model_report_and_predictions_of_the_demonstration_are_of_one_piece(
    demonstration: "subprocess.CompletedProcess[str]", home: Path
) -> None:
    directory = home / "stance-demo"
    model = load_model(directory / "model")
    metrics = json.loads((directory / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert model.digest in json.dumps(metrics)
    assert model.digest[:12] in (directory / "report" / "report.html").read_text(encoding="utf-8")
    with (directory / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    assert {row["status"] for row in rows} == {"ok"}
    shown = [line.split("→")[1].strip() for line in demonstration.stdout.splitlines() if "→" in line]
    assert shown
    assert set(shown) <= {row["labels"].replace(";", ", ") for row in rows}


def test_a_rerun_replaces_everything_with_the_same(
    demonstration: "subprocess.CompletedProcess[str]", run: Run, home: Path
) -> None:
    assert demonstration.returncode == 0
    directory = home / "stance-demo"
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    for path in ("model/README.md", "report/report.html", "predictions.csv"):
        (directory / path).write_bytes(b"damaged")
    again = run("demo")
    assert again.returncode == 0, again.stderr
    after = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    assert set(after) == set(before)
    receipts = {path for path in before if path.name.endswith(".receipt.json")}
    assert {path: after[path] for path in after if path not in receipts} == {
        path: before[path] for path in before if path not in receipts
    }


def test_classify_without_a_model_trains_the_default_once_into_the_cache(run: Run, home: Path) -> None:
    (home / "mine.csv").write_text("text\nI feel so sorry for the families of the crew.\n", encoding="utf-8")
    first = run("classify", "mine.csv", "-o", "first.csv")
    assert first.returncode == 0, first.stderr
    assert "once" in first.stderr
    (model,) = (home / "cache" / "stance").glob("default-*")
    made = {path.name: path.stat().st_mtime_ns for path in model.iterdir()}
    second = run("classify", "mine.csv", "-o", "second.csv")
    assert second.returncode == 0, second.stderr
    assert "Training" not in second.stderr
    assert {path.name: path.stat().st_mtime_ns for path in model.iterdir()} == made
    assert (home / "first.csv").read_bytes() == (home / "second.csv").read_bytes()
    assert load_model(model).labels[0] in (home / "first.csv").read_text(encoding="utf-8")
    assert run("explain", "I feel so sorry for the families of the crew.").returncode == 0
