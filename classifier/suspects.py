"""Suspect labels: the labelled rows that a model disputes most, as a list to re-check.

By confident learning (Northcutt, Jiang & Chuang 2021, «Confident Learning: Estimating Uncertainty in Dataset Labels»,
JAIR 70) on each label, and the row scores of Thyagarajan et al. 2022, «Identifying Incorrect Annotations in Multi-Label
Classification Data», both as cleanlab has them.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

FEWEST: Final = 2  # rows with, and rows without a label, below which cleanlab estimates nothing

Truth = npt.NDArray[np.int8]
Probabilities = npt.NDArray[np.float32]


def suspect_labels(
    labels: Sequence[str],
    truth: Truth,
    probabilities: Probabilities,
    ids: Sequence[str],
    texts: Sequence[str],
    limit: int = 200,
    *,
    groups: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """The rows whose given labels a model disputes most, worst first.

    Args:
        labels: the names of the matrices' columns.
        truth: the labels given. Shape: (n, n_labels), int8.
        probabilities: by a model that was not trained on these rows (out of fold, or held out); rows with NaN are left
            out. Shape: (n, n_labels), float32.
        ids: of the rows.
        texts: of the rows.
        limit: how many rows at most.
        groups: threads, articles or authors of the rows, so that a correction keeps its group.

    Returns:
        JSON-able rows: `id`, `group` (None where unknown), `text`, `labels` (those given in the truth), `quality` (0 to
        1, lower is worse), `method`, and `disputed`: `label`, `given` (whether it stands in the truth), the model's
        `probability` and `method`, surest first. A method is `cleanlab`, or `self-confidence` where cleanlab can
        estimate nothing (for a label's disputes, where fewer than two rows have it or lack it; for the quality, where
        there is one label only, or all or none stand everywhere): then a label is disputed where the model finds it
        less likely right than wrong, and the quality is how likely the row's most disputed label is right.
    """
    rows = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    if not len(rows):
        return []
    held, given = truth[rows] == 1, probabilities[rows].astype(np.float64)
    confidence = np.where(held, given, 1.0 - given)  # how likely each label is right as it stands
    disputed, by_cleanlab = _disputed(held, given, confidence)
    quality, method = _quality(held, given, confidence)
    suspects = np.flatnonzero(disputed.any(axis=1))
    worst = suspects[np.lexsort((confidence.min(axis=1)[suspects], quality[suspects]))][: max(limit, 0)]
    return [
        {
            "id": ids[rows[k]],
            "group": _group(groups, rows[k]),
            "text": texts[rows[k]],
            "labels": [label for label, holds in zip(labels, held[k], strict=True) if holds],
            "quality": round(float(quality[k]), 6),
            "method": method,
            "disputed": [
                {
                    "label": labels[column],
                    "given": bool(held[k, column]),
                    "probability": round(float(given[k, column]), 6),
                    "method": "cleanlab" if by_cleanlab[column] else "self-confidence",
                }
                for column in np.argsort(confidence[k], kind="stable").tolist()
                if disputed[k, column]
            ],
        }
        for k in worst.tolist()
    ]


def _disputed(
    held: npt.NDArray[np.bool_], given: npt.NDArray[np.float64], confidence: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which labels are disputed, and which columns cleanlab judged. Shapes: (n, n_labels), (n_labels,)."""
    from cleanlab import multilabel_classification  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    disputed, by_cleanlab = confidence < 0.5, np.zeros(held.shape[1], bool)
    counts = held.sum(axis=0)
    columns = np.flatnonzero(np.minimum(counts, len(held) - counts) >= FEWEST)
    if len(columns):
        try:
            find = multilabel_classification.filter.find_multilabel_issues_per_class
            issues = find(_index_lists(held[:, columns]), given[:, columns], n_jobs=1)
        except ValueError:  # it cannot estimate: the plain comparison stands
            return disputed, by_cleanlab
        disputed[:, columns], by_cleanlab[columns] = issues, True
    return disputed, by_cleanlab


def _quality(
    held: npt.NDArray[np.bool_], given: npt.NDArray[np.float64], confidence: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], str]:
    """How likely each row's labels are right, lower is worse, and by which method. Shape: (n,)."""
    from cleanlab import multilabel_classification  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    try:
        scores = multilabel_classification.get_label_quality_scores(_index_lists(held), given)
        return np.asarray(scores, np.float64), "cleanlab"
    except ValueError:  # it wants several labels, and some that stand and some that do not
        return confidence.min(axis=1), "self-confidence"


def _index_lists(held: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Labels as cleanlab takes them: the columns that hold, a list a row."""
    return [np.flatnonzero(row).tolist() for row in held]


def _group(groups: Sequence[str] | None, row: int) -> str | None:
    """The row's group; None for a row that is a group of its own, which reading marks with a NUL."""
    return None if groups is None or str(groups[row]).startswith("\0") else str(groups[row])
