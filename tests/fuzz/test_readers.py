"""What csv, json and pyarrow write is read back exactly; any other bytes give rows or an error of one sentence."""

import contextlib
import csv
import gzip
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from classifier.errors import DataError
from classifier.formats import READERS, Format, read_csv, unpacked
from classifier.labelforms import parse_labels, parse_scores, parse_soft, parse_votes
from classifier.labelled import read_labelled
from classifier.labels import LabelScheme
from classifier.records import Chunk
from classifier.sources import json_schema, unified

# A busy machine may be slow, which is no error of the readers.
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(SOME, max_examples=200)

UNICODE = st.characters(codec="utf-8")
CELLS = st.text(UNICODE, max_size=30) | st.text(st.sampled_from(',;\t|"\r\n \0a007é\u2028\ufeff'), max_size=8)
NAMES = st.lists(
    st.text(st.sampled_from("abcxyzé _"), min_size=1).filter(str.strip), min_size=1, max_size=4, unique=True
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(UNICODE, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(UNICODE, max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(UNICODE, max_size=6), JSON, max_size=4), max_size=6)


def rows_of(reader_format: Format, content: bytes, rows: int = 3, packed: bool = False) -> list[dict[str, Any]]:
    file = unpacked(io.BytesIO(gzip.compress(content) if packed else content), Path("x.gz" if packed else "x"))
    read: list[dict[str, Any]] = []
    for chunk in READERS[reader_format](file, "x", rows):
        assert len(chunk) <= rows
        assert chunk.first_row == len(read) + 1
        read += chunk.data if isinstance(chunk.data, list) else chunk.data.to_pylist()
    return read


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header and rows of text cells."""
    header = draw(NAMES)
    return [header, *draw(st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), max_size=6))]


@MANY
@given(tables(), st.sampled_from(",;\t|"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.integers(1, 4))
def test_what_csv_writes_is_read_back_exactly(table: list[list[str]], delimiter: str, quoting: Any, rows: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(table)
    content, (header, *cells) = text.getvalue().encode(), table
    expected = [dict(zip(header, row, strict=True)) for row in cells]
    if delimiter in ",\t":
        assert rows_of("csv" if delimiter == "," else "tsv", content, rows, packed=rows > 2) == expected
    if len(header) > 1:  # the delimiter of a single column cannot be guessed, and need not be
        chunks = list(read_csv(io.BytesIO(content), "x", rows))
        assert [row for chunk in chunks for row in chunk.data.to_pylist()] == expected


@MANY
@given(OBJECTS, st.booleans(), st.integers(1, 4))
def test_what_json_writes_is_read_back_exactly(objects: list[dict[str, Any]], escaped: bool, rows: int) -> None:
    lines = "".join(json.dumps(item, ensure_ascii=escaped) + "\n" for item in objects)
    assert rows_of("jsonl", lines.encode(), rows, packed=escaped) == objects
    array = json.dumps(objects, ensure_ascii=escaped, indent=rows - 1 or None)
    assert rows_of("json", array.encode(), rows) == objects


COLUMNS: dict[str, Any] = {
    "text": (pa.string(), st.none() | CELLS),
    "large": (pa.large_string(), CELLS),
    "whole": (pa.int64(), st.none() | st.integers(-(2**63), 2**63 - 1)),
    "real": (pa.float64(), st.none() | st.floats(allow_nan=False)),
    "truth": (pa.bool_(), st.none() | st.booleans()),
    "many": (pa.list_(pa.string()), st.none() | st.lists(st.none() | CELLS, max_size=3)),
    "bytes": (pa.binary(), st.binary(max_size=8)),
    "kind": (pa.dictionary(pa.int32(), pa.string()), st.none() | st.sampled_from(["one", "two"])),
}


@st.composite
def arrow_tables(draw: st.DrawFn) -> pa.Table:
    names = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, unique=True))
    size = draw(st.integers(0, 7))
    columns = {n: pa.array(draw(st.lists(COLUMNS[n][1], min_size=size, max_size=size)), COLUMNS[n][0]) for n in names}
    return pa.table(columns)


@SOME
@given(arrow_tables(), st.sampled_from(["none", "snappy", "zstd"]), st.integers(1, 4))
def test_what_pyarrow_writes_is_read_back_exactly(table: pa.Table, compression: str, rows: int) -> None:
    file = io.BytesIO()
    pq.write_table(table, file, compression=compression, row_group_size=2)
    chunks = list(READERS["parquet"](io.BytesIO(file.getvalue()), "x", rows))
    assert pa.concat_tables([chunk.data for chunk in chunks]).equals(table)
    assert rows_of("parquet", file.getvalue(), rows, packed=True) == table.to_pylist()


@MANY
@given(st.lists(st.text(UNICODE, max_size=20), max_size=6).map("\n".join))
def test_plain_text_loses_no_word_and_gives_no_blank_paragraph(text: str) -> None:
    paragraphs = [row["text"] for row in rows_of("text", text.encode())]
    assert " ".join(paragraphs).split() == text.removeprefix("\ufeff").split()
    assert all(paragraph.strip() == paragraph != "" for paragraph in paragraphs)


@contextlib.contextmanager
def no_error_but_one_sentence(start: str = "") -> Iterator[None]:
    """Within it, the only error there may be is a DataError whose message is one line, which begins with `start`."""
    try:
        yield
    except DataError as error:
        assert str(error).startswith(start)  # noqa: PT017
        assert len(str(error).splitlines()) == 1  # noqa: PT017


def read_all(reader_format: Format, content: bytes, name: str = "x") -> None:
    with no_error_but_one_sentence("THE FILE"):
        for chunk in READERS[reader_format](unpacked(io.BytesIO(content), Path(name)), "THE FILE", 3):
            for column in chunk.columns:
                chunk.column(column)


SOUP = st.lists(
    st.sampled_from(
        [b'"', b",", b"\n", b"\r", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"[", b"]", b"{", b"}"]
    )
    | st.sampled_from([b":", b"text", b"id", b"1", b"null", b"\\u", b"\\ud800", b"e9", b"-", b"\xc3", b"\xa9", b" "]),
    max_size=30,
).map(b"".join)
TEXTUAL: list[Format] = ["csv", "tsv", "jsonl", "json", "text"]


@pytest.mark.parametrize("reader_format", [*TEXTUAL, "parquet"])
@SOME
@given(st.binary(max_size=60) | SOUP)
def test_any_bytes_give_rows_or_one_sentence(reader_format: Format, content: bytes) -> None:
    read_all(reader_format, content)


GENUINE: dict[Format, bytes] = {
    "csv": 'id,text\r\n1,"So, ""they"" say\nso."\r\n2,Naïve.\r\n'.encode(),
    "tsv": "id\ttext\n1\tSo they say.\n2\tNaïve.\n".encode(),
    "jsonl": b'{"text": "So they say.", "n": [1, {"k": null}]}\n{"text": "Na\\u00efve."}\n',
    "json": b'[{"text": "So they say."},\n {"text": "Nobody asked."}]',
    "text": "So they say.\n\nNaïve.\nme\n".encode(),
    "parquet": b"",
}
_file = io.BytesIO()
pq.write_table(
    pa.table({"text": ["So they say.", None, "Nobody asked."], "n": [1, 2, None]}), _file, compression="none"
)
GENUINE["parquet"] = _file.getvalue()
PLACES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4)


def damaged(content: bytes, changes: list[tuple[float, int]], kept: float) -> bytes:
    """The content with some bytes changed, cut off after a share of it."""
    copy = bytearray(content)
    for place, byte in changes:
        copy[int(place * len(copy))] = byte
    return bytes(copy[: int(kept * len(copy)) + 1])


@pytest.mark.parametrize("reader_format", TEXTUAL)
@SOME
@given(PLACES, st.just(1.0) | st.floats(0, 1))
def test_a_damaged_file_gives_rows_or_one_sentence(
    reader_format: Format, changes: list[tuple[float, int]], kept: float
) -> None:
    read_all(reader_format, damaged(GENUINE[reader_format], changes, kept))


IN_A_TEXT = (GENUINE["parquet"].index(b"Nobody") + 0.5) / len(GENUINE["parquet"])


@MANY
@example([(IN_A_TEXT, 0xFF)], 1.0)
@given(PLACES, st.just(1.0) | st.floats(0, 1))
def test_a_damaged_parquet_file_gives_rows_or_one_sentence(changes: list[tuple[float, int]], kept: float) -> None:
    read_all("parquet", damaged(GENUINE["parquet"], changes, kept))


@pytest.mark.parametrize("reader_format", TEXTUAL)
@SOME
@given(PLACES, st.just(1.0) | st.floats(0, 1))
def test_a_damaged_gzip_file_gives_rows_or_one_sentence(
    reader_format: Format, changes: list[tuple[float, int]], kept: float
) -> None:
    read_all(reader_format, damaged(gzip.compress(GENUINE[reader_format], mtime=0), changes, kept), "x.gz")


@SOME
@example([], 0.5)
@given(PLACES, st.just(1.0) | st.floats(0, 1))
def test_a_damaged_gzipped_parquet_file_gives_rows_or_one_sentence(
    changes: list[tuple[float, int]], kept: float
) -> None:
    read_all("parquet", damaged(gzip.compress(GENUINE["parquet"], mtime=0), changes, kept), "x.gz")


@MANY
@given(OBJECTS.filter(bool), st.integers(1, 4))
def test_any_json_objects_have_a_schema_or_one_sentence(objects: list[dict[str, Any]], rows: int) -> None:
    with no_error_but_one_sentence("x"):
        parts = [json_schema(Chunk("x", 1 + k, objects[k : k + rows])) for k in range(0, len(objects), rows)]
        assert set(unified(parts, "x").names) == {name for item in objects for name in item}


LABEL_LIKE = JSON | st.lists(st.lists(st.sampled_from(["a", "b", "a;b", ""])) | st.none()) | st.just('["a"')


@pytest.mark.parametrize("parse", [parse_labels, parse_votes, parse_scores, lambda v, where: parse_soft(v, "a", where)])
@SOME
@given(LABEL_LIKE)
def test_any_value_in_place_of_labels_is_parsed_or_refused_in_one_sentence(parse: Any, value: Any) -> None:
    with no_error_but_one_sentence("x, row 1"):
        parse(value, "x, row 1")


def read_as_labelled(objects: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.jsonl"
        path.write_text("".join(json.dumps(item) + "\n" for item in objects), encoding="utf-8")
        with no_error_but_one_sentence():
            data = read_labelled([path], default=LabelScheme.from_names(["a", "b"]))
            assert len(data) + len(data.left_out) == len(objects)
            assert ((data.soft >= 0) & (data.soft <= 1)).all()


ROWS = st.fixed_dictionaries(
    {"text": st.just("So they say.") | JSON},
    optional={
        "labels": LABEL_LIKE,
        "votes": LABEL_LIKE,
        "scores": LABEL_LIKE,
        "label": LABEL_LIKE,
        "id": JSON,
        "group": JSON,
    },
)


@SOME
@given(st.lists(ROWS, min_size=1, max_size=3))
def test_any_labelled_rows_are_read_or_refused_in_one_sentence(rows: list[dict[str, Any]]) -> None:
    read_as_labelled(rows)


@SOME
@example({"data": {"text": "So."}, "annotations": [{"result": 5}]})
@given(
    st.fixed_dictionaries(
        {"data": st.just({"text": "So."}), "annotations": st.lists(st.fixed_dictionaries({"result": JSON}))}
    )
    | st.fixed_dictionaries({"fields": st.just({"text": "So."}), "responses": JSON, "metadata": JSON})
)
def test_rows_that_only_look_like_an_export_are_read_or_refused_in_one_sentence(row: dict[str, Any]) -> None:
    read_as_labelled([row])
