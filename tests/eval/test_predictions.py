"""Predictions of any tool are joined by id, and whatever could make the join or the labels wrong is refused."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifier.errors import DataError
from classifier.labelled import Columns, Labelled, read_labelled
from classifier.labels import LabelScheme
from classifier.predictor import Model
from eval.predictions import Predictions, read_predictions

SCHEME = LabelScheme.from_names(["joy", "rage"], "moods")
TRUTH = [
    {"id": "007", "text": "What a day!", "labels": ["joy"]},
    {"id": "8", "text": "Never again.", "labels": ["rage", "joy"]},
    {"id": "=9", "text": "The tram was late.", "labels": []},
]
ANSWERS: list[dict[str, Any]] = [
    {"id": "=9", "labels": ["joy"], "score_joy": 0.75, "score_rage": 0.125},
    {"id": "007", "labels": ["joy", "rage"], "score_joy": 0.5, "score_rage": 0.25},
    {"id": "8", "labels": [], "score_joy": 0.0, "score_rage": 1.0},
]
GIVEN = [[True, True], [False, False], [True, False]]
SCORES = [[0.5, 0.25], [0.0, 1.0], [0.75, 0.125]]
ENDINGS = ["jsonl", "json", "csv", "tsv", "parquet", "csv.gz"]


def write(directory: Path, rows: list[dict[str, Any]], ending: str = "jsonl", name: str = "answers") -> Path:
    path = directory / f"{name}.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif ending in ("jsonl", "json"):
        lines = [json.dumps(row) for row in rows]
        path.write_text(f"[{','.join(lines)}]" if ending == "json" else "\n".join(lines), encoding="utf-8")
    else:
        opened: Any = gzip.open if ending.endswith(".gz") else open
        with opened(path, "wt", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if ending == "tsv" else ",")
            writer.writeheader()
            joined = [{k: ";".join(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
            writer.writerows(joined)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Labelled:
    return read_labelled([write(tmp_path, TRUTH, name="truth")], SCHEME)


def without(*names: str, rows: list[dict[str, Any]] = ANSWERS) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def changed(position: int, **cells: Any) -> list[dict[str, Any]]:
    return [row | cells if k == position else row for k, row in enumerate(ANSWERS)]


def refusal(path: Path, data: Labelled, **columns: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_predictions(path, data, Columns(**columns))
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def check(read: Predictions, given: Any = GIVEN, scores: Any = SCORES) -> None:
    assert read.given.dtype == np.bool_
    assert read.given.tolist() == given
    assert read.probabilities.dtype == np.float32
    np.testing.assert_array_equal(read.probabilities, np.array(scores, np.float32))


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_is_joined_by_id_in_the_order_of_the_data(ending: str, data: Labelled, tmp_path: Path) -> None:
    read = read_predictions(write(tmp_path, ANSWERS, ending), data)
    check(read)
    assert len(read.thresholds) == 2
    assert np.isnan(read.thresholds).all()
    assert "3 rows of" in read.description
    assert 'labels from the column "labels", scores of all labels' in read.description


def test_a_directory_of_files_is_read_as_one(data: Labelled, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    write(parts, ANSWERS[:2], name="part-0")
    write(parts, ANSWERS[2:], name="part-1")
    check(read_predictions(parts, data))


def test_scores_may_be_absent_or_of_some_labels_or_rows_only(data: Labelled, tmp_path: Path) -> None:
    nan = float("nan")
    none = read_predictions(write(tmp_path, without("score_joy", "score_rage"), "csv"), data)
    check(none, scores=[[nan, nan]] * 3)
    assert "no scores" in none.description
    one = read_predictions(write(tmp_path, without("score_rage"), "csv"), data)
    check(one, scores=[[0.5, nan], [0.0, nan], [0.75, nan]])
    assert "scores of 1 of 2 labels" in one.description
    for absent, ending in ((None, "jsonl"), (None, "parquet"), ("", "csv"), ("NaN", "csv"), (nan, "parquet")):
        gaps = read_predictions(write(tmp_path, changed(1, score_joy=absent), ending), data)
        check(gaps, scores=[[nan, 0.25], *SCORES[1:]])


def test_without_labels_one_half_decides_and_this_is_said(data: Labelled, tmp_path: Path) -> None:
    read = read_predictions(write(tmp_path, without("labels")), data)
    check(read, given=[[True, False], [False, True], [True, False]])
    assert read.thresholds == (0.5, 0.5)
    assert "no labels: each was given where its score is 0.5 or more" in read.description


def test_without_labels_a_row_or_a_label_without_a_score_is_refused(data: Labelled, tmp_path: Path) -> None:
    assert "neither a column 'labels' nor a score of every label ('score_rage' is missing" in refusal(
        write(tmp_path, without("labels", "score_rage")), data
    )
    gap = [row | {"score_rage": None} if row["id"] == "8" else row for row in without("labels")]
    assert "FILE, row 3 has no score of 'rage'" in refusal(write(tmp_path, gap), data)


def test_ids_that_do_not_match_are_refused_with_counts_and_the_first_of_each_kind(
    data: Labelled, tmp_path: Path
) -> None:
    message = refusal(write(tmp_path, [*ANSWERS[1:2], ANSWERS[1], {"id": "x", "labels": []}], "jsonl"), data)
    assert "2 of the data are missing (first: '8')" in message
    assert "1 are not in the data (first: 'x' in FILE, row 3)" in message
    assert "1 stand in it twice (first: '007' in FILE, row 2 and in FILE, row 1)" in message
    assert "FILE: its ids do not match the labelled data: 1 of the data are missing (first: '8')" in refusal(
        write(tmp_path, ANSWERS[:2], "csv"), data
    )


def test_an_id_of_zeros_stays_text_and_a_number_is_read_as_its_digits(data: Labelled, tmp_path: Path) -> None:
    check(read_predictions(write(tmp_path, [*ANSWERS[:2], ANSWERS[2] | {"id": 8}]), data))
    assert "'007'" in refusal(write(tmp_path, changed(1, id="7"), "csv"), data)


def test_files_without_ids_are_refused(data: Labelled, tmp_path: Path) -> None:
    assert "FILE has no column 'id'" in refusal(write(tmp_path, without("id"), "csv"), data)
    assert "FILE, row 2 has no 'id'" in refusal(write(tmp_path, changed(1, id=None)), data)
    assert "FILE has no column 'id' (it has no columns)" in refusal(write(tmp_path, []), data)
    nameless = read_labelled([write(tmp_path, without("id", rows=TRUTH), name="nameless")], SCHEME)
    assert "The labelled data has no ids" in refusal(write(tmp_path, ANSWERS), nameless)


def test_the_id_column_may_be_named_and_the_predictions_may_call_it_id(tmp_path: Path) -> None:
    rows = [{**row, "number": row["id"]} for row in TRUTH]
    truth = read_labelled(
        [write(tmp_path, without("id", rows=rows), name="truth")], SCHEME, columns=Columns(id="number")
    )
    named = [{**row, "number": row["id"]} for row in ANSWERS]
    check(read_predictions(write(tmp_path, without("id", rows=named)), truth, Columns(id="number")))
    check(read_predictions(write(tmp_path, ANSWERS), truth, Columns(id="number")))


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"labels": ["joi"]}, "FILE, row 2: unknown label 'joi': did you mean 'joy'?"),
        ({"labels": None}, "FILE, row 2 has no labels (null)"),
        ({"labels": 3}, "FILE, row 2: labels must be a list"),
        ({"score_joy": 1.5}, "FILE, row 2: the score 1.5 of 'joy' lies outside 0 to 1"),
        ({"score_joy": -0.1}, "FILE, row 2: the score -0.1 of 'joy' lies outside 0 to 1"),
        ({"score_joy": "inf"}, "FILE, row 2: the score inf of 'joy' lies outside 0 to 1"),
        ({"score_joy": "high"}, "FILE, row 2: the score of 'joy' is 'high'; it must be a number"),
        ({"score_joy": [0.5]}, "FILE, row 2: the score of 'joy' is [0.5]; it must be a number"),
        ({"score_joy": 10**400}, "FILE, row 2: the score of 'joy' is 1000"),
    ],
)
def test_a_wrong_cell_is_refused_with_file_row_and_remedy(
    cells: dict[str, Any], sentence: str, data: Labelled, tmp_path: Path
) -> None:
    assert sentence in refusal(write(tmp_path, changed(1, **cells)), data)


def test_a_score_above_one_by_rounding_is_one(data: Labelled, tmp_path: Path) -> None:
    rounded = changed(1, score_joy=float(np.float32(1) + np.finfo(np.float32).eps))
    assert read_predictions(write(tmp_path, rounded), data).probabilities[0, 0] == 1.0


def test_scores_of_unknown_labels_are_ignored_and_named(data: Labelled, tmp_path: Path) -> None:
    read = read_predictions(write(tmp_path, [row | {"score_total": 99} for row in ANSWERS]), data)
    check(read)
    assert "scores of unknown labels were ignored (score_total)" in read.description


def test_labels_that_equal_the_truth_everywhere_raise_a_suspicion(data: Labelled, tmp_path: Path) -> None:
    assert "make sure that they are not a copy" in read_predictions(write(tmp_path, TRUTH), data).description
    assert "copy" not in read_predictions(write(tmp_path, ANSWERS), data).description


def test_rows_that_reading_left_out_of_the_data_may_stand_among_the_predictions(tmp_path: Path) -> None:
    blank = {"id": "b", "text": " ", "labels": []}
    data = read_labelled([write(tmp_path, [*TRUTH, blank], name="truth")], SCHEME)
    for extra in ({"id": "b", "text": " ", "labels": []}, {"id": "b", "labels": [], "status": "empty"}):
        texts = [{"text": "some", **row} if "text" in extra else row for row in ANSWERS]
        read = read_predictions(write(tmp_path, [*texts, extra]), data)
        check(read)
        assert "1 rows without a text that can be scored were passed over" in read.description
    assert "'b'" in refusal(write(tmp_path, [*ANSWERS, {"id": "b", "labels": []}]), data)


@pytest.mark.parametrize("dropped", [(), ("labels",)])
def test_a_row_that_a_model_could_not_answer_counts_as_without_labels(
    dropped: tuple[str, ...], data: Labelled, tmp_path: Path
) -> None:
    rows = without(*dropped, rows=changed(1, labels=None, score_joy=None, score_rage=None, status="too_long"))
    read = read_predictions(write(tmp_path, rows), data)
    assert read.given[0].tolist() == [False, False]
    assert np.isnan(read.probabilities[0]).all()
    assert "1 rows without an answer" in read.description


def test_another_meaning_of_status_changes_nothing(data: Labelled, tmp_path: Path) -> None:
    for status in ("error", "published", ["a"], 3):
        read = read_predictions(write(tmp_path, [row | {"status": status} for row in ANSWERS[:2]] + ANSWERS[2:]), data)
        check(read)
        assert "without an answer" not in read.description


OURS = {"status": "ok", "reason": None}


def test_answers_of_several_models_in_one_file_are_refused(data: Labelled, tmp_path: Path) -> None:
    rows = [{f"{prefix}{k}": v for prefix in ("a_", "b_") for k, v in (row | OURS).items()} | row for row in ANSWERS]
    assert "several models ('a_labels' and 'b_labels')" in refusal(write(tmp_path, rows), data)


@pytest.mark.parametrize("output", ["jsonl", "csv", "parquet", "shards/"])
def test_what_classify_writes_for_the_labelled_file_is_read_back_without_the_copied_truth(
    output: str,
    stance: Any,
    labelled: Labelled,
    labelled_file: Path,
    model: Model,
    model_directory: Path,
    tmp_path: Path,
) -> None:
    target = f"{tmp_path}/{output}" if output.endswith("/") else f"{tmp_path}/out.{output}"
    arguments = ("classify", labelled_file, "-o", target, "--model", model_directory, "--prefix", "m_", "--quiet")
    assert stance(*arguments)[0] == 0
    read, scored = read_predictions(target, labelled), model.score(labelled.texts)
    check(read, scored.given.tolist(), scored.probabilities)
    assert 'labels from the column "m_labels"' in read.description


def test_what_classify_writes_without_a_prefix_is_read_and_its_formula_guard_undone(
    stance: Any, model: Model, model_directory: Path, tmp_path: Path
) -> None:
    rows = [{"id": f"@{k}", "text": row["text"]} for k, row in enumerate(TRUTH)]
    data = read_labelled([write(tmp_path, [row | {"labels": []} for row in rows], name="truth")], model.scheme)
    target = tmp_path / "out.csv"
    assert stance("classify", write(tmp_path, rows), "-o", target, "--model", model_directory, "--quiet")[0] == 0
    assert "'@1" in target.read_text(encoding="utf-8")
    scored = model.score(data.texts)
    check(read_predictions(target, data), scored.given.tolist(), scored.probabilities)
