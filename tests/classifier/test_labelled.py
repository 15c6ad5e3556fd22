"""Labelled paragraphs: every label form and annotation tool, what was read said back, every mistake named."""

import csv
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

SCHEME = LabelScheme.from_names(["sympathy", "cynicism", "skepticism", "conspiracy"], "stances")
TEXTS = ["Poor souls, all of them.", "Of course the minister was moved. By the cameras.", "The tram was late."]
ENDINGS = ["jsonl", "csv", "parquet"]


def write(directory: Path, rows: list[dict[str, Any]], ending: str = "jsonl") -> Path:
    """A file of the rows; CSV holds lists and objects as JSON text."""
    path = directory / f"data.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif ending == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            for row in rows:
                writer.writerow({k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()})
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text("[" + ",".join(text.splitlines()) + "]" if ending == "json" else text, encoding="utf-8")
    return path


def read(path: Path, scheme: LabelScheme | None = None, **columns: Any) -> Labelled:
    return read_labelled([path], scheme, default=SCHEME, columns=Columns(**columns))


def refusal(path: Path, scheme: LabelScheme | None = None, **columns: Any) -> str:
    """What the one-line message says; the path, which holds the test's name, becomes FILE."""
    with pytest.raises(DataError) as caught:
        read(path, scheme, **columns)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def with_texts(*labels: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"text": text, **given} for text, given in zip(TEXTS, labels, strict=False)]


def one_hot(*values: float) -> dict[str, Any]:
    return dict(zip(SCHEME.names, values, strict=True))


