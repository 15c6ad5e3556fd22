"""Precision-recall curves with the operating point, and the F1 that the best threshold on this very set would give."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve

from eval.rows import ScoredRows

_POINTS: Final = 120  # what a plot can show; more only makes the file larger


def curves(rows: ScoredRows) -> dict[str, Any]:
    """For each label the curve as [recall, precision] points, the operating point, and the best threshold's F1.

    A label without positive rows or without probabilities has None: it has no curve.
    """
    return {label: _curve(rows, k) for k, label in enumerate(rows.labels)}


def _curve(rows: ScoredRows, k: int) -> dict[str, Any] | None:
    truth, probabilities, given = rows.truth[:, k], rows.probabilities[:, k], rows.given[:, k]
    if not truth.any() or np.isnan(probabilities).any():
        return None
    precision, recall, thresholds = precision_recall_curve(truth, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(np.argmax(f1[:-1]))
    hits = int((given & (truth == 1)).sum())
    operating = None
    if given.any():
        operating = {"recall": _round(hits / truth.sum()), "precision": _round(hits / given.sum())}
    return {
        "points": [[_round(r), _round(p)] for r, p in _thinned(recall[::-1], precision[::-1])],
        "operating": operating,
        # Chosen on the rows it is measured on, so no threshold could be expected to do as well.
        "best": {"threshold": _round(float(thresholds[best])), "f1": _round(float(f1[best]))},
    }


def _thinned(recall: npt.NDArray[np.float64], precision: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """At most _POINTS of the curve, spread evenly over recall, ends included."""
    wanted = np.searchsorted(recall, np.linspace(0, 1, _POINTS))
    kept = np.unique(np.clip(np.concatenate([[0], wanted, [len(recall) - 1]]), 0, len(recall) - 1))
    return [(float(recall[i]), float(precision[i])) for i in kept]


def _round(value: float) -> float:
    return round(float(value), 6)
