"""Labelled paragraphs, read and validated: one reader for training and evaluation, every label form of the design."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.errors import DataError
from classifier.exports import flatten
from classifier.files import exists
from classifier.formats import Format
from classifier.labelforms import (
    RowLabels,
    hard_from_soft,
    parse_labels,
    parse_scores,
    parse_soft,
    parse_votes,
    soft_from_scores,
    soft_from_votes,
)
from classifier.labels import LabelScheme, read_labels_toml
from classifier.reading import resolve
from classifier.records import require_column
from classifier.sources import Source
from classifier.text import DEFAULT_MAX_CHARS, assess


@dataclass(frozen=True)
class Columns:
    """Which columns hold what. `label_columns`: one 0/1 or 0..1 column a label, instead of the labels' column."""

    text: str = "text"
    id: str = "id"
    group: str = "group"
    labels: str = "labels"
    label_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """n validated paragraphs with their labels.

    Attributes:
        scheme: the labels, in the order of the matrices' columns.
        ids: the row ids, or «FILE, row N» where there is no id column.
        texts: the paragraphs.
        hard: 1 where a label holds. Shape: (n, n_labels), int8.
        soft: the share of annotators who see it. Shape: (n, n_labels), float32.
        votes: each annotator's labels, a matrix a row. Shapes: (n_annotators, n_labels), int8.
        groups: threads, articles or authors, by name; a row without one is a group of its own. Shape: (n,), str.
        description: what was read and in which form, for the user.
        left_out: rows without a scorable text or without annotations, a sentence each.
        columns: other columns that were asked for, as text.
        annotators: who gave each of a row's votes, numbered over the data. Shapes: (n_annotators,), int64.
    """

    scheme: LabelScheme
    ids: list[str]
    texts: list[str]
    hard: npt.NDArray[np.int8]
    soft: npt.NDArray[np.float32]
    votes: list[npt.NDArray[np.int8]]
    groups: npt.NDArray[np.str_]
    description: str
    left_out: list[str] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    annotators: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def n_groups(self) -> int:
        return len(np.unique(self.groups))


@dataclass
class _Rows:
    """Rows as they are collected, before the label scheme is known."""

    where: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    labels: list[RowLabels] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    not_annotated: list[str] = field(default_factory=list)
    forms: dict[str, None] = field(default_factory=dict)
    has_groups: bool = False
    kept: dict[str, list[str]] = field(default_factory=dict)
    seen_columns: set[str] = field(default_factory=set)


def read_labelled(
    inputs: Sequence[str | Path],
    scheme: LabelScheme | None = None,
    *,
    default: LabelScheme | None = None,
    columns: Columns | None = None,
    input_format: Format | None = None,
    splits: Sequence[str] | None = None,
    max_chars: int = DEFAULT_MAX_CHARS,
    keep: Sequence[str] = (),
) -> Labelled:
    """Read labelled paragraphs.

    The scheme is the one given; else that of a corpus directory among the inputs; else `default` where the data uses
    any of its labels; else the labels that the data names, sorted.

    Raises:
        DataError: naming file and row: for bytes that are not UTF-8, truncated files, a NUL, a missing column, an
            unknown label, a duplicate id, a soft label outside 0..1, rows of unlike forms, or no rows at all.
    """
    columns = columns or Columns()
    if scheme is None:
        scheme = _scheme_of_corpus(inputs)
    known = scheme or default
    candidates = columns.label_columns or (known.names if known else ())
    rows = _Rows(kept={name: [] for name in keep})
    for source in resolve(inputs, input_format, splits):
        _collect(source, rows, columns, tuple(candidates), max_chars)
    if not rows.texts:
        raise DataError(f"{', '.join(map(str, inputs))}: no row has a text and labels, so there is nothing to work on.")
    for name in keep:
        if name not in rows.seen_columns:
            raise DataError(f"{', '.join(map(str, inputs))}: no row has a column {name!r}: name another with --slice.")
    if scheme is None:
        scheme = _scheme_of_data(rows, columns, default)
    return _assemble(rows, scheme)


def joined(one: Labelled, other: Labelled) -> Labelled:
    """The rows of both.

    Raises:
        DataError: if the label schemes differ.
    """
    if one.scheme.names != other.scheme.names:
        raise DataError(f"The labels differ: {', '.join(one.scheme.names)} and {', '.join(other.scheme.names)}.")
    return Labelled(
        scheme=one.scheme,
        ids=one.ids + other.ids,
        texts=one.texts + other.texts,
        hard=np.concatenate([one.hard, other.hard]),
        soft=np.concatenate([one.soft, other.soft]),
        votes=one.votes + other.votes,
        groups=np.concatenate([one.groups, other.groups]),
        description=f"{one.description} and {other.description}",
        left_out=one.left_out + other.left_out,
        annotators=one.annotators + other.annotators,
    )


