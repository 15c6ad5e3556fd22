"""Measures of multi-label classification with their intervals: one routine over weighted rows for all of them.

Used on both sides: training states a new model's held-out quality in its card, evaluation reports on any data. Rows of
weight one give the point estimate, a bootstrap replicate's weights give that replicate. A measure that is not defined,
such as the recall of a label that no row has, is NaN, never 0.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifier.bootstrap import Groups, Interval, Weights, basic_interval, percentile_interval, replicates
from classifier.ratios import f1, mean_of_defined, ratio

PER_LABEL: Final = (
    *("precision", "recall", "f1", "mcc", "average_precision", "roc_auc", "brier", "calibration_error"),
    *("prevalence", "predicted_prevalence"),
)
OVERALL: Final = (
    *("macro_f1", "micro_f1", "weighted_f1", "macro_precision", "macro_recall", "micro_precision", "micro_recall"),
    *("macro_mcc", "mean_average_precision", "macro_roc_auc", "exact_match"),
    *("none_precision", "none_recall", "none_f1"),
)
CALIBRATION_BINS: Final = 10

Values = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class _Prepared:
    """What all replicates share: sort orders, ties, bins, and which labels have probabilities at all."""

    truth: npt.NDArray[np.bool_]
    given: npt.NDArray[np.bool_]
    probabilities: npt.NDArray[np.float64]
    orders: npt.NDArray[np.int64]
    tie_ends: list[npt.NDArray[np.int64]]
    bins: npt.NDArray[np.int64]
    scored: npt.NDArray[np.bool_]


def _prepare(
    truth: npt.NDArray[np.int8], probabilities: npt.NDArray[np.float32], given: npt.NDArray[np.bool_]
) -> _Prepared:
    scored = np.asarray(~np.isnan(probabilities).any(axis=0))
    values = np.where(scored, probabilities, 0.0).astype(np.float64)
    orders = np.argsort(-values, axis=0, kind="stable")
    tie_ends, bins = [], np.zeros(values.shape, np.int64)
    for k in range(values.shape[1]):
        ranked = values[orders[:, k], k]
        tie_ends.append(np.flatnonzero(np.diff(ranked, append=-np.inf)))
        for number, rows in enumerate(equal_mass_bins(values[:, k])):
            bins[rows, k] = number
    return _Prepared(truth == 1, given, values, orders, tie_ends, bins, scored)


def equal_mass_bins(probabilities: npt.NDArray[np.float64]) -> list[npt.NDArray[np.int64]]:
    """Rows in ascending order of probability, cut into CALIBRATION_BINS bins of equal size."""
    order = np.argsort(probabilities, kind="stable")
    return [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]


def _ranking(p: _Prepared, k: int, weights: Weights) -> tuple[Weights, Weights]:
    """Average precision and area under the ROC curve of a label. Shapes: (n_replicates,).

    Average precision is the sum over distinct scores of recall step times precision, as scikit-learn defines it; the
    area is by the trapezoid rule, so that a tie counts half.
    """
    ranked = weights[:, p.orders[:, k]]
    hits = np.cumsum(ranked * p.truth[p.orders[:, k], k], axis=1)[:, p.tie_ends[k]]
    seen = np.cumsum(ranked, axis=1)[:, p.tie_ends[k]]
    steps = np.diff(hits, axis=1, prepend=0.0)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    average_precision = ratio((steps * precision).sum(axis=1), hits[:, -1])
    wrong = seen - hits
    area = (np.diff(wrong, axis=1, prepend=0.0) * (hits - steps / 2)).sum(axis=1)
    return average_precision, ratio(area, hits[:, -1] * wrong[:, -1])


def _calibration_error(p: _Prepared, k: int, weights: Weights) -> Weights:
    """Expected calibration error over bins of equal mass on the full sample. Shape: (n_replicates,)."""
    total, error = weights.sum(axis=1), np.zeros(len(weights))
    for b in range(CALIBRATION_BINS):
        rows = p.bins[:, k] == b
        error += np.abs(weights[:, rows] @ (p.probabilities[rows, k] - p.truth[rows, k]))
    return ratio(error, total)


def _measure(p: _Prepared, weights: Weights) -> tuple[Values, Values]:
    """Per-label values, shape (n_replicates, n_labels), and overall values, shape (n_replicates,)."""
    total = np.repeat(weights.sum(axis=1)[:, None], p.truth.shape[1], axis=1)
    true, predicted, hits = weights @ p.truth, weights @ p.given, weights @ (p.truth & p.given)
    ranking = [_ranking(p, k, weights) for k in range(p.truth.shape[1])]
    covariance = hits * total - true * predicted
    spread = np.sqrt(true * (total - true)) * np.sqrt(predicted * (total - predicted))
    per: Values = {
        "precision": ratio(hits, predicted),
        "recall": ratio(hits, true),
        "f1": f1(hits, true, predicted),
        "mcc": ratio(covariance, spread),
        "average_precision": np.stack([average_precision for average_precision, _ in ranking], axis=1),
        "roc_auc": np.stack([area for _, area in ranking], axis=1),
        "brier": ratio(weights @ (p.probabilities - p.truth) ** 2, total),
        "calibration_error": np.stack([_calibration_error(p, k, weights) for k in range(p.truth.shape[1])], axis=1),
        "prevalence": ratio(true, total),
        "predicted_prevalence": ratio(predicted, total),
    }
    for name in ("average_precision", "roc_auc", "brier", "calibration_error"):
        per[name] = np.where(p.scored, per[name], np.nan)
    sums = hits.sum(axis=1), true.sum(axis=1), predicted.sum(axis=1)
    none, said_none = ~p.truth.any(axis=1), ~p.given.any(axis=1)
    none_sums = weights @ (none & said_none), weights @ none, weights @ said_none
    overall: Values = {
        "macro_f1": mean_of_defined(per["f1"]),
        "micro_f1": f1(*sums),
        "weighted_f1": ratio((np.nan_to_num(per["f1"]) * true).sum(axis=1), sums[1]),
        "macro_precision": mean_of_defined(per["precision"]),
        "macro_recall": mean_of_defined(per["recall"]),
        "micro_precision": ratio(sums[0], sums[2]),
        "micro_recall": ratio(sums[0], sums[1]),
        "macro_mcc": mean_of_defined(per["mcc"]),
        "mean_average_precision": np.where(p.scored.all(), mean_of_defined(per["average_precision"]), np.nan),
        "macro_roc_auc": np.where(p.scored.all(), mean_of_defined(per["roc_auc"]), np.nan),
        "exact_match": ratio(weights @ (p.truth == p.given).all(axis=1), weights.sum(axis=1)),
        "none_precision": ratio(none_sums[0], none_sums[2]),
        "none_recall": ratio(none_sums[0], none_sums[1]),
        "none_f1": f1(*none_sums),
    }
    return {name: per[name] for name in PER_LABEL}, {name: overall[name] for name in OVERALL}


def evaluate_predictions(
    truth: npt.NDArray[np.int8],
    probabilities: npt.NDArray[np.float32],
    given: npt.NDArray[np.bool_],
    groups: Groups,
    n_replicates: int = 1_000,
    random_state: int = 0,
) -> tuple[dict[str, list[Interval]], dict[str, Interval]]:
    """Every measure with a 95 % interval from resampling groups.

    Percentile intervals, but for the calibration error, which resampling biases upwards: basic ones.

    Args:
        truth: 1 where a label holds. Shape: (n, n_labels), int8.
        probabilities: calibrated; a label with NaN has no figures that need them. Shape: (n, n_labels), float32.
        given: the labels given. Shape: (n, n_labels), bool.
        groups: what is resampled as a whole, by name or number. Shape: (n,).
        n_replicates: how many bootstrap samples are drawn.
        random_state: their seed.

    Returns:
        Per measure a list over labels, and the overall measures. With too few groups the intervals'
        ends are NaN: they cannot be estimated.
    """
    prepared = _prepare(truth, probabilities, given)
    per, overall = _measure(prepared, np.ones((1, len(truth))))
    blocks = [_measure(prepared, weights) for weights in replicates(groups, n_replicates, random_state)]
    per_label = {}
    for name, values in per.items():
        interval = basic_interval if name == "calibration_error" else percentile_interval
        per_label[name] = [
            interval(float(values[0, k]), [block[0][name][:, k] for block in blocks]) for k in range(truth.shape[1])
        ]
    return per_label, {
        name: percentile_interval(float(values[0]), [block[1][name] for block in blocks])
        for name, values in overall.items()
    }
