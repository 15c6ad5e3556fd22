"""From what the user names (files, directories, standard input, datasets) to streams of rows."""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from classifier.errors import DataError, UsageError
from classifier.formats import ENDINGS, READERS, Format, format_of, open_binary, unpacked
from classifier.labels import read_labels_toml
from classifier.records import Chunk

HUB_PREFIX: Final = "hf://"
_CHUNK_ROWS: Final = 4_000
_SHEETS: Final = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
_PACKED: Final = (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar")
_DATASET_FILES: Final = ("dataset_dict.json", "dataset_info.json", "state.json")


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

    @property
    def size(self) -> int | None:
        """Bytes to read, for progress; None where it is not known."""
        return None


@dataclass(frozen=True)
class FileSource(Source):
    """A file on disk."""

    path: Path
    format: Format

    def chunks(self, rows: int = _CHUNK_ROWS) -> Iterator[Chunk]:
        size, done = max(self.path.stat().st_size, 1), 0
        with open_binary(self.path) as file:
            total = _parquet_rows(file) if self.format == "parquet" else None
            for chunk in READERS[self.format](unpacked(file, self.path), self.name, rows):
                done += len(chunk)
                fraction = file.tell() / size if total is None else done / max(total, 1)
                yield replace(chunk, fraction=min(fraction, 1.0))

    @property
    def size(self) -> int | None:
        return self.path.stat().st_size


def _parquet_rows(file: IO[bytes]) -> int | None:
    """The number of rows, for progress; a damaged file is for the reader to refuse."""
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowException, OSError):
        return None
    finally:
        file.seek(0)


@dataclass(frozen=True)
class StandardInput(Source):
    """Standard input: streamed once, or kept in a temporary file where it has to be read twice."""

    format: Format
    _copy: list[IO[bytes]] = field(default_factory=list, repr=False, compare=False)

    def schema(self) -> pa.Schema:
        self._keep()
        return super().schema()

    def _keep(self) -> None:
        if not self._copy:
            copy = tempfile.TemporaryFile(prefix="stance-stdin-")  # noqa: SIM115 (lives as long as this source)
            shutil.copyfileobj(sys.stdin.buffer, copy)
            self._copy.append(copy)

    def chunks(self, rows: int = _CHUNK_ROWS) -> Iterator[Chunk]:
        if self.format == "parquet":  # its reader has to seek
            self._keep()
        if self._copy:
            self._copy[0].seek(0)
        yield from READERS[self.format](self._copy[0] if self._copy else sys.stdin.buffer, self.name, rows)


@dataclass(frozen=True)
class DatasetSource(Source):
    """A split of a `datasets` dataset; class labels are given by name."""

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
            values = table.column(name).to_pylist()
            if inner is feature:
                names = pa.array([None if v is None else inner.int2str(v) for v in values], pa.string())
            else:
                names = pa.array([None if v is None else inner.int2str(v) for v in values], pa.list_(pa.string()))
            table = table.set_column(position, name, names)
        return table.replace_schema_metadata(None)


def json_schema(chunk: Chunk) -> pa.Schema:
    """The Arrow schema of a chunk of JSON objects."""
    try:
        table = pa.table({name: pa.array(chunk.column(name)) for name in chunk.columns})
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


def file_format(path: Path, given: Format | None = None) -> Format:
    """The format to read a file in: as given, else by its ending.

    Raises:
        DataError: if the ending names no format that is read; the message says what to do.
    """
    found = given or format_of(path)
    if found is not None:
        return found
    ending = path.suffix.lower()
    if ending in _SHEETS:
        raise DataError(f"{path} is a spreadsheet, which is not read: save it as CSV (UTF-8) or Parquet.")
    if ending in _PACKED:
        raise DataError(f"{path} is packed in a way that is not read: unpack it, or pack it with gzip (.gz).")
    known = ", ".join(ENDINGS)
    raise DataError(
        f"{path} has no ending that names a format ({known}, each also .gz): rename it or say --input-format."
    )


