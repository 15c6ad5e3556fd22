"""Predictions in files: every input column comes back as it was, whatever stands in it."""

import base64
import csv
import datetime
import decimal
import gzip
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classifier.formats import read_csv
from classifier.predictor import Model, Scored
from classifier.records import Chunk, OutputColumns
from classifier.writing import added_values, compressed, open_writer

LABELS = ("calm", "cross")
COLUMNS = OutputColumns(LABELS)
ADDED = ["labels", "score_calm", "score_cross", "status", "reason"]
# Characters that delimit, quote, end lines, start formulas or are lost by careless readers, and any others.
TRICKY = "\",;'|=+-@ \t\n\0\x0b\x1c\x85\u2028\ufeff\\aNÉ\U0001f600"
CELLS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
    st.text(TRICKY, max_size=12),
    st.sampled_from(["NA", "None", "null", "007", "1e5", "TRUE", "-0", "=1+1", "#N/A", "'", '"', "\n", "\\N"]),
)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6)


def scored(n: int) -> Scored:
    """Rows that carry no label, one, two; and a last one that could not be scored."""
    probabilities = np.float32([[0.1234567, 0.9], [0.5, 0.5], [1, 0]])[np.arange(n) % 3].reshape(n, 2)
    statuses, reasons = ["ok"] * n, [None] * n
    if n:
        probabilities[-1], statuses[-1], reasons[-1] = np.nan, "empty", "the text is blank"
    return Scored(statuses, reasons, probabilities, probabilities >= 0.5, np.zeros(n, bool))


def write(kind: str, data: Any, schema: pa.Schema | None = None, guard: bool = False) -> tuple[bytes, int]:
    """One chunk written: the bytes, and how many cells were guarded."""
    file = io.BytesIO()
    if schema is None and isinstance(data, pa.Table):
        schema = data.schema
    writer = open_writer(file, kind, COLUMNS, schema, guard)
    writer.write(Chunk("in", 1, data), added_values(COLUMNS, scored(len(data)), None))
    writer.close()
    assert not file.closed
    return file.getvalue(), writer.guarded


def table(rows: list[tuple[str, ...]], names: tuple[str, ...] = ("id", "text", "more")) -> pa.Table:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    return pa.table([pa.array(column, pa.string()) for column in columns], names=list(names))


def cells(data: bytes, delimiter: str = ",") -> list[list[str]]:
    """Read by the standard library's reader, which knows nothing of the writer under test."""
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter, strict=True))


