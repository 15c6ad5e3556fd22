"""Predictions to CSV, TSV, JSONL or Parquet: every input column unchanged, then the columns of the prediction."""

import base64
import contextlib
import csv
import gzip
import json
import math
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from classifier.decision import DECIMALS
from classifier.errors import DataError
from classifier.predictor import Explanation, Scored
from classifier.records import Chunk, OutputColumns
from classifier.text import without_surrogates

OutputFormat = Literal["csv", "tsv", "jsonl", "parquet"]
OUTPUT_ENDINGS: Final[dict[str, OutputFormat]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_FORMULA_START: Final = ("=", "+", "-", "@", "\t", "\r")


class Writer(Protocol):
    """Writes scored chunks into an open binary file."""

    guarded: int

    def write(self, chunk: Chunk, added: dict[str, list[Any]]) -> None:
        """Write a chunk's rows with the added columns' values."""
        ...

    def close(self) -> None:
        """Finish the format; the file itself stays open."""
        ...


def added_values(
    columns: OutputColumns, scored: Scored, explanations: Sequence[Explanation | None] | None
) -> dict[str, list[Any]]:
    """The values of the added columns, one a row. Scores are Python floats of DECIMALS places, None where not `ok`."""
    names = columns.label_names
    values: dict[str, list[Any]] = {
        columns.labels: [[n for n, given in zip(names, row, strict=True) if given] for row in scored.given.tolist()]
    }
    for k, name in enumerate(names):
        values[columns.score(name)] = _decimals(scored.probabilities[:, k])
    values[columns.status], values[columns.reason] = list(scored.statuses), list(scored.reasons)
    for k, name in enumerate(names if explanations is not None else ()):
        values[columns.evidence_of(name)] = [
            [word for word, _ in e.strongest(name)] if e is not None and scored.given[row, k] else []
            for row, e in enumerate(explanations or ())
        ]
    return values


def _decimals(column: npt.NDArray[np.float32]) -> list[float | None]:
    return [None if x != x else round(x, DECIMALS) for x in column.tolist()]


def plain(value: Any) -> Any:
    """How JSON holds a value that it has no type for: bytes as base64, the rest (dates, decimals) as text."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _json_line(row: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=plain)
    except ValueError:  # JSON has no NaN and no infinity
        text = json.dumps(_finite(row), ensure_ascii=False, default=plain)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair can stand in JSON only as an escape
        return json.dumps(_finite(row), default=plain).encode() + b"\n"


def _finite(value: Any) -> Any:
    """The value with null for numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value


def _rows(chunk: Chunk) -> list[dict[str, Any]]:
    return chunk.data if isinstance(chunk.data, list) else chunk.data.to_pylist()


class JsonlWriter:
    """JSONL; the rows of JSON inputs keep their own keys."""

    guarded = 0

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, chunk: Chunk, added: dict[str, list[Any]]) -> None:
        extra = [dict(zip(added, values, strict=True)) for values in zip(*added.values(), strict=True)]
        self._file.writelines(_json_line(row | more) for row, more in zip(_rows(chunk), extra, strict=True))

    def close(self) -> None: ...


class ParquetWriter:
    """Parquet with the input's own types."""

    guarded = 0

    def __init__(self, file: IO[bytes], schema: pa.Schema, columns: OutputColumns) -> None:
        self._input = schema.remove_metadata()
        self._fields = columns.fields
        with _refusing("a column's type"):
            self._writer = pq.ParquetWriter(file, pa.schema([*self._input, *self._fields]), compression="zstd")

    def write(self, chunk: Chunk, added: dict[str, list[Any]]) -> None:
        with _refusing(chunk.where(0)):
            if isinstance(chunk.data, list):
                table = pa.Table.from_pylist([without_surrogates(row) for row in chunk.data], schema=self._input)
            else:
                parts = [self._input.empty_table(), chunk.data.replace_schema_metadata(None)]
                table = pa.concat_tables(parts, promote_options="permissive")
            for column in self._fields:
                table = table.append_column(column, pa.array(added[column.name], column.type))
            self._writer.write_table(table)

    def close(self) -> None:
        self._writer.close()


@contextlib.contextmanager
def _refusing(where: str) -> Iterator[None]:
    """What Parquet cannot hold is an error of the data, with the remedy."""
    try:
        yield
    except pa.ArrowException as error:
        raise DataError(
            f"{where} cannot be written as Parquet ({str(error).splitlines()[0]}): write JSONL (-o FILE.jsonl) instead."
        ) from None


class _Encoded:
    """What csv writes into: text out as UTF-8, half surrogate pairs as visible escapes; never closes the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8", "backslashreplace"))


class CsvWriter:
    """CSV or TSV; with `guard`, cells that a spreadsheet would run as formulas get a leading apostrophe, counted."""

    def __init__(
        self, file: IO[bytes], names: Sequence[str], columns: OutputColumns, delimiter: str, guard: bool
    ) -> None:
        self.guarded, self._guard, self._names = 0, guard, list(names)
        out = _Encoded(file)
        self._writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        # csv quotes a lone carriage return only where it ends lines, yet every reader takes it for a line's end.
        self._quoting = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._write_row([self._cell(name) for name in [*self._names, *columns.names]])

    def _write_row(self, row: list[str]) -> None:
        writer = self._quoting if any("\r" in cell for cell in row) else self._writer
        writer.writerow(row)

    def write(self, chunk: Chunk, added: dict[str, list[Any]]) -> None:
        if isinstance(chunk.data, list):
            given = [[row.get(name) for name in self._names] for row in chunk.data]
        else:
            held = set(chunk.columns)
            blank = [None] * len(chunk)
            lists = [chunk.column(name) if name in held else blank for name in self._names]
            given = [list(row) for row in zip(*lists, strict=True)]
        extra = ([_joined(value) for value in row] for row in zip(*added.values(), strict=True))
        for row, more in zip(given, extra, strict=True):
            self._write_row([self._cell(value) for value in [*row, *more]])

    def _cell(self, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool | int | float | list | dict):
            text = json.dumps(value, ensure_ascii=False, default=plain)
        else:
            text = value if isinstance(value, str) else plain(value)
        if self._guard and text.startswith(_FORMULA_START) and not _is_number(text):
            self.guarded += 1
            return "'" + text
        return text

    def close(self) -> None: ...


def _joined(value: Any) -> Any:
    return ";".join(value) if isinstance(value, list) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def open_writer(
    file: IO[bytes], kind: OutputFormat, columns: OutputColumns, schema: pa.Schema | None, guard: bool
) -> Writer:
    """A writer of the given format; `schema` is the input's, needed by all but JSONL."""
    if kind == "jsonl":
        return JsonlWriter(file)
    if schema is None:
        raise ValueError(f"{kind} needs the input's schema")
    if kind == "parquet":
        return ParquetWriter(file, schema, columns)
    return CsvWriter(file, schema.names, columns, "\t" if kind == "tsv" else ",", guard)


def compressed(file: IO[bytes]) -> IO[bytes]:
    """A gzip stream into `file` without a clock time or a name in it."""
    return gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)  # type: ignore[return-value]