# What two rows carry, the soft labels and the number of votes that follow, and how it is said back.
FORMS: dict[str, tuple[list[dict[str, Any]], list[list[float]], list[int], str]] = {
    "list": ([{"labels": ["cynicism", "sympathy"]}, {"labels": []}], [[1, 1, 0, 0], [0] * 4], [0, 0], "labels"),
    "joined": ([{"labels": "sympathy; cynicism"}, {"labels": ""}], [[1, 1, 0, 0], [0] * 4], [0, 0], "labels"),
    "0/1": ([one_hot(1, 0, 0, 1), one_hot(0, 0, 0, 0)], [[1, 0, 0, 1], [0] * 4], [0, 0], "columns"),
    "0..1": (
        [one_hot(0.5, 0.25, 1, 0), one_hot(0, 0.75, 0, 0)],
        [[0.5, 0.25, 1, 0], [0, 0.75, 0, 0]],
        [0, 0],
        "columns",
    ),
    "true/false": ([one_hot(True, False, False, True)] * 2, [[1, 0, 0, 1]] * 2, [0, 0], "columns"),
    "votes": (
        [{"votes": [["sympathy"], ["sympathy", "cynicism"], [], ["sympathy"]]}, {"votes": [[], []]}],
        [[0.75, 0.25, 0, 0], [0] * 4],
        [4, 2],
        "votes",
    ),
    "votes by annotator": (
        [{"votes": {"ann": ["sympathy"], "bo": []}}, {"votes": {"ann": [], "bo": ["conspiracy"]}}],
        [[0.5, 0, 0, 0], [0, 0, 0, 0.5]],
        [2, 2],
        "votes",
    ),
    "scores": (
        [{"scores": [{"sympathy": 2, "cynicism": 1}, {"sympathy": 1, "cynicism": 0}]}, {"scores": [{"sympathy": 0}]}],
        [[0.75, 0.25, 0, 0], [0] * 4],
        [2, 1],
        "scores",
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("form", FORMS)
def test_every_label_form_is_read_from_every_format_and_said_back(form: str, ending: str, tmp_path: Path) -> None:
    given, soft, voters, described = FORMS[form]
    data = read(write(tmp_path, with_texts(*given), ending))
    assert data.texts == TEXTS[:2]
    np.testing.assert_allclose(data.soft, soft)
    np.testing.assert_array_equal(data.hard, (np.array(soft) >= 0.5).astype(int))
    assert [len(votes) for votes in data.votes] == voters
    said = "a column a label" if described == "columns" else f'the column "{described}"'
    assert f"2 rows, 4 labels from {said}" in data.description


def test_votes_keep_each_annotators_labels(tmp_path: Path) -> None:
    data = read(write(tmp_path, with_texts({"votes": [["cynicism"], None, ["conspiracy", "sympathy"]]})))
    assert data.votes[0].tolist() == [[0, 1, 0, 0], [1, 0, 0, 1]]
    scored = read(write(tmp_path, with_texts({"scores": [{"sympathy": 2}, {"sympathy": 1, "cynicism": 0}]})))
    assert scored.votes[0].tolist() == [[1, 0, 0, 0], [1, 0, 0, 0]]


def test_votes_stored_as_an_arrow_map_are_read(tmp_path: Path) -> None:
    kind = pa.map_(pa.string(), pa.list_(pa.string()))
    votes = pa.array([[("ann", ["sympathy"]), ("bo", [])], [("ann", None), ("cy", ["cynicism"])]], kind)
    pq.write_table(pa.table({"text": TEXTS[:2], "votes": votes}), tmp_path / "map.parquet")
    assert read(tmp_path / "map.parquet").soft.tolist() == [[0.5, 0, 0, 0], [0, 1, 0, 0]]


@pytest.mark.parametrize("ending", ENDINGS)
def test_labels_are_the_truth_and_soft_labels_come_from_scores_before_votes(ending: str, tmp_path: Path) -> None:
    row = {"labels": ["conspiracy"], "votes": [["sympathy"], []], "scores": [{"sympathy": 1, "cynicism": 2}]}
    data = read(write(tmp_path, with_texts(row, {**row, "labels": []}), ending))
    assert data.hard.tolist() == [[0, 0, 0, 1], [0, 0, 0, 0]]
    assert data.soft.tolist() == [[0.5, 1, 0, 0]] * 2
    assert data.votes[0].tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    assert '"labels"' in data.description


def test_labels_without_votes_are_their_own_soft_labels(tmp_path: Path) -> None:
    data = read(write(tmp_path, with_texts({"labels": ["cynicism"], "votes": None}, {"labels": [], "votes": [[]]})))
    assert data.soft.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]


def test_an_empty_cell_of_votes_in_csv_means_that_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('text,labels,votes\na b,sympathy,"[[""sympathy""]]"\nc d,cynicism,\n')
    assert [len(votes) for votes in read(path).votes] == [1, 0]


def test_labels_of_a_later_row_are_not_overruled_by_its_votes(tmp_path: Path) -> None:
    path = write(tmp_path, with_texts({"votes": [["sympathy"]]}, {"labels": [], "votes": [["sympathy"]]}))
    try:
        assert read(path).hard[1].tolist() == [0, 0, 0, 0]
    except DataError as error:  # as well, since read_labelled promises it for «rows of unlike forms»
        assert "row 2" in str(error)  # noqa: PT017


def test_rows_of_unlike_forms_are_refused(tmp_path: Path) -> None:
    assert "row 2" in refusal(write(tmp_path, with_texts({"labels": []}, one_hot(1, 0, 0, 0))))


def test_columns_of_other_names_are_read_where_they_are_named(tmp_path: Path) -> None:
    row = {
        "body": "Poor souls.",
        "nr": 7,
        "thread": "t1",
        "stance": "sympathy",
        "text": "no",
        "labels": "no",
        "id": "x",
    }
    data = read(write(tmp_path, [row], "csv"), text="body", id="nr", group="thread", labels="stance")
    assert (data.texts, data.ids) == (["Poor souls."], ["7"])
    assert data.hard.tolist() == [[1, 0, 0, 0]]
    assert 'from the column "stance", 1 groups' in data.description


@pytest.mark.parametrize(
    ("form", "ending"),
    [
        *((form, ending) for form in ("labels", "votes") for ending in ENDINGS),
        *(("scores", ending) for ending in ("jsonl", "csv")),
        pytest.param("scores", "parquet"),
    ],
)
def test_an_unknown_label_is_refused_with_its_row_and_the_nearest_label(form: str, ending: str, tmp_path: Path) -> None:
    cells = {"labels": lambda n: [n], "votes": lambda n: [[n]], "scores": lambda n: [{n: 2}]}
    rows = with_texts(*({form: cells[form](name)} for name in ("sympathy", "Cynicsm")))
    message = refusal(write(tmp_path, rows, ending))
    assert "FILE, row 2: unknown label 'Cynicsm': did you mean 'cynicism'?" in message


@pytest.mark.parametrize("value", ["1.3", "-0.1", "nan", "inf", "", "yes"])
def test_a_soft_label_that_is_no_number_from_0_to_1_is_refused_with_its_row(value: str, tmp_path: Path) -> None:
    rows = with_texts(one_hot(0, 0, 0, 0), {**one_hot(0, 0, 0, 0), "skepticism": value})
    message = refusal(write(tmp_path, rows, "csv"))
    assert "FILE, row 2:" in message
    assert "'skepticism'" in message
    assert "0 to 1" in message


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize("form", ["labels", "scores"])
def test_null_in_place_of_labels_is_refused_with_its_row(form: str, ending: str, tmp_path: Path) -> None:
    good = {"labels": ["sympathy"], "scores": [{"sympathy": 1}]}[form]
    message = refusal(write(tmp_path, with_texts({form: good}, {form: None}), ending))
    assert f"FILE, row 2 has no {form}" in message


@pytest.mark.parametrize(
    "given",
    [
        {"labels": 1},
        {"labels": [1]},
        {"labels": '["sympathy"'},
        {"votes": []},
        {"votes": [None]},
        {"votes": "sympathy"},
        {"scores": {"sympathy": 2}},
        {"scores": [{"sympathy": 3}]},
        {"scores": [{"sympathy": True}]},
        {"scores": []},
    ],
    ids=json.dumps,
)
def test_labels_in_no_known_form_are_refused_with_their_row(given: dict[str, Any], tmp_path: Path) -> None:
    assert "FILE, row 1" in refusal(write(tmp_path, with_texts(given)))


def test_data_without_labels_is_refused_with_the_likely_column(tmp_path: Path) -> None:
    assert "--labels-column 'Stance'" in refusal(write(tmp_path, with_texts({"Stance": "sympathy"}), "csv"))
    assert "--label-columns" in refusal(write(tmp_path, with_texts({"sympathy": 1}), "csv"))


def label_studio(*choices: list[str] | None, data: dict[str, Any] | None = None) -> dict[str, Any]:
    """A task as Label Studio's JSON export has it; None is an annotation that was cancelled."""
    about = {"from_name": "stance", "to_name": "text", "type": "choices"}
    annotations = [
        {"id": k, "was_cancelled": given is None, "result": [{"value": {"choices": given}, **about}] if given else []}
        for k, given in enumerate(choices)
    ]
    data = data or {"text": TEXTS[0], "group": "t1"}
    return {"id": 1, "annotations": annotations, "drafts": [], "predictions": [], "data": data}


def argilla(*answers: Any, version: int = 2, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """A record as Argilla's `records.to_json` (2) or the older client (1) writes it."""
    given: Any = {"stance": [{"value": answer, "user_id": f"u{k}"} for k, answer in enumerate(answers)]}
    if version == 1:
        given = [{"values": {"stance": {"value": answer}}, "status": "submitted"} for answer in answers]
    fields = fields or {"text": TEXTS[0]}
    return {"id": "r1", "fields": fields, "metadata": {"group": "t1"}, "suggestions": {}, "responses": given}


EXPORTS = {
    "Label Studio": [label_studio(["sympathy", "cynicism"], ["sympathy"], None, [])],
    "Argilla": [argilla(["sympathy", "cynicism"], ["sympathy"], [])],
    "Argilla, of the older client": [argilla(["sympathy", "cynicism"], ["sympathy"], [], version=1)],
}


@pytest.mark.parametrize("ending", ["json", "jsonl"])
@pytest.mark.parametrize("tool", EXPORTS)
def test_an_export_with_several_annotators_is_read_as_votes(tool: str, ending: str, tmp_path: Path) -> None:
    data = read(write(tmp_path, EXPORTS[tool], ending))
    assert (data.texts, data.n_groups) == ([TEXTS[0]], 1)
    assert data.ids == ["1" if tool == "Label Studio" else "r1"]
    assert data.votes[0].tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert data.hard.tolist() == [[1, 0, 0, 0]]
    assert f"{tool.partition(',')[0]} export" in data.description
    assert "3 annotators a row, 1 groups" in data.description


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_a_doccano_export_is_read_as_it_is(ending: str, tmp_path: Path) -> None:
    rows = [{"id": k, "label": label, "Comments": []} for k, label in enumerate([["cynicism", "sympathy"], []])]
    data = read(write(tmp_path, with_texts(*rows), ending))
    assert data.hard.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0]]
    assert "doccano export" in data.description


