"""One classification job: inputs streamed through a model into an output that appears whole, and a receipt."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa

from classifier.errors import GateError, OutputError, UsageError
from classifier.files import atomic_directory, atomic_file, exists, file_sha256, require_possible
from classifier.predictor import Model, Scored
from classifier.progress import Progress
from classifier.receipts import (
    KIND,
    SHARD_MANIFEST,
    VERSION,
    is_own_directory,
    receipt_bytes,
    receipt_of,
    verified,
)
from classifier.records import Chunk, OutputColumns, require_column
from classifier.sources import FileSource, Source, StreamSource, unified
from classifier.text import DEFAULT_MAX_CHARS
from classifier.writing import OutputFormat, Writer, added_values, compressed, open_writer

SHARD_ROWS: Final = 50_000


@dataclass(frozen=True)
class Options:
    """What a user can choose about a job, apart from inputs, model and output."""

    output_format: OutputFormat
    text_column: str = "text"
    max_chars: int = DEFAULT_MAX_CHARS
    max_errors: int | None = None
    prefix: str = ""
    explain: bool = False
    formula_guard: bool = True
    thresholds: dict[str, float] = field(default_factory=dict)


@dataclass
class Tally:
    """Counts over the rows of a job."""

    labels: tuple[str, ...]
    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    per_label: Counter[str] = field(default_factory=Counter)
    without_label: int = 0
    other_language: int = 0
    guarded_cells: int = 0

    def add(self, scored: Scored) -> None:
        self.rows += len(scored)
        self.statuses.update(scored.statuses)
        for label, count in zip(self.labels, scored.given.sum(axis=0).tolist(), strict=True):
            self.per_label[label] += count
        ok = ~np.isnan(scored.probabilities[:, 0])
        self.without_label += int((ok & ~scored.given.any(axis=1)).sum())
        self.other_language += int(scored.unfamiliar.sum())

    @property
    def bad(self) -> int:
        return self.rows - self.statuses["ok"]

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "statuses": dict(sorted(self.statuses.items())),
            "rows_per_label": {label: self.per_label[label] for label in self.labels},
            "rows_without_label": self.without_label,
            "rows_in_another_language": self.other_language,
            "guarded_cells": self.guarded_cells,
        }


class Job:
    """A classification of some sources by a model, with options."""

    def __init__(self, sources: Sequence[Source], model: Model, options: Options, quiet: bool = False) -> None:
        self.sources, self.options, self.quiet = list(sources), options, quiet
        self.model = model.with_thresholds(options.thresholds)
        self.columns = OutputColumns(model.labels, options.prefix, options.explain)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes two jobs the same: inputs by name, size and content, the model, the options."""
        inputs = [{"name": s.name, "size": s.size, "sha256": s.digest()} for s in self.sources]
        return {"inputs": inputs, "model": self.model.digest, "options": asdict(self.options)}

    def check_inputs(self) -> None:
        """Look at the first rows of every input that can be read again, so that nothing is written in vain.

        Raises:
            DataError: if one cannot be read or has no text column. UsageError: if one has a column of the output.
        """
        for source in self.sources:
            chunk = None if isinstance(source, StreamSource) else next(source.chunks(), None)
            if chunk is not None:
                self._check(chunk, source, first=True)

    def _check(self, chunk: Chunk, source: Source, first: bool) -> None:
        self.columns.refuse_clash(chunk.columns, source.name)
        if first:
            require_column(chunk.columns, self.options.text_column, source.name, "--text-column")

    def scored_chunks(self, tally: Tally) -> Iterator[tuple[Chunk, dict[str, list[Any]]]]:
        """Every chunk of every source with the values of the added columns, counted in `tally`.

        Raises:
            DataError: if an input cannot be read or has no text column.
            UsageError: if an input already has one of the output's columns.
            GateError: if there are more bad rows than `max_errors`.
        """
        sizes = [source.size for source in self.sources]
        total = sum(filter(None, sizes)) if all(sizes) else 0
        before = 0
        with Progress("classify", "rows", quiet=self.quiet) as progress:
            for source, size in zip(self.sources, sizes, strict=True):
                for number, chunk in enumerate(source.chunks()):
                    self._check(chunk, source, first=number == 0)
                    yield chunk, self._score(chunk, tally)
                    done = before + (size or 0) * (chunk.fraction or 0.0)
                    progress.advance(len(chunk), done / total if total else None)
                before += size or 0

    def _score(self, chunk: Chunk, tally: Tally) -> dict[str, list[Any]]:
        options = self.options
        values = chunk.column(options.text_column)
        scored = self.model.score(values, options.max_chars)
        tally.add(scored)
        if options.max_errors is not None and tally.bad > options.max_errors:
            first = next(k for k, status in enumerate(scored.statuses) if status != "ok")
            raise GateError(
                f"{tally.bad:,} rows could not be scored, more than --max-errors {options.max_errors:,} "
                f"({chunk.where(first)}: {scored.reasons[first]}): the job stopped."
            )
        explanations = None
        if options.explain:
            explanations = [
                self.model.explain(value) if any(given) else None
                for value, given in zip(values, scored.given.tolist(), strict=True)
            ]
        return added_values(self.columns, scored, explanations)

    def schema(self) -> pa.Schema | None:
        """The inputs' common columns, for formats that need to know them before the first row."""
        if self.options.output_format == "jsonl":
            return None
        if self.options.output_format == "parquet":
            return unified([source.schema() for source in self.sources], "the inputs")
        names = dict.fromkeys(name for source in self.sources for name in source.columns())
        return pa.schema([(name, pa.string()) for name in names])

    def run(self, output: Path, overwrite: bool) -> dict[str, Any]:
        """Write the file `output` and the receipt beside it; returns the receipt.

        Where the same job already wrote it, it is verified by its digest and the receipt returned as it is, with
        `"verified": true`.

        Raises:
            OutputError: if the output exists and is not this job's, or cannot be written.
            UsageError: if output or receipt would overwrite an input.
        """
        receipt_path = receipt_of(output)
        require_possible(receipt_path)
        self._refuse_own_input(output, receipt_path)
        if exists(output) and not overwrite:
            return self._verified(output, receipt_path)
        self.check_inputs()
        tally, schema = Tally(self.model.labels), self.schema()
        with atomic_file(output, replace=overwrite) as file:
            stream = compressed(file) if output.name.endswith(".gz") else file
            self._write(stream, tally, schema)
            if stream is not file:
                stream.close()
        written = {"name": output.name, "size": output.stat().st_size, "sha256": file_sha256(output)}
        receipt = self._receipt(tally, written)
        with atomic_file(receipt_path) as file:
            file.write(receipt_bytes(receipt))
        return receipt

    def run_sharded(self, output: Path, overwrite: bool) -> dict[str, Any]:
        """Write a directory of shards `part-00000.<ending>` and a manifest, which is the receipt.

        Raises:
            OutputError: as `run`; a directory that holds anything but a job's shards is never replaced.
            UsageError: if an input lies in the directory.
        """
        if exists(output) and not output.is_dir():
            raise OutputError(f"{output} is a file, not a directory: name another place.")
        if not is_own_directory(output):
            raise OutputError(f"{output} holds other files, so it is no output of this program: choose another place.")
        self._refuse_own_input(output)
        if exists(output / SHARD_MANIFEST) and not overwrite:
            return self._verified(output, output / SHARD_MANIFEST)
        self.check_inputs()
        tally, schema = Tally(self.model.labels), self.schema()
        with atomic_directory(output, replace=overwrite) as fresh:
            shards = self._write_shards(fresh, tally, schema)
            receipt = self._receipt(tally, {"shards": shards})
            (fresh / SHARD_MANIFEST).write_bytes(receipt_bytes(receipt))
        return receipt

    def write_to(self, stream: IO[bytes]) -> Tally:
        """Write to an open stream, such as standard output; there is no receipt."""
        self.check_inputs()
        tally = Tally(self.model.labels)
        self._write(stream, tally, self.schema())
        return tally

    def write_with(self, writer: Writer) -> Tally:
        """Hand every scored chunk to a writer."""
        self.check_inputs()
        tally = Tally(self.model.labels)
        for chunk, added in self.scored_chunks(tally):
            writer.write(chunk, added)
        return tally

    def _open(self, stream: IO[bytes], schema: pa.Schema | None) -> Writer:
        return open_writer(stream, self.options.output_format, self.columns, schema, self.options.formula_guard)

    def _write(self, stream: IO[bytes], tally: Tally, schema: pa.Schema | None) -> None:
        writer = self._open(stream, schema)
        try:
            for chunk, added in self.scored_chunks(tally):
                writer.write(chunk, added)
        finally:
            writer.close()
        tally.guarded_cells += writer.guarded

    def _write_shards(self, directory: Path, tally: Tally, schema: pa.Schema | None) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        chunks = self.scored_chunks(tally)
        pending = next(chunks, None)
        while pending is not None or not shards:
            path = directory / f"part-{len(shards):05d}.{self.options.output_format}"
            rows = 0
            with path.open("wb") as file:
                writer = self._open(file, schema)
                try:
                    while pending is not None and (rows == 0 or rows + len(pending[0]) <= SHARD_ROWS):
                        writer.write(*pending)
                        rows += len(pending[0])
                        pending = next(chunks, None)
                finally:
                    writer.close()
            tally.guarded_cells += writer.guarded
            size = path.stat().st_size
            shards.append({"name": path.name, "rows": rows, "size": size, "sha256": file_sha256(path)})
        return shards

    def _receipt(self, tally: Tally, output: dict[str, Any]) -> dict[str, Any]:
        return {"kind": KIND, "version": VERSION, "job": self.identity, **tally.to_json(), "output": output}

    def _verified(self, output: Path, receipt_path: Path) -> dict[str, Any]:
        if any(source.digest() is None for source in self.sources):
            raise OutputError(
                f"{output} exists, and whether it is of the same standard input cannot be known: choose another "
                "place, or add --overwrite."
            )
        return {**verified(output, receipt_path, self.identity), "verified": True}

    def _refuse_own_input(self, *outputs: Path) -> None:
        for source in self.sources:
            if not isinstance(source, FileSource):
                continue
            place = source.path.resolve()
            for output in outputs:
                same = exists(output) and output.samefile(place)
                if same or place == output.resolve() or output.resolve() in place.parents:
                    raise UsageError(
                        f"{source.path} is an input of this job and would be overwritten: name another output."
                    )
