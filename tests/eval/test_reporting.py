"""`stance eval` as a whole: comparing models and predictions files, gates on behaviour, the card, the files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from classifier.bundle import save_bundle
from classifier.cli import main
from classifier.labelled import read_labelled
from classifier.predictor import load_model
from classifier.reading import corpus_files
from classifier.seeds import default_scheme, seeds_directory
from training import TrainingConfig, train

Stance = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred and fifty rows of the corpus's test split, which no fixture model has seen."""
    path = tmp_path_factory.mktemp("reporting") / "test.jsonl"
    lines = corpus_files(seeds_directory(), ["test"])[0].read_text(encoding="utf-8").splitlines()[:150]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def weak_model(labelled_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that counts words alone and gives every label from a high threshold on."""
    labels = read_labelled([labelled_file], default=default_scheme())
    config = TrainingConfig(word_ngrams=(1, 1), char_ngrams=(2, 2), C=(0.001,), cv=2, objective="precision>=0.99")
    result = train(labels, config)
    directory = tmp_path_factory.mktemp("weak") / "weak"
    save_bundle(result.bundle, directory, result.card)
    return directory


def metrics_of(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    return found


def test_a_report_holds_its_six_files(stance: Stance, model_directory: Path, data: Path, tmp_path: Path) -> None:
    assert stance("eval", model_directory, data, "-o", tmp_path / "r")[0] == 0
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        *("errors.parquet", "metrics.json", "report.html", "summary.md", "suspects.json", "suspects.xml")
    ]
    metrics = metrics_of(tmp_path / "r")
    wrong = sum(c["false_positives"] + c["false_negatives"] for c in metrics["counts"].values())
    assert pq.read_metadata(tmp_path / "r" / "errors.parquet").num_rows == wrong
    tasks = json.loads((tmp_path / "r" / "suspects.json").read_text(encoding="utf-8"))
    assert len(tasks) == len(metrics["suspects"])
    assert "| sympathy |" in (tmp_path / "r" / "summary.md").read_text(encoding="utf-8")


def test_every_field_of_the_metrics_is_documented(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    stance("eval", model_directory, data, "-o", tmp_path / "r")
    schema = (Path(__file__).parents[2] / "eval" / "SCHEMA.md").read_text(encoding="utf-8")
    metrics = metrics_of(tmp_path / "r")
    names = [*metrics, *metrics["overall"], *next(iter(metrics["per_label"].values()))]
    assert [name for name in names if f"`{name}`" not in schema] == []


def test_two_models_are_compared_and_a_winner_needs_evidence(
    stance: Stance, model_directory: Path, weak_model: Path, data: Path, tmp_path: Path
) -> None:
    code, _, told = stance("eval", weak_model, model_directory, data, "-o", tmp_path / "r")
    assert code == 0
    (comparison,) = metrics_of(tmp_path / "r")["comparisons"]
    assert comparison["names"] == ["weak", "model"]
    assert comparison["overall"]["macro_f1"]["better"] == "b"
    assert comparison["verdict"].startswith("model is better on")
    assert comparison["verdict"] in told
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "Is «model» better than «weak»?" in page


def test_three_models_are_compared_with_the_first(
    stance: Stance, model_directory: Path, weak_model: Path, data: Path, tmp_path: Path
) -> None:
    other = f"{model_directory}/."
    code, _, _ = stance("eval", model_directory, weak_model, other, data, "-o", tmp_path / "r")
    assert code == 0
    assert len(metrics_of(tmp_path / "r")["comparisons"]) == 2
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert 'id="comparison"' in page
    assert 'id="comparison1"' in page


def test_a_model_that_was_trained_on_the_rows_is_marked_in_the_comparison(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    labels = read_labelled([data], default=default_scheme())
    result = train(labels, TrainingConfig(char_ngrams=(2, 2), C=(1.0,), cv=2))
    save_bundle(result.bundle, tmp_path / "leaky", result.card)
    code, _, told = stance("eval", model_directory, tmp_path / "leaky", data, "-o", tmp_path / "r")
    assert code == 2
    assert "leaky was trained on 150 of the 150 rows" in told
    line = ("eval", model_directory, tmp_path / "leaky", data, "-o", tmp_path / "r", "--allow-overlap")
    assert stance(*line)[0] == 0
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "«leaky» was trained on 150 of these rows" in page


def test_a_model_named_twice_is_refused(stance: Stance, model_directory: Path, data: Path, tmp_path: Path) -> None:
    assert stance("eval", model_directory, model_directory, data, "-o", tmp_path / "r")[0] == 2


def test_a_model_compared_with_itself_wins_nothing(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    stance("eval", model_directory, f"{model_directory}/.", data, "-o", tmp_path / "r")
    for comparison in metrics_of(tmp_path / "r")["comparisons"]:
        assert comparison["overall"]["macro_f1"]["difference"] == 0
        assert comparison["verdict"].startswith("No difference can be shown")


def test_the_predictions_that_classify_wrote_are_evaluated_like_the_model(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    answers = tmp_path / "answers.csv"
    line = ("classify", data, "-o", answers, "--model", model_directory, "--prefix", "m_", "--quiet")
    assert stance(*line)[0] == 0
    code, _, told = stance("eval", model_directory, answers, data, "-o", tmp_path / "r")
    assert code == 0
    metrics = metrics_of(tmp_path / "r")
    assert metrics["comparisons"][0]["overall"]["macro_f1"]["difference"] == 0
    assert stance("eval", answers, data, "-o", tmp_path / "alone")[0] == 0
    alone = metrics_of(tmp_path / "alone")
    assert alone["overall"]["macro_f1"] == metrics["overall"]["macro_f1"]
    assert alone["overall"]["mean_average_precision"] == metrics["overall"]["mean_average_precision"]
    assert alone["behaviour"] is None
    assert "150 rows" in told


def test_a_gate_on_behaviour_fails_with_exit_code_1(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    code, _, told = stance("eval", model_directory, data, "-o", tmp_path / "r", "--fail-under", "behaviour.reject=0.99")
    assert code == 1
    assert "behaviour.reject is 0." in told


def test_a_users_own_pairs_take_the_place_of_the_corpuss(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.jsonl"
    rows = [
        {"pair": "p", "text": "The mayor cut the ribbon.", "labels": [], "test": "mine", "stance": "sympathy"},
        {
            "pair": "p",
            "text": "The mayor wept for the dead.",
            "labels": ["sympathy"],
            "test": "mine",
            "stance": "sympathy",
        },
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert stance("eval", model_directory, data, "-o", tmp_path / "r", "--pairs", pairs)[0] == 0
    assert list(metrics_of(tmp_path / "r")["behaviour"]["tests"]) == ["mine"]


def test_slices_are_those_asked_for_and_length(
    stance: Stance, model_directory: Path, data: Path, tmp_path: Path
) -> None:
    assert stance("eval", model_directory, data, "-o", tmp_path / "r", "--slice", "register")[0] == 0
    assert {found["column"] for found in metrics_of(tmp_path / "r")["slices"]["slices"]} == {"register", "length"}
    code, _, told = stance("eval", model_directory, data, "-o", tmp_path / "s", "--slice", "newspaper")
    assert code == 2
    assert "'newspaper'" in told


def test_the_cards_metadata_gets_the_figures_and_the_model_still_verifies(
    model_directory: Path, data: Path, tmp_path: Path, labelled_file: Path
) -> None:
    labels = read_labelled([labelled_file], default=default_scheme())
    result = train(labels, TrainingConfig(char_ngrams=(2, 2), C=(1.0,), cv=2))
    save_bundle(result.bundle, tmp_path / "m", result.card)
    line = ["eval", str(tmp_path / "m"), str(data), "-o", str(tmp_path / "r"), "--update-card", "--quiet"]
    assert main(line) == 0
    card = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    value = metrics_of(tmp_path / "r")["overall"]["macro_f1"]["value"]
    assert "model-index:" in card
    assert str(value) in card
    assert "## Quality on held-out rows" in card
    assert load_model(tmp_path / "m").digest == load_model(tmp_path / "m").manifest["digest"]


def test_evaluating_on_training_rows_is_refused_and_marked_where_it_is_allowed(
    stance: Stance, model_directory: Path, labelled_file: Path, tmp_path: Path
) -> None:
    code, _, told = stance("eval", model_directory, labelled_file, "-o", tmp_path / "r")
    assert code == 2
    assert "--allow-overlap" in told
    assert not (tmp_path / "r").exists()
    assert stance("eval", model_directory, labelled_file, "-o", tmp_path / "r", "--allow-overlap")[0] == 0
    assert "were trained on" in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
