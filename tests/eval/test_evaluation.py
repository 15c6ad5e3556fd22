"""Figures are scikit-learn's, what cannot be known is said in words, and leaks from training are found."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from classifier.errors import DataError
from classifier.labelled import Labelled, read_labelled
from classifier.predictor import Model
from classifier.reading import corpus_files
from classifier.seeds import default_scheme, seeds_directory
from eval import Evaluation, evaluate

Rows = list[dict[str, Any]]
Read = Callable[[Rows], Labelled]


@pytest.fixture(scope="module")
def unseen() -> Rows:
    """Rows of threads that the model was not trained on."""
    with corpus_files(seeds_directory(), ["test"])[0].open(encoding="utf-8") as file:
        return [json.loads(next(file)) for _ in range(300)]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    def read_rows(rows: Rows) -> Labelled:
        path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return read_labelled([path], default_scheme())

    return read_rows


@pytest.fixture(scope="module")
def data(unseen: Rows, read: Read) -> Labelled:
    return read(unseen)


@pytest.fixture(scope="module")
def evaluation(model: Model, data: Labelled) -> Evaluation:
    return evaluate(model, data)


def about(notes: list[str], *words: str) -> list[str]:
    return [note for note in notes if all(word in note for word in words)]


def test_figures_of_each_label_equal_scikit_learns(model: Model, data: Labelled, evaluation: Evaluation) -> None:
    scored = model.score(data.texts)
    for k, label in enumerate(model.labels):
        truth, given, probability = data.hard[:, k], scored.given[:, k].astype(int), scored.probabilities[:, k]
        expected = {
            "precision": sk.precision_score(truth, given),
            "recall": sk.recall_score(truth, given),
            "f1": sk.f1_score(truth, given),
            "average_precision": sk.average_precision_score(truth, probability),
            "brier": sk.brier_score_loss(truth, probability.astype(np.float64)),
            "prevalence": truth.mean(),
            "predicted_prevalence": given.mean(),
        }
        figures = evaluation.metrics["per_label"][label]
        for name, value in expected.items():
            assert figures[name]["value"] == pytest.approx(value, abs=1e-6), (label, name)
            assert figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"], (label, name)
            assert evaluation.measure(f"{label}.{name}") == figures[name]["value"]
        counts = evaluation.metrics["counts"][label]
        names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
        assert [counts[name] for name in names] == sk.confusion_matrix(truth, given).ravel().tolist()


def test_overall_figures_equal_scikit_learns(model: Model, data: Labelled, evaluation: Evaluation) -> None:
    scored = model.score(data.texts)
    given = scored.given.astype(int)
    none, said_none = data.hard.sum(axis=1) == 0, given.sum(axis=1) == 0
    expected = {
        "macro_f1": sk.f1_score(data.hard, given, average="macro"),
        "micro_f1": sk.f1_score(data.hard, given, average="micro"),
        "mean_average_precision": sk.average_precision_score(data.hard, scored.probabilities, average="macro"),
        "exact_match": sk.accuracy_score(data.hard, given),
        "none_precision": sk.precision_score(none, said_none),
        "none_recall": sk.recall_score(none, said_none),
    }
    for name, value in expected.items():
        assert evaluation.measure(name) == pytest.approx(value, abs=1e-6), name
        assert evaluation.metrics["overall"][name]["low"] < evaluation.metrics["overall"][name]["high"]


def test_figures_follow_the_thresholds_that_the_user_sets(model: Model, data: Labelled) -> None:
    changed = evaluate(model.with_thresholds({"sympathy": 0.0, "cynicism": 1.0}), data)
    assert changed.measure("sympathy.recall") == 1.0
    assert changed.measure("cynicism.recall") == 0.0
    assert changed.metrics["model"]["thresholds"]["cynicism"] == 1.0
    assert changed.metrics["model"]["digest"] == model.digest


def test_intervals_are_repeatable_and_move_with_the_seed_alone(
    model: Model, data: Labelled, evaluation: Evaluation
) -> None:
    assert evaluate(model, data).metrics == evaluation.metrics
    other = evaluate(model, data, random_state=1)
    assert other.measure("macro_f1") == evaluation.measure("macro_f1")
    assert other.metrics["overall"]["macro_f1"] != evaluation.metrics["overall"]["macro_f1"]
    assert other.errors.equals(evaluation.errors)


def test_metrics_are_valid_json_without_nan_and_name_no_path(
    model: Model, unseen: Rows, read: Read, evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    few = evaluate(model, read([{**row, "labels": []} for row in unseen[:3]]))
    for metrics in (evaluation.metrics, few.metrics):
        text = json.dumps(metrics, allow_nan=False)
        assert json.loads(text) == metrics
        assert str(tmp_path_factory.getbasetemp()) not in text


def test_every_wrong_label_stands_once_among_the_errors_with_its_numbers(
    model: Model, data: Labelled, evaluation: Evaluation
) -> None:
    predictions = model.predict(data.texts)
    expected = {}
    for row, prediction in enumerate(predictions):
        truth = {label for k, label in enumerate(model.labels) if data.hard[row, k]}
        for label in truth ^ set(prediction.labels):
            kind = "false negative" if label in truth else "false positive"
            expected[data.ids[row], label] = (kind, data.texts[row], prediction.scores[label], model.thresholds[label])
    errors = evaluation.errors.to_pylist()
    assert len(errors) == len(expected)
    for error in errors:
        kind, text, probability, threshold = expected[error["id"], error["label"]]
        assert (error["kind"], error["text"]) == (kind, text)
        assert error["probability"] == pytest.approx(probability, abs=1e-6)
        assert error["threshold"] == pytest.approx(threshold, abs=1e-6)
    distances = [
        abs(math.log(p / (1 - p)) - math.log(t / (1 - t)))
        for p, t in ((error["probability"], error["threshold"]) for error in errors)
        if 0 < p < 1
    ]
    assert distances == pytest.approx(sorted(distances, reverse=True), abs=1e-3)


def test_a_perfect_model_has_an_empty_table_of_errors_with_its_columns(model: Model, unseen: Rows, read: Read) -> None:
    labels = [list(prediction.labels) for prediction in model.predict([row["text"] for row in unseen[:40]])]
    perfect = evaluate(model, read([{**row, "labels": own} for row, own in zip(unseen, labels, strict=False)]))
    assert perfect.errors.num_rows == 0
    assert {"id", "text", "label", "kind", "probability", "threshold"} <= set(perfect.errors.column_names)
    assert perfect.measure("exact_match") == 1.0


def test_rows_that_were_trained_on_are_found_and_warned_about(
    model: Model, labelled: Labelled, unseen: Rows, seed_rows: Rows, read: Read
) -> None:
    exact = [{**row, "id": f"exact-{k}", "text": f" {row['text'].upper()}\n"} for k, row in enumerate(seed_rows[:3])]
    long = [row for row in seed_rows[3:] if len(row["text"].split()) > 40][:2]
    near = [{**row, "id": f"near-{k}", "text": row["text"] + " Indeed it is."} for k, row in enumerate(long)]
    leaky = evaluate(model, read([*unseen[:60], *exact, *near]))
    overlap = leaky.metrics["overlap"]
    assert (overlap["exact"], overlap["near"]) == (3, 2)
    assert overlap["ids"] == ["exact-0", "exact-1", "exact-2", "near-0", "near-1"]
    assert about(leaky.metrics["notes"], "3 ", "trained on", "2 ")


def test_text_that_was_not_trained_on_is_not_warned_about(evaluation: Evaluation) -> None:
    assert (evaluation.metrics["overlap"]["exact"], evaluation.metrics["overlap"]["near"]) == (0, 0)
    assert not about(evaluation.metrics["notes"], "trained on")


def test_a_label_that_no_row_carries_is_not_defined_and_said_so(model: Model, unseen: Rows, read: Read) -> None:
    rows = [row for row in unseen if "conspiracy" not in row["labels"]]
    partial = evaluate(model, read(rows))
    for name in ("recall", "average_precision"):
        assert partial.metrics["per_label"]["conspiracy"][name]["value"] is None
        assert partial.metrics["per_label"]["conspiracy"][name]["low"] is None
        assert partial.measure(f"conspiracy.{name}") is None
    assert about(partial.metrics["notes"], "No row carries conspiracy")
    others = [partial.metrics["per_label"][label]["average_precision"]["value"] for label in model.labels[:3]]
    assert partial.measure("mean_average_precision") == pytest.approx(np.mean(others), abs=1e-6)


def test_a_label_on_few_rows_is_said_to_be_unsure(model: Model, unseen: Rows, read: Read) -> None:
    without = [row for row in unseen if "conspiracy" not in row["labels"]]
    rows = [*without, *[row for row in unseen if "conspiracy" in row["labels"]][:4]]
    assert about(evaluate(model, read(rows)).metrics["notes"], "4 rows carry conspiracy", "unsure")


@pytest.mark.parametrize("labels", [[], ["sympathy", "cynicism", "skepticism", "conspiracy"]])
def test_data_of_one_class_only_is_evaluated_without_a_crash_or_a_made_up_figure(
    labels: list[str], model: Model, unseen: Rows, read: Read
) -> None:
    outcome = evaluate(model, read([{**row, "labels": labels, "votes": None} for row in unseen[:50]]))
    assert outcome.measure("sympathy.prevalence") == (1.0 if labels else 0.0)
    assert outcome.measure("none_recall" if labels else "mean_average_precision") is None
    assert outcome.measure("macro_f1") is not None
    assert len(about(outcome.metrics["notes"], "No row carries")) == (0 if labels else 4)


def test_fewer_than_twenty_rows_are_called_an_impression(model: Model, unseen: Rows, read: Read) -> None:
    assert about(evaluate(model, read(unseen[:19])).metrics["notes"], "only 19 rows", "impression")
    assert not about(evaluate(model, read(unseen[:20])).metrics["notes"], "impression")
    single = evaluate(model, read(unseen[:1])).metrics
    assert single["data"]["rows"] == 1
    assert about(single["notes"], "only 1 ")


def test_fewer_than_ten_groups_give_no_interval_and_a_note(model: Model, unseen: Rows, read: Read) -> None:
    outcome = evaluate(model, read([{**row, "group": f"thread {k % 9}"} for k, row in enumerate(unseen)]))
    assert about(outcome.metrics["notes"], "only 9 groups", "no intervals")
    assert outcome.metrics["interval"]["replicates"] == 0
    assert outcome.measure("macro_f1") > 0
    assert outcome.metrics["overall"]["macro_f1"]["low"] is None


def test_rows_without_groups_are_each_their_own_and_the_description_says_so(
    model: Model, unseen: Rows, read: Read
) -> None:
    outcome = evaluate(model, read([{k: v for k, v in row.items() if k != "group"} for row in unseen[:60]]))
    assert outcome.metrics["data"]["groups"] == 60
    assert "no groups (each row its own)" in outcome.metrics["data"]["description"]
    assert outcome.metrics["overall"]["macro_f1"]["low"] is not None


def test_rows_that_cannot_be_scored_are_counted_in_a_note(model: Model, unseen: Rows, read: Read) -> None:
    outcome = evaluate(model, read([*unseen[:40], {"id": "blank", "text": "  ", "labels": []}]))
    assert (outcome.metrics["data"]["rows"], outcome.metrics["data"]["rows_left_out"]) == (40, 1)
    assert about(outcome.metrics["notes"], "1 rows", "left out")


@pytest.mark.parametrize("name", ["accuracy", "sympathy.accuracy", "anger.f1", "", "sympathy", ".f1"])
def test_an_unknown_measure_is_an_error_that_lists_those_there_are(name: str, evaluation: Evaluation) -> None:
    with pytest.raises(DataError, match=r"no measure.*macro_f1.*LABEL\.f1"):
        evaluation.measure(name)


def test_data_of_another_label_scheme_is_refused(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("text,labels\nThe soup was cold again.,complaint\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"complaint.*sympathy, cynicism"):
        evaluate(model, read_labelled([path]))
