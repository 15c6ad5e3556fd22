"""`stance eval`: limits that gate, refusals that destroy nothing, and a report directory that is whole."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from classifier.predictor import Model
from classifier.reading import corpus_files
from classifier.seeds import seeds_directory

Stance = Callable[..., tuple[int, str, str]]
FILES = {"report.html", "metrics.json", "errors.parquet"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Rows of threads that the model was not trained on."""
    with corpus_files(seeds_directory(), ["test"])[0].open(encoding="utf-8") as file:
        return [json.loads(next(file)) for _ in range(120)]


@pytest.fixture(scope="module")
def data(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("held-out") / "held-out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def files_of(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def metrics_of(report: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    return loaded


def test_the_report_directory_holds_page_metrics_and_errors(
    stance: Stance, model_directory: Path, model: Model, data: Path, tmp_path: Path
) -> None:
    report = tmp_path / "deep" / "report"
    code, out, error = stance("eval", model_directory, data, "-o", report)
    assert (code, out) == (0, "")
    assert {path.name for path in report.iterdir()} >= FILES
    metrics = metrics_of(report)
    assert model.digest in json.dumps(metrics["model"])
    assert metrics["data"]["rows"] == 120
    assert [source["name"] for source in metrics["data"]["sources"]] == ["held-out.jsonl"]
    wrong = sum(counts["false_positives"] + counts["false_negatives"] for counts in metrics["counts"].values())
    assert pq.read_table(report / "errors.parquet").num_rows == wrong
    for text in ("report.html", "metrics.json"):
        assert str(data.parent) not in (report / text).read_text(encoding="utf-8")
    macro = metrics["overall"]["macro_f1"]
    assert f"macro-F1 {macro['value']:.3f} ({macro['low']:.3f} to {macro['high']:.3f})" in error
    assert str(report / "report.html") in error
    assert list(report.parent.iterdir()) == [report]  # nothing half-written beside it


def test_the_same_evaluation_gives_the_same_bytes(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        assert stance("eval", model_directory, data, "-o", tmp_path / name, "--quiet") == (0, "", "")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_metrics_are_json_without_nan_even_where_nothing_is_defined(
    stance: Stance, model_directory: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.jsonl").write_text('{"text": "The tram was on time today.", "labels": []}\n', encoding="utf-8")
    code, _, error = stance("eval", model_directory, tmp_path / "one.jsonl", "-o", tmp_path / "report")
    assert code == 0, error
    text = (tmp_path / "report" / "metrics.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert "not defined" in error
    assert "No row carries sympathy" in error


@pytest.mark.parametrize("limit", ["macro_f1=0.99", "sympathy.recall=1.01", "conspiracy.f1=0.999"])
def test_a_missed_limit_is_exit_code_1_and_the_report_is_written_all_the_same(
    limit: str, stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    code, _, error = stance("eval", model_directory, data, "-o", tmp_path / "report", "--fail-under", limit)
    assert code == 1
    assert set(files_of(tmp_path / "report")) >= FILES
    name, _, wanted = limit.partition("=")
    last = error.strip().splitlines()[-1]
    assert last.startswith("stance eval: ")
    assert name in last
    assert wanted in last


def test_limits_that_are_held_are_exit_code_0_and_all_that_are_missed_are_named(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    held = ["--fail-under", "macro_f1=0.1", "--fail-under", "sympathy.precision=0.05"]
    assert stance("eval", model_directory, data, "-o", tmp_path / "one", *held)[0] == 0
    missed = ["--fail-under", "micro_f1=0.98", "--fail-under", "exact_match=0.97"]
    code, _, error = stance("eval", model_directory, data, "-o", tmp_path / "two", *held, *missed)
    assert code == 1
    last = error.strip().splitlines()[-1]
    assert "micro_f1" in last
    assert "exact_match" in last
    assert "sympathy" not in last


def test_a_limit_on_a_measure_that_is_not_defined_is_missed(
    stance: Stance, model_directory: Path, tmp_path: Path
) -> None:
    (tmp_path / "one.jsonl").write_text('{"text": "The tram was on time today.", "labels": []}\n', encoding="utf-8")
    line = ("eval", model_directory, tmp_path / "one.jsonl", "-o", tmp_path / "report")
    code, _, error = stance(*line, "--fail-under", "sympathy.recall=0.1")
    assert code == 1
    assert "sympathy.recall is not defined" in error


@pytest.mark.parametrize(
    ("limit", "complaint"),
    [
        ("accuracy=0.5", "macro_f1"),
        ("anger.f1=0.5", "LABEL.f1"),
        ("macro_f1", "NAME=X"),
        ("macro_f1=high", "NAME=X"),
        ("=0.5", "NAME=X"),
        pytest.param("macro_f1=nan", "NAME=X"),
    ],
)
def test_an_unknown_measure_or_limit_is_exit_code_2_and_says_what_there_is(
    limit: str, complaint: str, stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    code, _, error = stance("eval", model_directory, data, "-o", tmp_path / "report", "--fail-under", limit)
    assert code == 2
    assert complaint in error
    assert not (tmp_path / "report").exists()


def test_an_existing_report_is_kept_until_overwrite_is_said(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    assert stance("eval", model_directory, data, "-o", report)[0] == 0
    (report / "report.html").write_text("old", encoding="utf-8")
    before = files_of(report)
    code, _, error = stance("eval", model_directory, data, "-o", report)
    assert code == 4
    assert "--overwrite" in error
    assert files_of(report) == before
    assert stance("eval", model_directory, data, "-o", report, "--overwrite")[0] == 0
    assert "<html" in (report / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "kept",
    [
        "place",
        "place/thesis.txt",
        pytest.param("place/metrics.json"),
    ],
)
def test_what_is_no_report_is_never_replaced(
    kept: str, stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    path = tmp_path / kept
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"accuracy": "of another experiment"}', encoding="utf-8")
    code, _, error = stance("eval", model_directory, data, "-o", tmp_path / "place", "--overwrite")
    assert path.is_file()
    assert "another experiment" in path.read_text(encoding="utf-8")
    assert code == 4
    assert "no report" in error


def test_files_of_others_in_a_report_directory_survive_its_replacement(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    line = ("eval", model_directory, data, "-o", tmp_path / "report")
    assert stance(*line)[0] == 0
    (tmp_path / "report" / "my notes.txt").write_text("ask Ada about the third row", encoding="utf-8")
    code, _, _ = stance(*line, "--overwrite")
    assert (tmp_path / "report" / "my notes.txt").is_file()
    assert code in (0, 4)


def test_rows_that_were_trained_on_are_refused_until_the_user_allows_them(
    stance: Stance, model_directory: Path, labelled_file: Path, tmp_path: Path
) -> None:
    line = ("eval", model_directory, labelled_file, "-o", tmp_path / "report")
    code, _, error = stance(*line)
    assert code == 2
    assert "trained on 600 of the 600 rows" in error
    assert "--allow-overlap" in error
    assert not (tmp_path / "report").exists()
    code, _, error = stance(*line, "--allow-overlap")
    assert code == 0
    assert "600 of the evaluated paragraphs were trained on" in error
    assert "trained on" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_the_model_is_not_taken_for_a_report(stance: Stance, model_directory: Path, data: Path, tmp_path: Path) -> None:
    shutil.copytree(model_directory, tmp_path / "model")
    assert stance("eval", tmp_path / "model", data, "-o", tmp_path / "model", "--overwrite")[0] == 4
    assert files_of(tmp_path / "model") == files_of(model_directory)


def test_thresholds_of_the_user_are_used_and_recorded(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    line = ("eval", model_directory, data, "-o", tmp_path / "report")
    assert stance(*line, "--threshold", "cynicism=0", "--threshold", "sympathy=1")[0] == 0
    metrics = metrics_of(tmp_path / "report")
    assert (metrics["model"]["thresholds"]["cynicism"], metrics["model"]["thresholds"]["sympathy"]) == (0, 1)
    assert metrics["per_label"]["cynicism"]["recall"]["value"] == 1
    assert metrics["counts"]["sympathy"]["true_positives"] == 0
    for wrong in ("cynicism", "cynicism=1.5", "anger=0.5"):
        assert stance("eval", model_directory, data, "-o", tmp_path / "other", "--threshold", wrong)[0] == 2


def test_a_label_that_the_model_does_not_know_is_exit_code_2_with_its_row(
    stance: Stance, model_directory: Path, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("text,labels\nOne bun.,\nTwo buns.,scepticism\n", encoding="utf-8")
    code, _, error = stance("eval", model_directory, tmp_path / "rows.csv", "-o", tmp_path / "report")
    assert code == 2
    assert "rows.csv, row 2: unknown label 'scepticism': did you mean 'skepticism'?" in error
    assert not (tmp_path / "report").exists()


def test_a_split_of_a_corpus_and_columns_of_other_names_are_read(
    stance: Stance, model_directory: Path, rows: list[dict[str, Any]], data: Path, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    scheme = (seeds_directory() / "labels.toml").read_text(encoding="utf-8")
    own = re.sub(r"(?ms)^\[splits\].*?\n\n", '[splits]\nearly = "all.jsonl"\nlate = ["few.jsonl"]\n\n', scheme)
    (corpus / "labels.toml").write_text(own, encoding="utf-8")
    shutil.copy(data, corpus / "all.jsonl")
    (corpus / "few.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:30]), encoding="utf-8")
    code, _, error = stance("eval", model_directory, corpus, "--splits", "late", "-o", tmp_path / "split")
    assert code == 0, error
    assert metrics_of(tmp_path / "split")["data"]["rows"] == 30
    renamed = [{"body": row["text"], "stances": row["labels"], "thread": row["group"], "nr": row["id"]} for row in rows]
    (tmp_path / "other.jsonl").write_text("".join(json.dumps(row) + "\n" for row in renamed), encoding="utf-8")
    options = ("--text-column", "body", "--labels-column", "stances", "--group-column", "thread", "--id-column", "nr")
    code, _, error = stance("eval", model_directory, tmp_path / "other.jsonl", "-o", tmp_path / "columns", *options)
    assert code == 0, error
    assert metrics_of(tmp_path / "columns")["data"]["groups"] == len({row["group"] for row in rows})
    ids = pq.read_table(tmp_path / "columns" / "errors.parquet").column("id").to_pylist()
    assert set(ids) <= {row["id"] for row in rows}


def test_a_missing_or_damaged_model_is_exit_code_3(stance: Stance, data: Path, tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "manifest.json").write_text("{", encoding="utf-8")
    for model in ("nowhere", "damaged"):
        code, _, error = stance("eval", tmp_path / model, data, "-o", tmp_path / "report")
        assert code == 3
        assert error.count("\n") == 1
        assert not (tmp_path / "report").exists()
