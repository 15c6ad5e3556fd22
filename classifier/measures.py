"""Measures of multi-label classification, and intervals for them from a bootstrap that resamples groups.

Used on both sides: training states a new model's held-out quality in its card, evaluation reports on any data. All
measures are computed from weighted rows, so that one vectorised routine serves the point estimate (weights of one) and
every bootstrap replicate (a row's weight is how often its group was drawn; Davison & Hinkley 1997, section 3.8).
A measure that is not defined, such as the recall of a label that no row has, is NaN, never 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

PER_LABEL: Final = (
    *("precision", "recall", "f1", "average_precision", "brier", "calibration_error"),
    *("prevalence", "predicted_prevalence"),
)
OVERALL: Final = ("macro_f1", "micro_f1", "mean_average_precision", "exact_match", "none_precision", "none_recall")
CALIBRATION_BINS: Final = 10
FEWEST_GROUPS: Final = 10  # with fewer groups a bootstrap interval would pretend to know more than it does
_BLOCK: Final = 100

Weights = npt.NDArray[np.float64]
Values = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Interval:
    """A point estimate with a 95 % interval; NaN where undefined or not to be estimated."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.value != self.value:
            return "not defined"
        return f"{self.value:.3f}" + (f" ({self.low:.3f} to {self.high:.3f})" if self.low == self.low else "")


@dataclass(frozen=True)
class _Prepared:
    """What all replicates share: sort orders, ties and bins."""

    truth: npt.NDArray[np.bool_]
    given: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[np.float64]
    orders: npt.NDArray[np.int64]
    tie_ends: list[npt.NDArray[np.int64]]
    bins: npt.NDArray[np.int64]


def _prepare(
    truth: npt.NDArray[np.int8], probabilities: npt.NDArray[np.float32], given: npt.NDArray[np.bool_]
) -> _Prepared:
    values = probabilities.astype(np.float64)
    orders = np.argsort(-values, axis=0, kind="stable")
    tie_ends, bins = [], np.zeros(values.shape, np.int64)
    for k in range(values.shape[1]):
        ranked = values[orders[:, k], k]
        tie_ends.append(np.flatnonzero(np.diff(ranked, append=-np.inf)))
        bins[orders[:, k], k] = np.arange(len(values)) * CALIBRATION_BINS // max(len(values), 1)
    return _Prepared(truth == 1, given, values, orders, tie_ends, bins)


def _ratio(numerator: Weights, denominator: Weights) -> Weights:
    undefined = np.full(np.shape(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0))


def _f1(hits: Weights, true: Weights, predicted: Weights) -> Weights:
    """F1; it is not defined where neither truth nor prediction holds the label."""
    return _ratio(2 * hits, true + predicted)


def _average_precision(p: _Prepared, k: int, weights: Weights) -> Weights:
    """Sum over distinct scores of (recall step x precision), as scikit-learn defines it. Shape: (n_replicates,)."""
    ranked = weights[:, p.orders[:, k]]
    hits = np.cumsum(ranked * p.truth[p.orders[:, k], k], axis=1)[:, p.tie_ends[k]]
    seen = np.cumsum(ranked, axis=1)[:, p.tie_ends[k]]
    steps = np.diff(hits, axis=1, prepend=0.0)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    return _ratio((steps * precision).sum(axis=1), hits[:, -1])


def _calibration_error(p: _Prepared, k: int, weights: Weights) -> Weights:
    """Expected calibration error over bins of equal mass on the full sample. Shape: (n_replicates,)."""
    total, error = weights.sum(axis=1), np.zeros(len(weights))
    for b in range(CALIBRATION_BINS):
        rows = p.bins[:, k] == b
        error += np.abs(weights[:, rows] @ (p.probabilities[rows, k] - p.truth[rows, k]))
    return _ratio(error, total)