def test_an_answer_of_a_single_choice_question_is_a_label(tmp_path: Path) -> None:
    assert read(write(tmp_path, [argilla("skepticism")], "json")).hard.tolist() == [[0, 0, 1, 0]]


@pytest.mark.parametrize("unlabelled", [{"text": "A b.", "votes": None}, label_studio(None), argilla()])
def test_a_row_that_nobody_annotated_is_left_out(unlabelled: dict[str, Any], tmp_path: Path) -> None:
    path = write(tmp_path, [unlabelled, *with_texts({"votes": [["sympathy"]]})], "json")
    data = read(path)
    assert data.texts == TEXTS[:1]
    assert data.left_out == [f"{path}, row 1: nobody has annotated the row."]


def test_why_rows_were_left_out_is_said_truly(tmp_path: Path) -> None:
    data = read(write(tmp_path, with_texts({"votes": [["sympathy"]]}, {"votes": None})))
    assert "left out" in data.description
    assert "without a text" not in data.description


def test_a_row_with_scores_and_without_votes_is_labelled_by_its_scores(tmp_path: Path) -> None:
    rows = with_texts({"votes": [["sympathy"]], "scores": None}, {"votes": None, "scores": [{"cynicism": 2}]})
    assert read(write(tmp_path, rows)).hard.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]