@pytest.mark.parametrize(("kind", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_every_cell_of_delimited_text_comes_back_as_it_was(kind: str, delimiter: str) -> None:
    @settings(deadline=None)
    @given(ROWS)
    @example([("", "", "")])
    def holds(rows: list[tuple[str, ...]]) -> None:
        data, _ = write(kind, table(rows))
        header, *found = cells(data, delimiter)
        assert header == ["id", "text", "more", *ADDED]
        assert [tuple(row[:3]) for row in found] == rows
        again = [row for chunk in read_csv(io.BytesIO(data), "out", 4, delimiter) for row in chunk.data.to_pylist()]
        assert [(row["id"], row["text"], row["more"]) for row in again] == rows

    holds()


@pytest.mark.parametrize("text", ["one\rtwo", "\r", "end\r", "a new row for a spreadsheet\r=1+1"])
def test_a_lone_carriage_return_comes_back_from_delimited_text(text: str) -> None:
    data, _ = write("csv", table([("1", text, "x")]))
    assert cells(data)[1][:3] == ["1", text, "x"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELLS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(CELLS.filter(lambda key: key not in ADDED), JSON, max_size=4)


@settings(deadline=None)
@given(st.lists(OBJECTS, max_size=5))
@example([{"text": "half a pair: \ud83d", "\udc00": ["\ud800"]}, {"n": 2**70, "x": -0.0, "e": "\u2028\x85\r\n"}])
def test_every_field_of_jsonl_comes_back_as_it_was_and_in_its_place(rows: list[dict[str, Any]]) -> None:
    data, guarded = write("jsonl", rows, guard=True)
    lines = data.split(b"\n")
    assert lines.pop() == b""
    assert guarded == 0
    for row, line in zip(rows, lines, strict=True):
        found = json.loads(line.decode())
        assert list(found) == [*row, *ADDED]
        assert {key: found[key] for key in row} == row
        assert all(type(found[key]) is type(row[key]) for key in row)


@settings(deadline=None)
@given(ROWS)
def test_every_cell_of_parquet_comes_back_as_it_was(rows: list[tuple[str, ...]]) -> None:
    original = table(rows)
    data, _ = write("parquet", original, guard=True)
    found = pq.read_table(io.BytesIO(data))
    assert found.select(["id", "text", "more"]) == original
    assert found.column_names == ["id", "text", "more", *ADDED]


WHEN = datetime.datetime(2024, 2, 29, 23, 59, tzinfo=datetime.UTC)
ARRAYS = {
    "large_string": pa.array(["a", None], pa.large_string()),
    "string_view": pa.array(["a", None], pa.string_view()),
    "dictionary": pa.array(["a", "a"]).dictionary_encode(),
    "int8": pa.array([-128, None], pa.int8()),
    "uint64": pa.array([2**64 - 1, 0], pa.uint64()),
    "float16": pa.array([1.5, None], pa.float16()),
    "double": pa.array([float("nan"), -0.0]),
    "bool": pa.array([True, None]),
    "decimal": pa.array([decimal.Decimal("-1.10"), None], pa.decimal128(9, 2)),
    "date": pa.array([WHEN.date(), None]),
    "time": pa.array([WHEN.time(), None]),
    "zoned": pa.array([WHEN, None], pa.timestamp("us", "Europe/Berlin")),
    "nanoseconds": pa.array([1_234_567_890_123_456_789, None], pa.timestamp("ns")),
    "duration": pa.array([datetime.timedelta(days=-1), None]),
    "binary": pa.array([b"\x00\xff", None]),
    "fixed": pa.array([b"ab", None], pa.binary(2)),
    "list": pa.array([[1, None], None], pa.list_(pa.int16())),
    "struct": pa.array([{"a": {"b": [1]}}, None]),
    "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
    "null": pa.nulls(2),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_parquet_keeps_the_type_of_a_column(kind: str) -> None:
    source = io.BytesIO()
    pq.write_table(pa.table({"text": ["a", "b"], "it": ARRAYS[kind]}), source)
    original = pq.read_table(source)
    found = pq.read_table(io.BytesIO(write("parquet", original)[0]))
    assert found.schema.field("it").equals(original.schema.field("it"), check_metadata=True)
    assert str(found["it"].combine_chunks()) == str(original["it"].combine_chunks())  # as text NaN equals NaN


def test_parquet_keeps_that_a_column_has_no_nulls_and_adds_typed_columns() -> None:
    schema = pa.schema([pa.field("text", pa.string(), nullable=False)])
    found = pq.read_table(io.BytesIO(write("parquet", pa.table([["a", "b"]], schema=schema))[0]))
    assert not found.schema.field("text").nullable
    types = {name: str(found.schema.field(name).type) for name in ADDED}
    assert types == {"labels": "list<element: string>", **dict.fromkeys(ADDED[1:3], "float"), "status": "string", "reason": "string"}  # fmt: skip # noqa: E501
    assert found["labels"].to_pylist() == [["cross"], []]
    assert found["score_calm"].to_pylist() == [float(np.float32(0.123457)), None]


def test_csv_has_labels_with_semicolons_six_decimals_and_empty_cells_for_what_is_not_known() -> None:
    rows = cells(write("csv", table([("1", "a", "")] * 4))[0])[1:]
    assert [row[3:] for row in rows] == [
        ["cross", "0.123457", "0.9", "ok", ""],
        ["calm;cross", "0.5", "0.5", "ok", ""],
        ["calm", "1.0", "0.0", "ok", ""],
        ["", "", "", "empty", "the text is blank"],
    ]


def test_jsonl_has_labels_as_lists_and_null_for_what_is_not_known() -> None:
    data, _ = write("jsonl", [{"text": "a"}, {"text": ""}])
    one, other = map(json.loads, data.splitlines())
    assert one == {"text": "a", "labels": ["cross"], "score_calm": 0.123457, "score_cross": 0.9, "status": "ok", "reason": None}  # fmt: skip # noqa: E501
    assert other == {"text": "", "labels": [], "score_calm": None, "score_cross": None, "status": "empty", "reason": "the text is blank"}  # fmt: skip # noqa: E501


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_no_rows_give_a_file_with_all_columns(kind: str) -> None:
    data, _ = write(kind, table([]))
    if kind == "parquet":
        found = pq.read_table(io.BytesIO(data))
        assert (found.column_names, len(found)) == (["id", "text", "more", *ADDED], 0)
    else:
        assert cells(data, "\t" if kind == "tsv" else ",") == [["id", "text", "more", *ADDED]]


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", '\r"=1', "=", "--1", "- 5 of us"]
)
@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_cell_that_a_spreadsheet_would_run_is_guarded_and_counted(kind: str, cell: str) -> None:
    data, guarded = write(kind, table([("1", cell, cell)]), guard=True)
    assert cells(data, "\t" if kind == "tsv" else ",")[1][:3] == ["1", "'" + cell, "'" + cell]
    assert guarded == 2
    assert write("jsonl", [{"text": cell}], guard=True)[1] == 0


@pytest.mark.parametrize(
    "cell", ["-1", "+49", "-0.5", "-1e-5", "+.5", "1-2", "a=b", " =1", "'=1", "", "#1", "a@b.example"]
)
def test_numbers_and_harmless_cells_are_left_as_they_are(cell: str) -> None:
    data, guarded = write("csv", table([("1", cell, "x")]), guard=True)
    assert cells(data)[1][:3] == ["1", cell, "x"]
    assert guarded == 0


@settings(deadline=None)
@given(ROWS)
def test_the_guard_adds_an_apostrophe_or_nothing_and_leaves_no_formula(rows: list[tuple[str, ...]]) -> None:
    data, guarded = write("csv", table(rows), guard=True)
    changed = 0
    for row, found in zip(rows, cells(data)[1:], strict=True):
        for before, after in zip(row, found[:3], strict=True):
            changed += after != before
            assert after in (before, "'" + before)
            assert not after.startswith(("=", "@"))
            if after.startswith(("+", "-", "\t")):
                float(after)  # nothing but a number may start like this
    assert guarded == changed


def test_the_guard_covers_headers_and_labels_too() -> None:
    columns = OutputColumns(("@home", "away"), prefix="=")
    file = io.BytesIO()
    writer = open_writer(file, "csv", columns, pa.schema([("+text", pa.string())]), True)
    given_labels = Scored(["ok"], [None], np.float32([[0.9, 0.1]]), np.array([[True, False]]), np.zeros(1, bool))
    writer.write(Chunk("in", 1, table([("a",)], ("+text",))), added_values(columns, given_labels, None))
    writer.close()
    header, row = cells(file.getvalue())
    assert header == ["'+text", "'=labels", "'=score_@home", "'=score_away", "'=status", "'=reason"]
    assert row == ["a", "'@home", "0.9", "0.1", "ok", ""]


@pytest.mark.parametrize("value", [b"\xfb\xff", datetime.timedelta(days=-1)], ids=["bytes", "duration"])
def test_the_guard_covers_values_that_were_no_text(value: Any) -> None:
    data, guarded = write("csv", pa.table({"text": ["a"], "it": [value]}), guard=True)
    assert cells(data)[1][1].startswith("'")
    assert guarded == 1


def test_nested_and_typed_values_stand_in_csv_as_json_or_plain_text() -> None:
    row = {"l": ["é", 1], "d": {"a": None}, "t": True, "n": -5, "x": 0.1, "w": WHEN, "b": b"\x00", "none": None}
    names = pa.schema([(name, pa.null()) for name in row])
    data, guarded = write("csv", [row], names, guard=True)
    expected = ['["é", 1]', '{"a": null}', "true", "-5", "0.1", str(WHEN), base64.b64encode(b"\0").decode(), ""]
    assert cells(data)[1][: len(row)] == expected
    assert guarded == 0


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_half_a_surrogate_pair_becomes_a_visible_escape_where_the_format_cannot_hold_it(kind: str) -> None:
    rows = [{"text": "half \ud83d"}, {"text": "whole \U0001f600"}]
    data, _ = write(kind, rows, pa.schema([("text", pa.string())]))
    found = (
        [row[0] for row in cells(data)[1:]] if kind == "csv" else pq.read_table(io.BytesIO(data))["text"].to_pylist()
    )
    assert found == ["half \\ud83d", "whole \U0001f600"]


def test_a_column_that_one_file_of_several_lacks_is_empty_for_its_rows() -> None:
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("more", pa.string())])
    narrow = table([("a",), ("b",)], ("text",))
    assert [row[:3] for row in cells(write("csv", narrow, schema)[0])[1:]] == [["", "a", ""], ["", "b", ""]]
    found = pq.read_table(io.BytesIO(write("parquet", narrow, schema)[0])).select(schema.names)
    assert found.to_pylist() == [{"id": None, "text": text, "more": None} for text in "ab"]


def test_gzip_output_depends_on_its_content_alone() -> None:
    packed = []
    for _ in range(2):
        file = io.BytesIO()
        with compressed(file) as stream:
            stream.write(b"the same bytes")
        packed.append(file.getvalue())
    assert packed[0] == packed[1]
    assert packed[0][4:8] == bytes(4)  # no clock time in the header (RFC 1952)
    assert gzip.decompress(packed[0]) == b"the same bytes"


def test_evidence_columns_name_the_words_for_the_labels_that_were_given(model: Model) -> None:
    columns = OutputColumns(model.labels, evidence=True)
    texts = ["I am so sorry for the families, poor souls, nobody should lose a home like that.", "ok", None]
    found = model.score(texts)
    explanations = [model.explain(text) if text else None for text in texts]
    values = added_values(columns, found, explanations)
    assert list(values) == columns.names
    for k, label in enumerate(model.labels):
        evidence = values[columns.evidence_of(label)]
        assert [bool(words) for words in evidence] == found.given[:, k].tolist()
    assert "sorry" in values["evidence_sympathy"][0]