def _measure(p: _Prepared, weights: Weights) -> tuple[Values, Values]:
    """Per-label values, shape (n_replicates, n_labels), and overall values, shape (n_replicates,)."""
    total = weights.sum(axis=1)
    true, predicted = weights @ p.truth, weights @ p.given
    hits = weights @ (p.truth & p.given)
    per: Values = {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, true),
        "f1": _f1(hits, true, predicted),
        "brier": _ratio(weights @ (p.probabilities - p.truth) ** 2, np.repeat(total[:, None], true.shape[1], axis=1)),
        "prevalence": true / total[:, None],
        "predicted_prevalence": predicted / total[:, None],
    }
    labels = range(p.truth.shape[1])
    per["average_precision"] = np.stack([_average_precision(p, k, weights) for k in labels], axis=1)
    per["calibration_error"] = np.stack([_calibration_error(p, k, weights) for k in labels], axis=1)
    none, said_none = ~p.truth.any(axis=1), ~p.given.any(axis=1)
    both_none = weights @ (none & said_none)
    overall: Values = {
        "macro_f1": _mean_of_defined(per["f1"]),
        "micro_f1": _f1(hits.sum(axis=1), true.sum(axis=1), predicted.sum(axis=1)),
        "mean_average_precision": _mean_of_defined(per["average_precision"]),
        "exact_match": weights @ (p.truth == p.given).all(axis=1) / total,
        "none_precision": _ratio(both_none, weights @ said_none),
        "none_recall": _ratio(both_none, weights @ none),
    }
    return {name: per[name] for name in PER_LABEL}, {name: overall[name] for name in OVERALL}


def _mean_of_defined(values: Weights) -> Weights:
    """The mean over labels for which the measure is defined. Shape: (n_replicates,)."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _replicates(
    groups: npt.NDArray[np.str_] | npt.NDArray[np.int64], n_replicates: int, random_state: int
) -> Iterator[Weights]:
    """Row weights of bootstrap replicates, in blocks. Shape: (at most _BLOCK, n)."""
    numbers = np.unique(groups, return_inverse=True)[1]
    n_groups = int(numbers.max()) + 1
    random = np.random.default_rng(random_state)
    for start in range(0, n_replicates, _BLOCK):
        size = min(_BLOCK, n_replicates - start)
        drawn = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=size)
        yield drawn[:, numbers].astype(np.float64)


def evaluate_predictions(
    truth: npt.NDArray[np.int8],
    probabilities: npt.NDArray[np.float32],
    given: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.str_] | npt.NDArray[np.int64],
    n_replicates: int = 1_000,
    random_state: int = 0,
) -> tuple[dict[str, list[Interval]], dict[str, Interval]]:
    """Every measure with a 95 % percentile interval from resampling groups.

    Args:
        truth: 1 where a label holds. Shape: (n, n_labels), int8.
        probabilities: calibrated. Shape: (n, n_labels), float32.
        given: the labels given. Shape: (n, n_labels), bool.
        groups: what is resampled as a whole, by name or number. Shape: (n,).
        n_replicates: how many bootstrap samples are drawn.
        random_state: their seed.

    Returns:
        Per measure a list over labels, and the overall measures. With fewer than FEWEST_GROUPS groups the intervals'
        ends are NaN: they cannot be estimated.
    """
    prepared = _prepare(truth, probabilities, given)
    per, overall = _measure(prepared, np.ones((1, len(truth))))
    if len(np.unique(groups)) < FEWEST_GROUPS:
        blocks = []
    else:
        blocks = [_measure(prepared, weights) for weights in _replicates(groups, n_replicates, random_state)]
    per_label = {
        name: [
            _interval(float(values[0, k]), [block[0][name][:, k] for block in blocks]) for k in range(truth.shape[1])
        ]
        for name, values in per.items()
    }
    return per_label, {
        name: _interval(float(values[0]), [block[1][name] for block in blocks]) for name, values in overall.items()
    }


def _interval(value: float, blocks: list[Weights]) -> Interval:
    drawn = np.concatenate(blocks) if blocks else np.zeros(0)
    drawn = drawn[~np.isnan(drawn)]
    if value != value or len(drawn) == 0:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))
