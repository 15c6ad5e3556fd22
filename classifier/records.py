"""What flows through: chunks of input rows, a prediction for each, and the columns that predictions add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from classifier.errors import DataError, UsageError
from classifier.text import Status


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one input, as an Arrow table (CSV, Parquet, datasets) or as JSON objects (JSONL).

    Arrow keeps each column's type; JSON objects keep each row's own keys. `first_row` counts rows from 1, header aside.
    `fraction` is the share of the input read once this chunk is, where it is known.
    """

    source: str
    first_row: int
    data: pa.Table | list[dict[str, Any]]
    fraction: float | None = None

    def __len__(self) -> int:
        return len(self.data)

    @cached_property
    def columns(self) -> list[str]:
        """The names of all columns, in order of first appearance."""
        if isinstance(self.data, list):
            return list(dict.fromkeys(key for row in self.data for key in row))
        return list(self.data.column_names)

    def column(self, name: str) -> list[Any]:
        """The values of a column; None where a JSON object lacks it."""
        if isinstance(self.data, list):
            return [row.get(name) for row in self.data]
        values: list[Any] = self.data.column(name).to_pylist()
        return values

    def where(self, offset: int) -> str:
        """«FILE, row N», for messages about the row at `offset`."""
        return f"{self.source}, row {self.first_row + offset:,}"


@dataclass(frozen=True)
class Prediction:
    """What a model says of one text.

    `scores` maps each label to its calibrated probability, and is empty where `status` is not `ok`.
    """

    labels: tuple[str, ...]
    scores: Mapping[str, float]
    status: Status = "ok"
    reason: str | None = None


@dataclass(frozen=True)
class OutputColumns:
    """The columns that classification adds to the input's, all carrying the user's prefix."""

    label_names: tuple[str, ...]
    prefix: str = ""
    evidence: bool = False

    @property
    def labels(self) -> str:
        return f"{self.prefix}labels"

    @property
    def status(self) -> str:
        return f"{self.prefix}status"

    @property
    def reason(self) -> str:
        return f"{self.prefix}reason"

    def score(self, label: str) -> str:
        return f"{self.prefix}score_{label}"

    def evidence_of(self, label: str) -> str:
        return f"{self.prefix}evidence_{label}"

    @property
    def names(self) -> list[str]:
        names = [self.labels, *(self.score(label) for label in self.label_names), self.status, self.reason]
        if self.evidence:
            names += [self.evidence_of(label) for label in self.label_names]
        return names

    @property
    def fields(self) -> list[pa.Field]:
        """The Arrow type of each added column."""
        texts = pa.list_(pa.string())
        types = [texts, *(pa.float32() for _ in self.label_names), pa.string(), pa.string()]
        if self.evidence:
            types += [texts for _ in self.label_names]
        return [pa.field(name, kind) for name, kind in zip(self.names, types, strict=True)]

    def refuse_clash(self, columns: Sequence[str], source: str) -> None:
        """Raises UsageError if the input already has one of these columns."""
        clash = [name for name in self.names if name in columns]
        if clash:
            raise UsageError(
                f"{source} already has a column {clash[0]!r}, which the output would overwrite: "
                f"choose other names with --prefix, for example --prefix stance_."
            )


def require_column(columns: Sequence[str], name: str, source: str, option: str) -> None:
    """Raises DataError if `name` is not among the columns; the message names the likely one."""
    if name in columns:
        return
    lowered = {column.lower().strip(): column for column in columns}
    likely = next(
        (lowered[guess] for guess in (name.lower(), *_LIKELY.get(name, ())) if guess in lowered),
        None,
    )
    listed = ", ".join(map(repr, columns[:12])) + (", …" if len(columns) > 12 else "")
    advice = f"did you mean {option} {likely!r}?" if likely else f"name it with {option}."
    raise DataError(f"{source} has no column {name!r} (it has {listed or 'no columns'}): {advice}")


_LIKELY = {
    "text": (
        "comment", "comment_text", "body", "content", "message", "paragraph", "comment_body", "commentbody", "post",
        "review", "sentence", "tweet", "full_text", "comments", "texts", "selftext",
    )
}  # fmt: skip