def _scheme_of_corpus(inputs: Sequence[str | Path]) -> LabelScheme | None:
    corpora = [Path(given) / "labels.toml" for given in inputs]
    found = {read_labels_toml(path)[0] for path in corpora if exists(path)}
    if len({scheme.names for scheme in found}) > 1:
        raise DataError(
            "The corpora use different label schemes: name the labels with --labels, or read one at a time."
        )
    return min(found, key=lambda scheme: scheme.digest, default=None)


def _scheme_of_data(rows: _Rows, columns: Columns, default: LabelScheme | None) -> LabelScheme:
    if columns.label_columns:
        names: Sequence[str] = columns.label_columns
    else:
        names = sorted(set().union(*(labels.named for labels in rows.labels)))
    folded = [name.casefold() for name in names]
    for name in names:
        if folded.count(name.casefold()) > 1:
            alike = [other for other in names if other.casefold() == name.casefold()]
            raise DataError(f"The labels {' and '.join(map(repr, alike))} differ in case only: write them in one way.")
    # Also where they differ in case: then the error on the unknown label names the right spelling.
    if default is not None and (not names or set(folded) & {name.casefold() for name in default.names}):
        return default
    return LabelScheme.from_names(names)


def _collect(source: Source, rows: _Rows, columns: Columns, candidates: tuple[str, ...], max_chars: int) -> None:
    form: str | None = None
    for where, row in _flat_rows(source, rows, columns):
        if form is None:
            form = _form(list(row), columns, candidates, source.name)
            rows.forms[_describe_form(form, columns)] = None
            rows.has_groups = rows.has_groups or columns.group in row
        if form == "votes" and columns.labels in row:
            raise DataError(
                f"{where} has {columns.labels!r}, which the rows before lack: give all rows their labels in one form."
            )
        if form == "votes" and all(row.get(name) in (None, "") for name in ("votes", "scores")):
            rows.not_annotated.append(f"{where}: nobody has annotated the row.")
            continue
        status, reason = assess(row.get(columns.text), max_chars)
        if status == "bad_text":
            raise DataError(f"{where}: {reason}: correct the row or leave it out.")
        if status != "ok":
            rows.left_out.append(f"{where}: {reason}.")
            continue
        rows.labels.append(_parse(row, form, columns, candidates, where))
        rows.where.append(where)
        rows.texts.append(row[columns.text])
        rows.ids.append(where if row.get(columns.id) in (None, "") else str(row[columns.id]))
        for name, values in rows.kept.items():
            rows.seen_columns |= {name} & row.keys()
            values.append("" if row.get(name) is None else str(row[name]))
        group = row.get(columns.group)
        rows.groups.append(None if group in (None, "") else str(group))


def _flat_rows(source: Source, rows: _Rows, columns: Columns) -> Iterator[tuple[str, dict[str, Any]]]:
    for chunk in source.chunks():
        records = chunk.data if isinstance(chunk.data, list) else chunk.data.to_pylist()
        if not records and not isinstance(chunk.data, list):
            require_column(chunk.columns, columns.text, source.name, "--text-column")
        for offset, record in enumerate(records):
            row, tool = flatten(record, columns.labels)
            if tool:
                rows.forms[f"{'an' if tool[0] in 'AEIOU' else 'a'} {tool} export"] = None
            where = chunk.where(offset)
            require_column(
                list(row), columns.text, where if isinstance(chunk.data, list) else source.name, "--text-column"
            )
            yield where, row


def _form(names: list[str], columns: Columns, candidates: tuple[str, ...], source: str) -> str:
    if columns.label_columns:
        for name in columns.label_columns:
            require_column(names, name, source, "--label-columns")
        return "columns"
    for form, name in (("labels", columns.labels), ("votes", "votes"), ("scores", "scores")):
        if name in names:
            return form
    if candidates and all(name in names for name in candidates):
        return "columns"
    near = [name for name in names if name.lower() in ("label", "stance", "class", "target", "category", "tags")]
    advice = (
        f"did you mean --labels-column {near[0]!r}?" if near else "name it with --labels-column or --label-columns."
    )
    raise DataError(
        f"{source} has no labels: none of the columns labels, votes, scores"
        f"{', nor a column each for ' + ', '.join(candidates) if candidates else ''}; {advice}"
    )


