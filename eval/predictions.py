"""A predictions file of any tool, joined by id to labelled data, so that any model can be evaluated and compared."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from classifier.errors import DataError
from classifier.labelforms import parse_labels
from classifier.labelled import Columns, Labelled
from classifier.labels import LabelScheme
from classifier.reading import resolve
from classifier.records import Chunk, OutputColumns, require_column
from classifier.text import Status, assess

CUT: Final = 0.5  # decides where a file has scores but no labels
_NO_ANSWER: Final = frozenset(get_args(Status)) - {"ok"}
_MANIFEST: Final = "manifest.json"  # beside the shards of `stance classify -o DIR/`
_PLACE_FOR_ID: Final = re.compile(r", row [\d,]+\Z")  # what read_labelled gives a row without an id
_ROUNDING: Final = 1e-6  # how far beyond 0..1 a score may lie: a softmax in float32 does


class Predictions(NamedTuple):
    """What a predictions file says of n labelled rows, in the data's order.

    Attributes:
        given: the labels given. Shape: (n, n_labels), bool.
        probabilities: the scores; NaN where the file has none. Shape: (n, n_labels), float32.
        thresholds: CUT where it decided, else NaN: not known. Shape: (n_labels,).
        description: what was read and how, for the user.
    """

    given: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[np.float32]
    thresholds: tuple[float, ...]
    description: str


@dataclass(frozen=True)
class _Layout:
    """Which columns hold what; scores by label."""

    id: str
    text: str
    labels: str | None
    scores: dict[str, str]
    status: str
    said: list[str]


@dataclass
class _Joined:
    """Which row of the data each row of the file speaks of, and those that fit none."""

    where: dict[int, str] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    passed_over: int = 0


def read_predictions(path: str | Path, data: Labelled, columns: Columns | None = None) -> Predictions:
    """Read the predictions of any tool, or those of `stance classify`, for labelled data.

    The file (CSV, TSV, JSONL, JSON, Parquet, `.gz`, or a directory of them) has an id, `labels` (a list or a text like
    `a;b`) and, if it likes, `score_<label>`; with scores for all labels it needs no `labels`, and CUT decides. Where it
    is an output of `stance classify --prefix P`, the columns with that prefix count, so that labels copied from the
    input are not taken for the model's. Rows whose text cannot be scored may stand in it or be left out.

    Raises:
        DataError: for ids that are missing, foreign, repeated or not there at all, an unknown label, or a score outside
            0 to 1; the message names file and row.
    """
    columns = columns or Columns()
    if len(data) and all(_PLACE_FOR_ID.search(row_id) for row_id in data.ids):
        raise DataError(
            f"The labelled data has no ids, so {path} cannot be joined to it: give both files a column "
            f"{columns.id!r} with the same ids, or name it with --id-column."
        )
    sources = [source for source in resolve([path]) if Path(source.name).name != _MANIFEST]
    chunks = [chunk for source in sources for chunk in source.chunks()]
    names = list(dict.fromkeys(name for chunk in chunks for name in chunk.columns))
    layout = _layout(names, data.scheme, columns, str(path))
    joined, n_unanswered = _Joined(), 0
    given = np.zeros(data.hard.shape, np.bool_)
    scores = np.full(data.hard.shape, np.nan)
    for position, where, row in _matched(chunks, layout, data, joined):
        unanswered = _is_unanswered(row[layout.status])
        for label, column in layout.scores.items():
            scores[position, data.scheme.index(label)] = _score(row[column], label, where)
        if layout.labels is not None:
            blank = unanswered and row[layout.labels] is None
            named = parse_labels([] if blank else row[layout.labels], where)
            given[position, [_column_of(name, data.scheme, where) for name in sorted(named)]] = True
            unanswered = unanswered and not named
        elif not unanswered and (absent := np.isnan(scores[position])).any():
            label = data.scheme.names[int(np.argmax(absent))]
            raise DataError(f"{where} has no score of {label!r}, nor a column 'labels': give it one of them.")
        n_unanswered += unanswered
    _require_all(joined, data, str(path))
    probabilities = scores.astype(np.float32)
    if layout.labels is None:
        given = probabilities >= np.float32(CUT)
    said = [f"{len(data):,} rows of {path}, {layout.said[0]}", *layout.said[1:]]
    if n_unanswered:
        said.append(f"{n_unanswered:,} rows without an answer (their status) count as rows without labels")
    if joined.passed_over:
        said.append(f"{joined.passed_over:,} rows without a text that can be scored were passed over")
    if given.any() and (given == (data.hard == 1)).all():
        said.append("its labels are the true ones in every row: make sure that they are not a copy of the truth")
    threshold = CUT if layout.labels is None else float("nan")
    return Predictions(given, probabilities, (threshold,) * len(data.scheme), "; ".join(said))


def _layout(names: list[str], scheme: LabelScheme, columns: Columns, path: str) -> _Layout:
    row_id = columns.id if columns.id in names else "id"
    if row_id not in names:
        require_column(names, columns.id, path, "--id-column")
    prefixes = [name.removesuffix("labels") for name in names if name.endswith("labels")]
    ours = [prefix for prefix in prefixes if {*OutputColumns(scheme.names, prefix).names} <= {*names}]
    if len(ours) > 1:
        raise DataError(
            f"{path} holds the answers of several models ({' and '.join(repr(f'{p}labels') for p in ours)}): "
            "keep one model's columns."
        )
    added = OutputColumns(scheme.names, ours[0] if ours else "")
    scores = {label: added.score(label) for label in scheme.names if added.score(label) in names}
    labels = added.labels if added.labels in names else None
    of_scores = (
        f"scores of {len(scores)} of {len(scheme)} labels" if len(scores) < len(scheme) else "scores of all labels"
    )
    if labels is not None:
        said = [f'labels from the column "{labels}", {of_scores if scores else "no scores"}']
    elif len(scores) == len(scheme):
        said = [f"which has no labels: each was given where its score is {CUT} or more"]
    else:
        wanted = next(label for label in scheme.names if label not in scores)
        raise DataError(
            f"{path} has neither a column 'labels' nor a score of every label ({added.score(wanted)!r} is missing; it "
            f"has {', '.join(map(repr, names[:12]))}{', …' if len(names) > 12 else ''}): add one or the other."
        )
    unknown = [name for name in names if name.startswith(added.score("")) and name not in scores.values()]
    if unknown:
        said.append(f"scores of unknown labels were ignored ({', '.join(unknown[:12])})")
    return _Layout(row_id, columns.text, labels, scores, added.status, said)


def _matched(
    chunks: Sequence[Chunk], layout: _Layout, data: Labelled, joined: _Joined
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The rows that speak of a row of the data: its position, where they stand, the cells that matter."""
    position = {row_id: i for i, row_id in enumerate(data.ids)}
    wanted = {layout.id, layout.text, layout.status, *layout.scores.values(), *filter(None, [layout.labels])}
    for chunk in chunks:
        held = set(chunk.columns)
        cells = {name: chunk.column(name) if name in held else [None] * len(chunk) for name in sorted(wanted)}
        for offset in range(len(chunk)):
            row, where = {name: values[offset] for name, values in cells.items()}, chunk.where(offset)
            if row[layout.id] in (None, ""):
                raise DataError(
                    f"{where} has no {layout.id!r}: give every row the id that it has in the labelled data."
                )
            row_id = str(row[layout.id])
            if row_id not in position and row_id.startswith("'"):
                row_id = row_id[1:]  # our own guard against formulas in spreadsheets
            i = position.get(row_id)
            if i is None:
                has_no_text = layout.text in held and assess(row[layout.text])[0] != "ok"
                if has_no_text or _is_unanswered(row[layout.status]):
                    joined.passed_over += 1
                else:
                    joined.foreign.append(f"{row[layout.id]!r} in {where}")
            elif i in joined.where:
                joined.repeated.append(f"{row_id!r} in {where} and in {joined.where[i]}")
            else:
                joined.where[i] = where
                yield i, where, row


