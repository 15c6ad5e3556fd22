"""Suspect labels: planted errors come first, and data of which nothing can be estimated still gives an honest list."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from classifier.labelled import Labelled, read_labelled
from classifier.predictor import Model
from classifier.reading import corpus_files
from classifier.seeds import default_scheme, seeds_directory
from classifier.suspects import suspect_labels

LABELS = ("a", "b", "c")


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    """Five hundred rows that the small model was not trained on."""
    path = tmp_path_factory.mktemp("held-out") / "rows.jsonl"
    with corpus_files(seeds_directory(), ["train"])[0].open(encoding="utf-8") as file:
        path.write_text("".join(islice(file, 600, 1100)), encoding="utf-8")
    return read_labelled([path], default=default_scheme())


def synthetic(n: int = 200, n_labels: int = 3) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Labels on a third of the rows, and probabilities that know them."""
    truth = (np.random.default_rng(0).random((n, n_labels)) < 1 / 3).astype(np.int8)
    return truth, np.where(truth, 0.95, 0.05).astype(np.float32)


def suspects(truth: Any, probabilities: Any, labels: tuple[str, ...] = LABELS, **options: Any) -> list[dict[str, Any]]:
    ids, texts = [f"id-{i}" for i in range(len(truth))], [f"Text {i}." for i in range(len(truth))]
    return suspect_labels(labels, truth, probabilities, ids, texts, **options)


def test_labels_taken_off_real_paragraphs_are_among_the_first_to_be_disputed(model: Model, held_out: Labelled) -> None:
    probabilities, truth = model.predict_proba(held_out.texts), held_out.hard.copy()
    planted = {}
    for k, label in enumerate(held_out.scheme.names):
        for row in np.argsort(-np.where(truth[:, k] == 1, probabilities[:, k], 0))[:3].tolist():
            truth[row, k] = 0
            planted[held_out.ids[row], label] = float(probabilities[row, k])
    listed = suspect_labels(held_out.scheme.names, truth, probabilities, held_out.ids, held_out.texts, limit=500)
    found = {(row["id"], item["label"]): (place, item) for place, row in enumerate(listed) for item in row["disputed"]}
    assert set(planted) <= set(found)
    # The corpus has doubtful labels of its own, and the small model doubts good ones.
    assert np.mean([found[key][0] < 60 for key in planted]) >= 0.8
    for key, probability in planted.items():
        item = found[key][1]
        assert (item["given"], item["probability"]) == (False, pytest.approx(probability, abs=1e-6))
    assert [row["quality"] for row in listed] == sorted(row["quality"] for row in listed)
    assert {row["method"] for row in listed} == {"cleanlab"}


def test_every_planted_error_leads_the_list_and_nothing_else_is_on_it_where_the_model_is_sure() -> None:
    truth, probabilities = synthetic()
    truth[3], truth[70] = [1 - truth[3, 0], *truth[3, 1:]], [*truth[70, :2], 1 - truth[70, 2]]
    listed = suspects(truth, probabilities)
    assert {row["id"]: [item["label"] for item in row["disputed"]] for row in listed} == {"id-3": ["a"], "id-70": ["c"]}
    for row in listed:
        i, k = int(row["id"][3:]), LABELS.index(row["disputed"][0]["label"])
        assert row["text"] == f"Text {i}."
        assert row["labels"] == [label for label, held in zip(LABELS, truth[i], strict=True) if held]
        assert row["disputed"] == [
            {
                "label": LABELS[k],
                "given": bool(truth[i, k]),
                "probability": pytest.approx(float(probabilities[i, k]), abs=1e-6),
                "method": "cleanlab",
            }
        ]


@pytest.mark.parametrize("constant", [0, 1])
def test_a_label_on_all_rows_or_none_is_disputed_by_plain_comparison_which_is_said(constant: int) -> None:
    truth, probabilities = synthetic()
    truth[:, 1] = constant
    probabilities[:, 1] = abs(constant - 0.1)
    truth[5, 0], probabilities[9, 1] = 1 - truth[5, 0], 1 - constant
    listed = {row["id"]: row for row in suspects(truth, probabilities)}
    assert {name: [(d["label"], d["method"]) for d in row["disputed"]] for name, row in listed.items()} == {
        "id-9": [("b", "self-confidence")],
        "id-5": [("a", "cleanlab")],
    }


def test_where_no_label_stands_anywhere_the_most_disputed_rows_still_come_first() -> None:
    probabilities = np.array([[0.1, 0.6, 0.1], [0.9, 0.7, 0.1], [0.2, 0.1, 0.0]], np.float32)
    listed = suspects(np.zeros((3, 3), np.int8), probabilities)
    assert [(row["id"], row["quality"], row["method"]) for row in listed] == [
        ("id-1", 0.1, "self-confidence"),
        ("id-0", 0.4, "self-confidence"),
    ]
    assert [item["label"] for item in listed[0]["disputed"]] == ["a", "b"]


@pytest.mark.parametrize("n", [1, 2, 3, 12])
@pytest.mark.parametrize("n_labels", [1, 2, 3])
@pytest.mark.parametrize("decimals", [0, 2])
def test_small_and_odd_data_gives_a_list_without_a_warning(n: int, n_labels: int, decimals: int) -> None:
    for seed in range(8):
        random = np.random.default_rng(seed)
        truth = (random.random((n, n_labels)) < random.random()).astype(np.int8)
        probabilities = np.round(random.random((n, n_labels)), decimals).astype(np.float32)
        listed = suspects(truth, probabilities, LABELS[:n_labels])
        json.dumps(listed, allow_nan=False)
        assert all(row["disputed"] and 0 <= row["quality"] <= 1 for row in listed)


def test_rows_without_probabilities_are_left_out_and_the_limit_is_kept() -> None:
    truth, probabilities = synthetic()
    truth[:20, 0] = 1 - truth[:20, 0]
    probabilities[3] = np.nan
    whole = suspects(truth, probabilities)
    assert {row["id"] for row in whole} == {f"id-{i}" for i in range(20)} - {"id-3"}
    assert suspects(truth, probabilities, limit=7) == whole[:7]
    assert suspects(truth, probabilities, limit=0) == []
    assert suspects(truth, np.full_like(probabilities, np.nan)) == []
    assert suspects(truth[:0], probabilities[:0]) == []


def test_a_row_keeps_its_group_and_one_that_had_none_gets_none() -> None:
    truth, probabilities = synthetic()
    truth[:2, 0] = 1 - truth[:2, 0]
    listed = suspects(truth, probabilities, groups=["thread 1", "\0file, row 2", *["other"] * 198])
    assert {row["id"]: row["group"] for row in listed} == {"id-0": "thread 1", "id-1": None}
    assert {row["group"] for row in suspects(truth, probabilities)} == {None}


def test_cleanlab_is_imported_only_when_asked() -> None:
    import subprocess
    import sys

    code = "import sys, classifier.suspects; print('cleanlab' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=Path.cwd())
    assert done.stdout.strip() == "False"