def _load_datasets(name: str, hub: bool) -> Iterator[tuple[str, Any]]:
    import datasets  # noqa: PLC0415 (slow to import, rarely needed)

    try:
        loaded = datasets.load_dataset(name.removeprefix(HUB_PREFIX)) if hub else datasets.load_from_disk(name)
    except Exception as error:  # the loader raises errors of many libraries
        first_line = (str(error).splitlines() or [""])[0]
        raise DataError(
            f"The dataset {name} cannot be loaded ({type(error).__name__}: {first_line}): "
            "check its name, the network, or point to a copy on disk."
        ) from None
    if isinstance(loaded, datasets.DatasetDict):
        yield from ((f"{name}[{split}]", loaded[split]) for split in loaded)
    else:
        yield name, loaded


def corpus_files(directory: Path, splits: Iterable[str] | None = None) -> list[Path]:
    """The paragraph files that a corpus's `labels.toml` names, of all splits or of those given.

    Raises:
        DataError: if `labels.toml` names no files, a file outside the directory, or lacks a wanted split.
    """
    _, content = read_labels_toml(directory / "labels.toml")
    table = content.get("splits")
    if not isinstance(table, dict) or not table:
        raise DataError(f"{directory / 'labels.toml'} has no [splits] table: name the paragraph files of each split.")
    wanted = list(splits) if splits is not None else list(table)
    paths: dict[Path, None] = {}
    for split in wanted:
        if split not in table:
            raise DataError(f"{directory} has no split {split!r}: it has {', '.join(table)}.")
        names = table[split] if isinstance(table[split], list) else [table[split]]
        for name in names:
            if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
                raise DataError(f"{directory / 'labels.toml'}: {name!r} is no file inside the corpus directory.")
            paths[directory / name] = None
    return list(paths)


def _directory(path: Path, given: Format | None, splits: Sequence[str] | None) -> Iterator[Source]:
    if (path / "labels.toml").exists():
        for file in corpus_files(path, splits):
            yield FileSource(str(file), file, file_format(file))
        return
    if any((path / name).exists() for name in _DATASET_FILES):
        for name, dataset in _load_datasets(str(path), hub=False):
            yield DatasetSource(name, dataset)
        return
    files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith(".") and _is_data(f))
    if not files:
        raise DataError(f"{path} holds no data files ({', '.join(ENDINGS)}, each also .gz): check the path.")
    for file in files:
        yield FileSource(str(file), file, file_format(file, given))


def _is_data(path: Path) -> bool:
    return format_of(path) is not None and not path.name.endswith(".receipt.json")


def resolve(
    inputs: Sequence[str | Path], input_format: Format | None = None, splits: Sequence[str] | None = None
) -> list[Source]:
    """The sources that the user's arguments name, in the order given; a directory's files in sorted order.

    `splits` chooses among the splits of corpus directories.

    Raises:
        DataError: if something does not exist or is of no known format.
        UsageError: if standard input is named twice.
    """
    sources: list[Source] = []
    for given in map(str, inputs):
        path = Path(given)
        if given == "-":
            if any(isinstance(source, StandardInput) for source in sources):
                raise UsageError("Standard input (-) is named twice: it can be read once.")
            sources.append(StandardInput("standard input", input_format or "text"))
        elif given.startswith(HUB_PREFIX):
            sources.extend(DatasetSource(name, dataset) for name, dataset in _load_datasets(given, hub=True))
        elif path.is_dir():
            sources.extend(_directory(path, input_format, splits))
        elif path.exists():
            sources.append(FileSource(given, path, file_format(path, input_format)))
        else:
            raise DataError(
                f"There is no file or directory {given}: check the path (a dataset on the Hugging Face hub is named "
                f"{HUB_PREFIX}owner/name)."
            )
    return sources
