"""One rule says what a scorable paragraph is, and training data is read by it; there every row has an id of its own."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.errors import DataError
from classifier.labelled import Labelled, read_labelled
from classifier.labels import LabelScheme
from classifier.text import DEFAULT_MAX_CHARS, assess, is_blank, normalise

SCHEME = LabelScheme.from_names(["sympathy", "cynicism"])
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # whatever else the machine does


@pytest.mark.parametrize("text", ["Poor souls.", "?", "ok", "  padded  ", "…", "😢", "悲しい", "x" * DEFAULT_MAX_CHARS])
def test_a_text_with_anything_visible_is_scorable(text: str) -> None:
    assert assess(text) == ("ok", None)


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n", "\u00a0\u3000", "\u200b\u200d\ufeff", "\u00ad", "\x07\x1b"])
def test_a_text_with_nothing_visible_is_empty(text: str) -> None:
    assert assess(text) == ("empty", "the text is blank")


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        (None, "empty", "missing"),
        (7, "bad_text", "int"),
        (float("nan"), "bad_text", "float"),
        (b"bytes", "bad_text", "bytes"),
        (["a"], "bad_text", "list"),
        (True, "bad_text", "bool"),
        ("a\0b", "bad_text", "NUL"),
        ("\0", "bad_text", "NUL"),
        ("half \ud83d of it", "bad_text", "surrogate"),
    ],
)
def test_what_is_no_text_has_a_status_and_a_reason(value: object, status: str, reason: str) -> None:
    assessed = assess(value)
    assert assessed[0] == status
    assert reason in str(assessed[1])


def test_a_text_is_too_long_from_one_character_more_than_the_limit() -> None:
    assert assess("x" * 1_200, max_chars=1_200)[0] == "ok"
    assert assess("x" * 1_201, max_chars=1_200) == ("too_long", "the text has 1,201 characters, more than 1,200")
    assert assess(" " * (DEFAULT_MAX_CHARS + 1))[0] == "too_long"


@RELAXED
@given(st.none() | st.text(st.characters()) | st.integers() | st.binary() | st.lists(st.text(), max_size=2))
def test_every_value_has_a_status_and_only_scorable_texts_have_no_reason(value: object) -> None:
    status, reason = assess(value, max_chars=5)
    assert status in ("ok", "empty", "too_long", "bad_text")
    assert (status == "ok") == (reason is None)
    if status == "ok":
        assert isinstance(value, str)
        assert len(value.encode()) > 0
        assert value.strip()


@RELAXED
@given(st.text(st.sampled_from(" \t\n\u200b\u00ad\u00a0"), max_size=5), st.sampled_from("a?é😢1"))
def test_one_visible_character_among_invisible_ones_makes_a_text(padding: str, character: str) -> None:
    assert is_blank(padding)
    assert not is_blank(padding + character + padding)


@pytest.mark.parametrize(
    "other",
    [
        "they COVERED it up, again.",
        "  They covered\n\tit up,  again. ",
        "Ｔｈｅｙ covered it up, again.",  # full-width letters
        "They\u00a0covered it up, again.",
    ],
)
def test_texts_that_differ_in_case_white_space_or_width_are_the_same(other: str) -> None:
    assert normalise(other) == normalise("They covered it up, again.")


def test_composed_and_decomposed_accents_are_the_same_and_other_words_are_not() -> None:
    assert normalise("cafe\u0301") == normalise("café") != normalise("cafe")
    assert normalise("STRASSE") == normalise("Straße")
    assert normalise("not true") != normalise("true not")


def write(directory: Path, rows: list[dict[str, Any]], ending: str = "jsonl", name: str = "data") -> Path:
    path = directory / f"{name}.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif ending == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> Labelled:
    return read_labelled([path], SCHEME)


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("text", "why"), [("nul\0byte", "NUL"), ("half \ud83d", "surrogate"), (5, "type int"), (["a"], "type list")]
)
def test_training_data_with_a_text_that_is_no_text_is_refused_with_its_row(text: Any, why: str, tmp_path: Path) -> None:
    message = refusal(write(tmp_path, [{"text": "Fine.", "labels": []}, {"text": text, "labels": []}]))
    assert "FILE, row 2:" in message
    assert why in message


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_nul_is_noticed_in_every_format(ending: str, tmp_path: Path) -> None:
    rows = [{"text": "Fine.", "labels": "sympathy"}, {"text": "nul\0byte", "labels": ""}]
    assert "FILE, row 2: the text contains a NUL" in refusal(write(tmp_path, rows, ending))


def test_training_data_without_a_text_is_left_out_and_said_so(tmp_path: Path) -> None:
    path = write(tmp_path, [{"text": text, "labels": []} for text in ("A b.", " \n", None, "x" * 100_001)])
    data = read(path)
    assert data.texts == ["A b."]
    assert [line.partition(":")[0] for line in data.left_out] == [f"{path}, row {k}" for k in (2, 3, 4)]
    assert "3 rows without a text that can be scored were left out" in data.description
    assert "nothing to work on" in refusal(write(tmp_path, [{"text": "", "labels": []}]))


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("column", ["Comment", "BODY", "Text", "comment_text", "tweet"])
def test_a_missing_text_column_is_refused_with_the_likely_one_and_never_guessed(
    column: str, ending: str, tmp_path: Path
) -> None:
    message = refusal(write(tmp_path, [{"id": "1", column: "A b.", "labels": "sympathy"}], ending))
    assert "no column 'text'" in message
    assert f"did you mean --text-column {column!r}?" in message


def test_a_missing_text_column_without_a_likely_one_is_refused_with_the_columns_there_are(tmp_path: Path) -> None:
    for rows in ([{"nr": "1", "labels": ""}], [{"nr": str(k), "labels": ""} for k in range(3)]):
        message = refusal(write(tmp_path, rows, "csv"))
        assert "(it has 'nr', 'labels'): name it with --text-column." in message


def test_a_row_that_lacks_the_text_field_in_jsonl_is_refused_with_its_row(tmp_path: Path) -> None:
    path = write(tmp_path, [{"text": "A b.", "labels": []}, {"body": "C d.", "labels": []}])
    assert "FILE, row 2 has no column 'text'" in refusal(path)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_an_id_that_stands_twice_is_refused_with_both_rows(ending: str, tmp_path: Path) -> None:
    message = refusal(write(tmp_path, [{"id": 7, "text": text, "labels": ""} for text in ("A b.", "C d.")], ending))
    assert "FILE, row 2: the id '7' stands already in FILE, row 1" in message


def test_an_id_that_stands_in_two_files_is_refused(tmp_path: Path) -> None:
    row = {"id": "a1", "text": "A b.", "labels": ""}
    paths = [write(tmp_path, [row], ending, name) for ending, name in (("jsonl", "one"), ("csv", "two"))]
    with pytest.raises(DataError, match=r"two\.csv, row 1: the id 'a1' stands already in .*one\.jsonl, row 1"):
        read_labelled(paths, SCHEME)


def test_rows_without_an_id_are_named_by_their_place_and_groups_hold_rows_together(tmp_path: Path) -> None:
    rows = [
        {"text": f"Comment {k}.", "labels": [], "group": group} for k, group in enumerate(["t", None, "t", "", "", 5])
    ]
    data = read(write(tmp_path, rows))
    assert data.ids[1] == f"{tmp_path}/data.jsonl, row 2"
    assert data.groups[0] == data.groups[2]
    assert data.n_groups == 5
    assert "5 groups" in data.description