@pytest.mark.parametrize("row", [label_studio([], data={"comment": "A b."}), argilla([], fields={"comment": "A b."})])
def test_an_export_without_the_text_column_is_refused_with_the_likely_one(row: dict[str, Any], tmp_path: Path) -> None:
    assert "--text-column 'comment'" in refusal(write(tmp_path, [row], "json"))
    assert read(write(tmp_path, [row], "json"), text="comment").texts == ["A b."]


def test_a_list_in_the_column_label_can_be_named_as_the_labels_column(tmp_path: Path) -> None:
    assert read(write(tmp_path, with_texts({"label": ["cynicism"]})), labels="label").hard.tolist() == [[0, 1, 0, 0]]


# How each tool writes what its full JSON export does not cover, from the tools' own code.
UNREAD: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "doccano, CSV": ("csv", {"label": "cynicism#sympathy", "Comments": ""}, {}),
    "Label Studio, JSON-MIN": ("json", {"stance": {"choices": ["cynicism", "sympathy"]}}, {"labels": "stance"}),
    "Label Studio, CSV": ("csv", {"stance": {"choices": ["cynicism", "sympathy"]}}, {"labels": "stance"}),
    "Argilla, to_datasets": ("parquet", {"stance.responses": [["cynicism", "sympathy"]], "status": "completed"}, {}),
}


@pytest.mark.parametrize("form", UNREAD)
def test_the_other_exports_of_these_tools_are_read_as_they_are(form: str, tmp_path: Path) -> None:
    ending, labels, columns = UNREAD[form]
    assert read(write(tmp_path, with_texts(labels), ending), **columns).hard.tolist() == [[1, 1, 0, 0]]


def test_annotators_are_told_apart_by_name_or_by_place(tmp_path: Path) -> None:
    named = with_texts({"votes": {"ann": ["cynicism"], "carl": []}}, {"votes": {"carl": [], "ann": None, "eve": []}})
    assert [who.tolist() for who in read(write(tmp_path, named)).annotators] == [[0, 1], [1, 2]]
    placed = with_texts({"votes": [["cynicism"], [], []]}, {"votes": [None, [], ["sympathy"]]})
    assert [who.tolist() for who in read(write(tmp_path, placed)).annotators] == [[0, 1, 2], [1, 2]]