def _describe_form(form: str, columns: Columns) -> str:
    if form == "columns":
        return "a column a label"
    return f'the column "{columns.labels if form == "labels" else form}"'


def _parse(row: dict[str, Any], form: str, columns: Columns, candidates: tuple[str, ...], where: str) -> RowLabels:
    """The row's labels: hard ones from the detected form; soft ones from scores, else votes, else the hard ones."""
    if form == "columns":
        names = columns.label_columns or candidates
        soft = {name: parse_soft(row.get(name), name, where) for name in names}
        return RowLabels(hard_from_soft(soft), soft, {})
    # An empty cell is how CSV writes null.
    votes = parse_votes(row["votes"], where) if row.get("votes") not in (None, "") else {}
    scores = parse_scores(row["scores"], where) if row.get("scores") not in (None, "") else []
    if scores and not votes:
        seen = [frozenset(name for name, grade in grades.items() if grade >= 1) for grades in scores]
        votes = {f"annotator {place}": labels for place, labels in enumerate(seen, 1)}
    shares = soft_from_scores(scores) if scores else soft_from_votes(votes.values()) if votes else None
    if form == "labels":
        hard = parse_labels(row.get(columns.labels), where)
    elif shares is None:
        raise DataError(f"{where} has no {form}: label the row, or leave it out.")
    else:
        hard = hard_from_soft(shares)
    return RowLabels(hard, dict.fromkeys(hard, 1.0) if shares is None else shares, votes)


def _assemble(rows: _Rows, scheme: LabelScheme) -> Labelled:
    seen: dict[str, str] = {}
    for where, row_id in zip(rows.where, rows.ids, strict=True):
        if row_id in seen:
            raise DataError(f"{where}: the id {row_id!r} stands already in {seen[row_id]}: make ids unique.")
        seen[row_id] = where
    n, position = len(rows.texts), {name: k for k, name in enumerate(scheme.names)}
    hard, soft = np.zeros((n, len(scheme)), np.int8), np.zeros((n, len(scheme)), np.float32)
    votes, annotators, numbers = [], [], dict[str, int]()
    for i, labels in enumerate(rows.labels):
        for name in sorted(labels.named):
            if name not in position:
                raise DataError(
                    f"{rows.where[i]}: unknown label {name!r}: {scheme.suggestion(name)}; correct the row, or name "
                    "your own labels with --labels."
                )
        hard[i, [position[name] for name in labels.hard]] = 1
        for name, share in labels.soft.items():
            soft[i, position[name]] = share
        given = np.zeros((len(labels.votes), len(scheme)), np.int8)
        for k, vote in enumerate(labels.votes.values()):
            given[k, [position[name] for name in vote]] = 1
        votes.append(given)
        annotators.append(np.array([numbers.setdefault(name, len(numbers)) for name in labels.votes], np.int64))
    named = zip(rows.groups, rows.where, strict=True)
    groups = np.array([f"\0{where}" if group is None else group for group, where in named], np.str_)
    description = _describe(rows, scheme, votes, groups)
    return Labelled(
        scheme,
        rows.ids,
        rows.texts,
        hard,
        soft,
        votes,
        groups,
        description,
        rows.left_out + rows.not_annotated,
        rows.kept,
        annotators,
    )


def _describe(rows: _Rows, scheme: LabelScheme, votes: list[npt.NDArray[np.int8]], groups: npt.NDArray[np.str_]) -> str:
    """«2,480 rows, 4 labels from the column "labels", 2 to 3 annotators, 1,057 groups»."""
    counts = sorted({len(given) for given in votes} - {0})
    annotators = f", {counts[0]} to {counts[-1]} annotators a row" if len(counts) > 1 else ""
    if len(counts) == 1:
        annotators = f", {counts[0]} annotator{'s' if counts[0] > 1 else ''} a row"
    grouped = f", {len(np.unique(groups)):,} groups" if rows.has_groups else ", no groups (each row its own)"
    left_out = f"; {len(rows.left_out):,} rows without a text that can be scored were left out" if rows.left_out else ""
    if rows.not_annotated:
        left_out += f"; {len(rows.not_annotated):,} rows that nobody has annotated were left out"
    forms = " and ".join(rows.forms)
    return f"{len(rows.texts):,} rows, {len(scheme)} labels from {forms}{annotators}{grouped}{left_out}"
