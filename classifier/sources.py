"""The sources of rows: files, streams that can be read once, datasets; and the schema that holds a source's rows."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from classifier.errors import DataError
from classifier.files import file_sha256
from classifier.formats import READERS, Format, open_binary, unpacked
from classifier.records import Chunk
from classifier.text import without_surrogates

_CHUNK_ROWS: Final = 4_000


@dataclass(frozen=True)
class Source:
    """One input that can be read from its start, as often as needed."""

    name: str

    def chunks(self, rows: int = _CHUNK_ROWS) -> Iterator[Chunk]:
        """All rows in order, at most `rows` a chunk.

        Raises:
            DataError: if the input cannot be read as what it is.
        """
        raise NotImplementedError

    def schema(self) -> pa.Schema:
        """The columns and their Arrow types; JSON is read through once to find them.

        Raises:
            DataError: if the input cannot be read, or a JSON field's values have types that no column can hold.
        """
        first = next(self.chunks(1), None)
        if first is not None and isinstance(first.data, pa.Table):
            return first.data.schema
        schema = pa.schema([])
        for chunk in self.chunks():
            schema = unified([schema, json_schema(chunk)], self.name)
        return schema

    def columns(self) -> list[str]:
        """The names of all columns, in order of first appearance; JSON is read through once to find them.

        Raises:
            DataError: if the input cannot be read.
        """
        names: dict[str, None] = {}
        for chunk in self.chunks():
            names |= dict.fromkeys(without_surrogates(chunk.columns))
            if isinstance(chunk.data, pa.Table):
                break
        return list(names)

    @property
    def size(self) -> int | None:
        """Bytes to read, for progress; None where it is not known."""
        return None

    def digest(self) -> str | None:
        """What identifies the content; None where it cannot be known without using it up."""
        return None


@dataclass(frozen=True)
class FileSource(Source):
    """A file on disk."""

    path: Path
    format: Format

    def chunks(self, rows: int = _CHUNK_ROWS) -> Iterator[Chunk]:
        with open_binary(self.path) as file:
            size, done = max(os.fstat(file.fileno()).st_size, 1), 0
            total = _parquet_rows(file) if self.format == "parquet" else None
            for chunk in READERS[self.format](unpacked(file, self.path), self.name, rows):
                done += len(chunk)
                fraction = file.tell() / size if total is None else done / max(total, 1)
                yield replace(chunk, fraction=min(fraction, 1.0))

    @property
    def size(self) -> int | None:
        try:
            return self.path.stat().st_size
        except OSError:  # reading it will say so
            return None

    def digest(self) -> str | None:
        try:
            return file_sha256(self.path)
        except OSError as error:
            raise DataError(f"Cannot read {self.path} ({error.strerror}): check it and try again.") from None


def _parquet_rows(file: IO[bytes]) -> int | None:
    """The number of rows, for progress; a damaged file is for the reader to refuse."""
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowException, OSError):
        return None
    finally:
        file.seek(0)


@dataclass(frozen=True)
class StreamSource(Source):
    """Standard input (no path), or a pipe: streamed once, or kept in a temporary file where it must be read twice."""

    path: Path | None
    format: Format
    _copy: list[IO[bytes]] = field(default_factory=list, repr=False, compare=False)

    def schema(self) -> pa.Schema:
        self._keep()
        return super().schema()

    def columns(self) -> list[str]:
        self._keep()
        return super().columns()

    def _stream(self) -> IO[bytes]:
        return sys.stdin.buffer if self.path is None else unpacked(open_binary(self.path), self.path)

    def _keep(self) -> None:
        if not self._copy:
            copy = tempfile.TemporaryFile(prefix="stance-stream-")  # noqa: SIM115 (lives as long as this source)
            shutil.copyfileobj(self._stream(), copy)
            self._copy.append(copy)

    def chunks(self, rows: int = _CHUNK_ROWS) -> Iterator[Chunk]:
        if self.format == "parquet":  # its reader has to seek
            self._keep()
        if self._copy:
            self._copy[0].seek(0)
        yield from READERS[self.format](self._copy[0] if self._copy else self._stream(), self.name, rows)


def is_stream(path: Path) -> bool:
    """Whether a path can be read only once, as a named pipe or a shell's <(…)."""
    mode = path.stat().st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


@dataclass(frozen=True)
class DatasetSource(Source):
    """A split of a `datasets` dataset; class labels are given by name, and -1, which marks unlabelled rows, as null."""

    dataset: Any = field(repr=False)

    def chunks(self, rows: int = _CHUNK_ROWS) -> Iterator[Chunk]:
        first_row = 1
        for table in self.dataset.with_format("arrow").iter(batch_size=rows):
            yield Chunk(self.name, first_row, self._named(table))
            first_row += len(table)
        if first_row == 1:
            yield Chunk(self.name, 1, self._named(self.dataset.features.arrow_schema.empty_table()))

    def _named(self, table: pa.Table) -> pa.Table:
        for position, (name, feature) in enumerate(self.dataset.features.items()):
            inner = getattr(feature, "feature", feature)
            if not hasattr(inner, "int2str"):
                continue
            kind = pa.string() if inner is feature else pa.list_(pa.string())
            values = [_class_names(inner, value) for value in table.column(name).to_pylist()]
            table = table.set_column(position, name, pa.array(values, kind))
        return table.replace_schema_metadata(None)

    def digest(self) -> str | None:
        return str(self.dataset._fingerprint)


def _class_names(feature: Any, value: Any) -> Any:
    if isinstance(value, list):
        return [_class_names(feature, number) for number in value]
    return None if value is None or value < 0 else feature.int2str(value)


def json_schema(chunk: Chunk) -> pa.Schema:
    """The Arrow schema of a chunk of JSON objects."""
    try:
        columns = {name: without_surrogates(chunk.column(name)) for name in chunk.columns}
        table = pa.table({without_surrogates(name): pa.array(values) for name, values in columns.items()})
    except (pa.ArrowException, OverflowError) as error:
        raise DataError(
            f"{chunk.source}, rows {chunk.first_row:,} on: a field holds values of different types "
            f"({str(error).splitlines()[0]}), which no column can hold: write JSONL (-o FILE.jsonl) instead."
        ) from None
    return table.schema


def unified(schemas: Sequence[pa.Schema], source: str) -> pa.Schema:
    """One schema that holds the rows of all, columns in order of first appearance.

    Raises:
        DataError: if a column's types differ so that no type holds both.
    """
    try:
        return pa.unify_schemas([s.remove_metadata() for s in schemas], promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(
            f"{source}: a column's type differs between rows or files ({str(error).splitlines()[0]}): "
            "write JSONL (-o FILE.jsonl) instead."
        ) from None
