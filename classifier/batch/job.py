"""One classification job: inputs streamed through a model into an output that appears whole, and a receipt."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa

from classifier.errors import GateError, OutputError, UsageError
from classifier.files import atomic_directory, atomic_file, file_sha256
from classifier.predictor import Model, Scored
from classifier.progress import Progress
from classifier.reading import FileSource, Source, unified
from classifier.records import Chunk, OutputColumns, require_column
from classifier.text import DEFAULT_MAX_CHARS
from classifier.writing import OutputFormat, Writer, added_values, compressed, open_writer

SHARD_ROWS: Final = 50_000
SHARD_MANIFEST: Final = "manifest.json"


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

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two jobs the same: inputs by path and size, the model, the options."""
        inputs = [{"name": source.name, "size": source.size} for source in self.sources]
        return {"inputs": inputs, "model": self.model.digest, "options": asdict(self.options)}

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
                    self.columns.refuse_clash(chunk.columns, source.name)
                    if number == 0:
                        require_column(chunk.columns, self.options.text_column, source.name, "--text-column")
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
        return unified([source.schema() for source in self.sources], "the inputs")

    def run(self, output: Path, overwrite: bool) -> dict[str, Any]:
        """Write the file `output`; returns the receipt.

        Where the same job already wrote it, it is verified by its digest and the receipt returned as it is, with
        `"verified": true`.

        Raises:
            OutputError: if the output exists and is not this job's, or cannot be written.
        """
        self._refuse_own_input(output)
        receipt_path = output.with_name(output.name + ".receipt.json")
        if output.exists() and not overwrite:
            return {**self._verified(output, receipt_path), "verified": True}
        tally, schema = Tally(self.model.labels), self.schema()
        with atomic_file(output) as file:
            stream = compressed(file) if output.name.endswith(".gz") else file
            self._write(stream, tally, schema)
            if stream is not file:
                stream.close()
        receipt = self._receipt(
            tally, {"name": output.name, "size": output.stat().st_size, "sha256": file_sha256(output)}
        )
        with atomic_file(receipt_path) as file:
            file.write(_json_bytes(receipt))
        return receipt

    def run_sharded(self, output: Path, overwrite: bool) -> dict[str, Any]:
        """Write a directory of shards `part-00000.<ending>` and a manifest, which is the receipt.

        Raises:
            OutputError: as `run`; a directory that is not a job's output is never replaced.
        """
        receipt_path = output / SHARD_MANIFEST
        if output.exists() and any(output.iterdir()):
            if not receipt_path.is_file():
                raise OutputError(f"{output} exists and is no output of this program: choose another place.")
            if not overwrite:
                return {**self._verified(output, receipt_path), "verified": True}
        tally, schema = Tally(self.model.labels), self.schema()
        with atomic_directory(output, replace=True) as fresh:
            shards = self._write_shards(fresh, tally, schema)
            receipt = self._receipt(tally, {"shards": shards})
            (fresh / SHARD_MANIFEST).write_bytes(_json_bytes(receipt))
        return receipt

    def write_to(self, stream: IO[bytes]) -> Tally:
        """Write to an open stream, such as standard output; there is no receipt."""
        tally = Tally(self.model.labels)
        self._write(stream, tally, self.schema())
        return tally

    def write_with(self, writer: Writer) -> Tally:
        """Hand every scored chunk to a writer."""
        tally = Tally(self.model.labels)
        for chunk, added in self.scored_chunks(tally):
            writer.write(chunk, added)
        return tally

    def _open(self, stream: IO[bytes], schema: pa.Schema | None) -> Writer:
        return open_writer(stream, self.options.output_format, self.columns, schema, self.options.formula_guard)

    def _write(self, stream: IO[bytes], tally: Tally, schema: pa.Schema | None) -> None:
        writer = self._open(stream, schema)
        for chunk, added in self.scored_chunks(tally):
            writer.write(chunk, added)
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
                while pending is not None and (rows == 0 or rows + len(pending[0]) <= SHARD_ROWS):
                    writer.write(*pending)
                    rows += len(pending[0])
                    pending = next(chunks, None)
                writer.close()
            tally.guarded_cells += writer.guarded
            shards.append({"name": path.name, "rows": rows, "size": path.stat().st_size, "sha256": file_sha256(path)})
        return shards

    def _receipt(self, tally: Tally, output: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "stance-receipt", "version": 1, "job": self.identity, **tally.to_json(), "output": output}

    def _verified(self, output: Path, receipt_path: Path) -> dict[str, Any]:
        """The receipt of a finished output of this very job."""
        receipt: Any = None
        with contextlib.suppress(OSError, ValueError):
            receipt = json.loads(receipt_path.read_bytes())
        if not isinstance(receipt, dict) or receipt.get("job") != json.loads(json.dumps(self.identity)):
            raise OutputError(
                f"{output} exists and is not the output of this very job: choose another place, or add --overwrite."
            )
        written = receipt.get("output", {})
        files = (
            {output / shard["name"]: shard for shard in written["shards"]} if "shards" in written else {output: written}
        )
        for path, entry in files.items():
            if not path.is_file() or file_sha256(path) != entry["sha256"]:
                raise OutputError(f"{path} was changed since this job wrote it: add --overwrite to write it again.")
        return receipt

    def _refuse_own_input(self, output: Path) -> None:
        for source in self.sources:
            if isinstance(source, FileSource) and output.exists() and source.path.samefile(output):
                raise UsageError(f"{output} is an input of this job and would be overwritten: name another output.")


def _json_bytes(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
