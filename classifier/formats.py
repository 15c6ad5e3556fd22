"""One reader a file format: an open file in, chunks of rows out; a file that is not what it claims to be is an error.

No reader infers values: every cell of CSV and TSV is text, so that `007`, `NA`, `None` and `null` stay what they are.
"""

import csv
import gzip
import itertools
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from classifier.errors import DataError
from classifier.records import Chunk

Format = Literal["csv", "tsv", "jsonl", "json", "parquet", "text"]

ENDINGS: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".txt": "text",
}

csv.field_size_limit(sys.maxsize)  # the default of 131,072 characters would refuse a long paragraph


def format_of(path: Path) -> Format | None:
    """The format that a file's ending (`.gz` aside) names; None if it names none."""
    name = path.name.lower().removesuffix(".gz")
    return ENDINGS.get(Path(name).suffix)


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        DataError: if it cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"Cannot read {path} ({error.strerror}): check the path and its permissions.") from None


def unpacked(file: BinaryIO, path: Path) -> IO[bytes]:
    """The file itself, or what it holds where the name ends in `.gz`."""
    return gzip.open(file) if path.name.lower().endswith(".gz") else file  # type: ignore[return-value]


class _Decoder(Iterable[str]):
    """Lines of a UTF-8 file, decoded strictly; remembers how far it came, so that errors can say where."""

    def __init__(self, file: IO[bytes], source: str) -> None:
        self._file, self._source, self.line = file, source, 0

    def __iter__(self) -> Iterator[str]:
        try:
            for line in self._file:
                self.line += 1
                raw = self._without_mark(line) if self.line == 1 else line
                try:
                    yield raw.decode()
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{self._source}, line {self.line:,}: byte 0x{raw[error.start]:02x} is not valid UTF-8: "
                        "save the file as UTF-8 (it may be Latin-1 or Windows-1252) and try again."
                    ) from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{self._source} is no complete gzip file ({error}, after line {self.line:,}): fetch it again."
            ) from None
        except OSError as error:
            raise DataError(
                f"{self._source} cannot be read on after line {self.line:,} ({error.strerror}): check the medium."
            ) from None

    def _without_mark(self, raw: bytes) -> bytes:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{self._source} is UTF-16: save the file as UTF-8 and try again.")
        if raw.startswith(b"\x1f\x8b"):
            raise DataError(f"{self._source} is packed with gzip: unpack it, or name a file that ends in .gz.")
        return raw.removeprefix(b"\xef\xbb\xbf")


def _check_columns(columns: list[str], source: str) -> None:
    seen: set[str] = set()
    for name in columns:
        if name in seen:
            raise DataError(f"{source} has two columns named {name!r}: rename one of them.")
        seen.add(name)


def _delimiter(header: str) -> str:
    """Comma, unless the header has none and one of the other customary delimiters splits it."""
    if "," in header:
        return ","
    return max(",;\t|", key=header.count)


def read_csv(file: IO[bytes], source: str, rows: int, delimiter: str | None = None) -> Iterator[Chunk]:
    """Chunks of string columns. The first chunk comes even without rows, to carry the header."""
    decoder = _Decoder(file, source)
    lines = iter(decoder)
    first = next(lines, None)
    if first is None or not first.strip():
        raise DataError(f"{source} is empty: it needs a header row that names the columns.")
    reader = csv.reader(itertools.chain([first], lines), delimiter=delimiter or _delimiter(first), strict=True)
    number = 0
    try:
        header = next(reader)
        _check_columns(header, source)
        # In a file of one column a blank line is an empty cell; elsewhere it is no row.
        blank: list[str] | None = [""] if len(header) == 1 else None
        records = (row for row in (cells or blank for cells in reader) if row is not None)
        while (chunk := list(itertools.islice(records, rows))) or number == 0:
            for offset, row in enumerate(chunk, 1):
                if len(row) != len(header):
                    raise DataError(
                        f"{source}, row {number + offset:,} has {len(row)} cells where the header has {len(header)}: "
                        "put quotation marks around cells that contain the delimiter."
                    )
            cells = zip(*chunk, strict=True) if chunk else ([] for _ in header)
            arrays = [pa.array(cell, pa.string()) for cell in cells]
            yield Chunk(source, number + 1, pa.table(arrays, names=header))
            number += len(chunk)
            if not chunk:
                return
    except csv.Error as error:
        what = "a quoted cell never ends" if "unexpected end" in str(error) else str(error)
        raise DataError(
            f"{source}, row {number + 1:,} or soon after (line {reader.line_num:,}) cannot be parsed ({what}): "
            "the file may be truncated, or a quotation mark inside a cell not doubled."
        ) from None