def _require_all(joined: _Joined, data: Labelled, path: str) -> None:
    missing = [repr(row_id) for i, row_id in enumerate(data.ids) if i not in joined.where]
    kinds = [
        (missing, "of the data are missing"),
        (joined.foreign, "are not in the data"),
        (joined.repeated, "stand in it twice"),
    ]
    wrong = [f"{len(ids):,} {what} (first: {ids[0]})" for ids, what in kinds if ids]
    if wrong:
        raise DataError(
            f"{path}: its ids do not match the labelled data: {', '.join(wrong)}: give each row one prediction."
        )


def _is_unanswered(status: Any) -> bool:
    """Whether a status is one that `stance classify` gives to a row that it could not score."""
    return isinstance(status, str) and status in _NO_ANSWER


def _column_of(name: str, scheme: LabelScheme, where: str) -> int:
    if name not in scheme.names:
        raise DataError(
            f"{where}: unknown label {name!r}: {scheme.suggestion(name)}; correct it (none is an empty list or cell)."
        )
    return scheme.index(name)


def _score(value: Any, label: str, where: str) -> float:
    """A probability; NaN where there is none."""
    if value is None or value == "":
        return float("nan")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{where}: the score of {label!r} is {value!r:.60}; it must be a number from 0 to 1.") from None
    if number < -_ROUNDING or number > 1 + _ROUNDING:
        raise DataError(f"{where}: the score {value} of {label!r} lies outside 0 to 1: give probabilities, not logits.")
    return min(max(number, 0.0), 1.0) if number == number else number
