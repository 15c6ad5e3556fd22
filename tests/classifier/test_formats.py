"""Every file format: what is in the file comes out as it is, and a file that is not what it claims to be is refused."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifier.errors import DataError
from classifier.formats import READERS, format_of
from classifier.reading import resolve

ROWS = [
    {"id": "1", "text": "The ferry is gone, and with it my brother's wedding."},
    {"id": "2", "text": "Naïve me, I waited for the «independent» report."},
    {"id": "3", "text": "Who measured that, and with what?"},
]
TABULAR = ["csv", "tsv", "jsonl", "ndjson", "json", "parquet"]
TEXTUAL = ["csv", "tsv", "jsonl", "json", "txt"]


def encoded(rows: list[dict[str, Any]], ending: str) -> bytes:
    """The rows as another program would write them."""
    if ending == "parquet":
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), file)
        return file.getvalue()
    if ending == "txt":
        return "".join(f"{row['text']}\n" for row in rows).encode()
    if ending in ("jsonl", "ndjson"):
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if ending == "json":
        return json.dumps(rows, ensure_ascii=False, indent=2).encode()
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter="\t" if ending == "tsv" else ",")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def put(directory: Path, name: str, content: bytes | str) -> Path:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    chunks = [chunk for source in resolve([path]) for chunk in source.chunks()]
    return [row for c in chunks for row in (c.data if isinstance(c.data, list) else c.data.to_pylist())]


def refusal(path: Path) -> str:
    """What the one-line message says of a file that is refused, besides naming it."""
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message.replace(str(path), "FILE")  # pytest puts the test's name in the path


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("ending", TABULAR)
def test_every_format_is_read_plain_and_gzipped(ending: str, packed: bool, tmp_path: Path) -> None:
    content = encoded(ROWS, ending)
    name = f"comments.{ending}" + (".gz" if packed else "")
    assert read(put(tmp_path, name, gzip.compress(content) if packed else content)) == ROWS


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_plain_text_is_read_plain_and_gzipped(packed: bool, tmp_path: Path) -> None:
    content = encoded(ROWS, "txt")
    path = put(tmp_path, "notes.txt" + (".gz" if packed else ""), gzip.compress(content) if packed else content)
    assert read(path) == [{"text": row["text"]} for row in ROWS]


@pytest.mark.parametrize(("name", "expected"), [("A.CSV", "csv"), ("b.JSONL.GZ", "jsonl"), ("c.d.tsv.gz", "tsv")])
def test_an_ending_names_its_format_in_any_case(name: str, expected: str) -> None:
    assert format_of(Path(name)) == expected


@pytest.mark.parametrize("name", ["a.docx", "b.gz", "csv", "parquet.bak"])
def test_other_endings_name_no_format(name: str) -> None:
    assert format_of(Path(name)) is None


@pytest.mark.parametrize("ending", TEXTUAL)
def test_a_byte_order_mark_is_no_part_of_the_data(ending: str, tmp_path: Path) -> None:
    marked = read(put(tmp_path, f"marked.{ending}", b"\xef\xbb\xbf" + encoded(ROWS, ending)))
    assert marked == read(put(tmp_path, f"plain.{ending}", encoded(ROWS, ending)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
@pytest.mark.parametrize("ending", TEXTUAL)
def test_utf_16_is_refused_with_the_remedy(ending: str, encoding: str, tmp_path: Path) -> None:
    mark = b"" if encoding == "utf-16" else b"\xfe\xff"
    path = put(tmp_path, f"windows.{ending}", mark + encoded(ROWS, ending).decode().encode(encoding))
    message = refusal(path)
    assert "UTF-16" in message
    assert "save the file as UTF-8" in message


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("ending", TEXTUAL)
def test_a_byte_that_is_not_utf_8_is_reported_with_file_and_line(ending: str, packed: bool, tmp_path: Path) -> None:
    content = encoded(ROWS, ending).replace("ï".encode(), b"\xef")
    line = content[: content.index(b"\xefve")].count(b"\n") + 1
    name = f"latin.{ending}" + (".gz" if packed else "")
    message = refusal(put(tmp_path, name, gzip.compress(content) if packed else content))
    assert f"line {line}:" in message
    assert "0xef" in message
    assert "UTF-8" in message


@pytest.mark.parametrize("ending", [*TEXTUAL, pytest.param("parquet")])
def test_a_truncated_gzip_file_is_refused(ending: str, tmp_path: Path) -> None:
    whole = gzip.compress(encoded(ROWS * 50, ending))
    assert "again" in refusal(put(tmp_path, f"cut.{ending}.gz", whole[: len(whole) // 2]))


@pytest.mark.parametrize("ending", [*TEXTUAL, pytest.param("parquet")])
def test_a_gzip_file_damaged_in_the_middle_is_refused(ending: str, tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(encoded(ROWS * 50, ending)))
    damaged[20:40] = b"\xff" * 20
    assert "again" in refusal(put(tmp_path, f"damaged.{ending}.gz", bytes(damaged)))


@pytest.mark.parametrize("ending", [*TEXTUAL, "parquet"])
def test_a_plain_file_with_the_ending_gz_is_refused(ending: str, tmp_path: Path) -> None:
    assert "gzip" in refusal(put(tmp_path, f"misnamed.{ending}.gz", encoded(ROWS, ending)))


@pytest.mark.parametrize(
    ("ending", "cut", "where"),
    [
        ("jsonl", -20, "line 3"),
        ("json", -20, "truncated"),
        ("parquet", -6, "Parquet"),
        ("parquet", 60, "Parquet"),
    ],
)
def test_a_truncated_file_is_refused(ending: str, cut: int, where: str, tmp_path: Path) -> None:
    assert where in refusal(put(tmp_path, f"cut.{ending}", encoded(ROWS, ending)[:cut]))


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_quoted_cell_that_never_ends_is_refused(ending: str, tmp_path: Path) -> None:
    delimiter = "," if ending == "csv" else "\t"
    message = refusal(put(tmp_path, f"cut.{ending}", f'id{delimiter}text\n1{delimiter}"and then the line brea'))
    assert "a quoted cell never ends" in message
    assert "truncated" in message


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_an_empty_file_that_should_name_columns_is_refused(ending: str, tmp_path: Path) -> None:
    refusal(put(tmp_path, f"empty.{ending}", b""))
    refusal(put(tmp_path, f"empty.{ending}.gz", gzip.compress(b"")))


@pytest.mark.parametrize("ending", ["jsonl", "json", "txt"])
def test_an_empty_file_of_lines_has_no_rows(ending: str, tmp_path: Path) -> None:
    assert read(put(tmp_path, f"empty.{ending}", b"")) == []


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_a_header_without_rows_still_names_its_columns(ending: str, tmp_path: Path) -> None:
    content = {"csv": b"id,text\n", "tsv": b"id\ttext", "parquet": encoded(ROWS, "parquet")}[ending]
    if ending == "parquet":
        file = io.BytesIO()
        pq.write_table(pq.read_table(io.BytesIO(content)).slice(0, 0), file)
        content = file.getvalue()
    (chunk,) = resolve([put(tmp_path, f"header.{ending}", content)])[0].chunks()
    assert (chunk.columns, len(chunk)) == (["id", "text"], 0)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), file)
    for path in (put(tmp_path, "a.csv", "text,id,text\na,1,b\n"), put(tmp_path, "a.parquet", file.getvalue())):
        assert "two columns named 'text'" in refusal(path)


@pytest.mark.parametrize("cell", ["007", "NA", "NaN", "None", "null", "", " ", "1e5", "1.0", "True", "2024-01-02", "-"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_cells_stay_the_text_they_are(ending: str, cell: str, tmp_path: Path) -> None:
    rows = [{"id": cell, "text": cell}, {"id": "x", "text": "y"}]
    assert read(put(tmp_path, f"cells.{ending}", encoded(rows, ending))) == rows


@pytest.mark.parametrize("ending", TABULAR)
def test_a_paragraph_beyond_131072_characters_is_read_whole(ending: str, tmp_path: Path) -> None:
    rows = [{"id": "1", "text": 'And so on, "and so on".\n' * 8_000}]
    assert len(rows[0]["text"]) > 131_072
    assert read(put(tmp_path, f"long.{ending}", encoded(rows, ending))) == rows


@pytest.mark.parametrize(
    "cell", ["two\nlines", "two\r\nlines", "\n", 'she said "no"', "a,b;c\td|e", " padded ", "\u2028"]
)
@pytest.mark.parametrize("ending", TABULAR)
def test_newlines_quotes_and_delimiters_inside_a_cell_survive(ending: str, cell: str, tmp_path: Path) -> None:
    rows = [{"id": "1", "text": cell}, {"id": "2", "text": "next"}]
    assert read(put(tmp_path, f"cells.{ending}", encoded(rows, ending))) == rows


@pytest.mark.parametrize(("row", "cells"), [("3,one, two", 3), ("3", 1)])
def test_a_ragged_row_is_refused_with_its_number(row: str, cells: int, tmp_path: Path) -> None:
    content = f'id,text\n1,"a\nb"\n2,c\n{row}\n4,d\n'
    assert f"row 3 has {cells} cells where the header has 2" in refusal(put(tmp_path, "ragged.csv", content))
    with pytest.raises(DataError, match="row 3 has"):  # whatever the size of the chunks
        list(READERS["csv"](io.BytesIO(content.encode()), "source", 2))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_in_a_csv_file_is_noticed(delimiter: str, tmp_path: Path) -> None:
    content = f"id{delimiter}text\n1{delimiter}Well, well, well.\n"
    assert read(put(tmp_path, "export.csv", content)) == [{"id": "1", "text": "Well, well, well."}]


def test_a_comma_in_the_header_is_the_delimiter_whatever_else_stands_there(tmp_path: Path) -> None:
    assert read(put(tmp_path, "a.csv", "id;a;b,text\n1;2|3,yes\n")) == [{"id;a;b": "1;2|3", "text": "yes"}]


def test_a_blank_line_is_an_empty_cell_in_a_file_of_one_column_only(tmp_path: Path) -> None:
    assert read(put(tmp_path, "one.csv", "text\nfirst\n\nthird\n")) == [{"text": t} for t in ("first", "", "third")]
    assert [row["id"] for row in read(put(tmp_path, "two.csv", "id,text\n1,a\n\n2,b\n\n"))] == ["1", "2"]


@pytest.mark.parametrize(("line", "why"), [("[1]", "list"), ('"text"', "str"), ("null", "NoneType"), ("{text: 1}", "")])
def test_a_line_that_is_no_json_object_is_refused_with_its_line(line: str, why: str, tmp_path: Path) -> None:
    message = refusal(put(tmp_path, "a.jsonl", f'{{"text": "a"}}\n\n{line}\n'))
    assert "line 3 is" in message
    assert why in message


@pytest.mark.parametrize("ending", ["jsonl", "json"])
@pytest.mark.parametrize("hostile", ["[" * 100_000, '{"text": ' + "9" * 5_000 + "}"], ids=["depth", "digits"])
def test_hostile_json_is_refused(ending: str, hostile: str, tmp_path: Path) -> None:
    refusal(put(tmp_path, f"hostile.{ending}", hostile + "\n"))


def test_blank_lines_between_json_objects_are_no_rows(tmp_path: Path) -> None:
    assert len(read(put(tmp_path, "a.jsonl", '\n{"text": "a"}\n  \n{"text": "b"}'))) == 2


def test_a_json_file_may_hold_an_object_a_line(tmp_path: Path) -> None:
    assert read(put(tmp_path, "lines.json", encoded(ROWS, "jsonl"))) == ROWS


def test_an_element_of_a_json_array_that_is_no_object_is_refused_by_its_number(tmp_path: Path) -> None:
    assert "element 2 is a str" in refusal(put(tmp_path, "a.json", '[{"text": "a"}, "b"]'))


def test_plain_text_is_a_paragraph_a_line_or_a_block_between_blank_lines(tmp_path: Path) -> None:
    assert read(put(tmp_path, "a.txt", "\n one \r\ntwo\n\n")) == [{"text": "one"}, {"text": "two"}]
    assert read(put(tmp_path, "b.txt", "one\ntwo\n \n\nthree")) == [{"text": "one\ntwo"}, {"text": "three"}]


@pytest.mark.parametrize(
    "content", ["One.\r\r\nTwo.\r\r\n", "One.\f\fStill one.\nTwo.\n", "One.\u2028\u2028One.\nTwo.\n"]
)
def test_only_a_blank_line_turns_lines_into_blocks(content: str, tmp_path: Path) -> None:
    assert len(read(put(tmp_path, "a.txt", content))) == 2


def test_parquet_keeps_its_own_types(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", None], "n": pa.array([1, None], pa.int16()), "tags": [["x"], []]})
    pq.write_table(table, tmp_path / "typed.parquet")
    (chunk,) = resolve([tmp_path / "typed.parquet"])[0].chunks()
    assert chunk.data.equals(table)


def test_parquet_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    latin = pa.array([b"caf\xe9 au lait", b"tea"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": latin}), tmp_path / "latin.parquet")
    assert "UTF-8" in refusal(tmp_path / "latin.parquet")


@pytest.mark.parametrize("ending", [*TABULAR, "txt"])
def test_chunks_are_small_and_their_rows_are_numbered_on(ending: str) -> None:
    reader = READERS[format_of(Path(f"a.{ending}")) or "text"]
    chunks = list(reader(io.BytesIO(encoded(ROWS, ending)), "source", 2))
    assert [(chunk.first_row, len(chunk)) for chunk in chunks if len(chunk)] == [(1, 2), (3, 1)]
    assert chunks[1].where(0) == "source, row 3"