def _object(text: str, source: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{source}, {where} is not valid JSON ({error}): the file may be truncated or not JSONL."
        ) from None
    if not isinstance(row, dict):
        raise DataError(f'{source}, {where} is a {type(row).__name__}, not an object: write one {{"text": …}} a line.')
    return row


def read_jsonl(file: IO[bytes], source: str, rows: int) -> Iterator[Chunk]:
    """Chunks of JSON objects, one a line; blank lines between them are no rows."""
    decoder, number = _Decoder(file, source), 0
    objects = (_object(line, source, f"line {decoder.line:,}") for line in decoder if line.strip())
    while chunk := list(itertools.islice(objects, rows)):
        yield Chunk(source, number + 1, chunk)
        number += len(chunk)


def read_json(file: IO[bytes], source: str, rows: int) -> Iterator[Chunk]:
    """Chunks of the objects in one JSON array, which is held in memory; a file of lines is read as JSONL."""
    text = "".join(_Decoder(file, source))
    if not text.lstrip().startswith("["):
        yield from read_jsonl(iter(text.encode().splitlines(keepends=True)), source, rows)  # type: ignore[arg-type]
        return
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source} is not valid JSON ({error}): the file may be truncated.") from None
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise DataError(f"{source}, element {number:,} is a {type(item).__name__}, not an object.")
    for start in range(0, len(items), rows):
        yield Chunk(source, start + 1, items[start : start + rows])


def read_parquet(file: IO[bytes], source: str, rows: int) -> Iterator[Chunk]:
    """Chunks with the file's own Arrow types. The first chunk comes even without rows."""
    try:
        parquet = pq.ParquetFile(file)
        _check_columns(parquet.schema_arrow.names, source)
        number = 0
        for batch in parquet.iter_batches(batch_size=rows):
            batch.validate(full=True)  # Arrow itself takes any bytes for text
            yield Chunk(source, number + 1, pa.Table.from_batches([batch], parquet.schema_arrow))
            number += len(batch)
        if number == 0:
            yield Chunk(source, 1, parquet.schema_arrow.empty_table())
    except (pa.ArrowException, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        what = (str(error).splitlines() or ["damaged"])[0].replace("UTF8", "UTF-8")
        raise DataError(f"{source} is no readable Parquet file ({what}): fetch or write it again.") from None


def read_text(file: IO[bytes], source: str, rows: int) -> Iterator[Chunk]:
    """Plain text: a paragraph a line; where the first thousand lines hold a blank one, a block between blank lines."""
    lines = iter(_Decoder(file, source))
    head = list(itertools.islice(lines, 1000))
    if head and _is_json_object(head[0]):
        raise DataError(f"{source} looks like JSONL, not plain text: say --input-format jsonl.")
    inner = "".join(head).strip().split("\n")
    blocks = any(not line.strip() for line in inner)
    everything = itertools.chain(head, lines)
    paragraphs = _blocks(everything) if blocks else (line.strip() for line in everything if line.strip())
    number = 0
    while (chunk := list(itertools.islice(paragraphs, rows))) or number == 0:
        yield Chunk(source, number + 1, pa.table({"text": pa.array(chunk, pa.string())}))
        number += len(chunk)
        if not chunk:
            return


def _is_json_object(line: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _blocks(lines: Iterable[str]) -> Iterator[str]:
    block: list[str] = []
    for line in itertools.chain(lines, [""]):
        if line.strip():
            block.append(line.strip())
        elif block:
            yield "\n".join(block)
            block = []


def _read_tsv(file: IO[bytes], source: str, rows: int) -> Iterator[Chunk]:
    return read_csv(file, source, rows, delimiter="\t")


READERS: Final[dict[Format, Callable[[IO[bytes], str, int], Iterator[Chunk]]]] = {
    "csv": read_csv,
    "tsv": _read_tsv,
    "jsonl": read_jsonl,
    "json": read_json,
    "parquet": read_parquet,
    "text": read_text,
}
