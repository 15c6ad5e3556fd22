"""Do the probabilities mean what they say? Reliability with intervals, Brier decomposition, before and after."""

from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.measures import equal_mass_bins
from classifier.ratios import ratio
from eval.rows import ScoredRows
from eval.sums import interval, resampled_sums


def calibration(rows: ScoredRows, n_replicates: int = 1_000, random_state: int = 0) -> dict[str, Any]:
    """For each label, over bins of equal mass: reliability, the Brier score's parts, and errors before calibration.

    The decomposition (Murphy 1973, «A new vector partition of the probability score») is of the binned probabilities:
    Brier = reliability - resolution + uncertainty, but for the spread inside bins; reliability is the calibration's
    part, 0 at best. A bin's observed share has an interval from resampling groups. Labels without probabilities have
    None.
    """
    return {label: _of_label(rows, k, n_replicates, random_state) for k, label in enumerate(rows.labels)}


def _of_label(rows: ScoredRows, k: int, n_replicates: int, random_state: int) -> dict[str, Any] | None:
    truth, probabilities = rows.truth[:, k].astype(np.float64), rows.probabilities[:, k].astype(np.float64)
    if not len(truth) or np.isnan(probabilities).any():
        return None
    bins = equal_mass_bins(probabilities)
    before = None
    if rows.uncalibrated is not None:
        raw = rows.uncalibrated[:, k].astype(np.float64)
        error = _error(raw, truth, equal_mass_bins(raw))
        before = {"brier": _round(np.mean((raw - truth) ** 2)), "calibration_error": error}
    return {
        "bins": [
            {"rows": len(chosen), "mean_probability": _round(probabilities[chosen].mean()), **share}
            for chosen, share in zip(bins, _observed(truth, bins, rows, n_replicates, random_state), strict=True)
        ],
        "decomposition": _decomposition(probabilities, truth, bins),
        "before": before,
        "after": {
            "brier": _round(np.mean((probabilities - truth) ** 2)),
            "calibration_error": _error(probabilities, truth, bins),
        },
    }


def _observed(
    truth: npt.NDArray[np.float64],
    bins: list[npt.NDArray[np.int64]],
    rows: ScoredRows,
    n_replicates: int,
    random_state: int,
) -> list[dict[str, float | None]]:
    """The share of each bin's rows that carry the label, `low` and `high` from resampling groups."""
    parts = [(chosen, np.stack([truth[chosen], np.ones(len(chosen))], axis=1)) for chosen in bins]
    found = []
    for sums in resampled_sums(parts, rows.groups, n_replicates, random_state):
        figure = interval(ratio(sums[:, 0], sums[:, 1])).to_json()
        found.append({"observed": figure["value"], "low": figure["low"], "high": figure["high"]})
    return found


def _decomposition(
    probabilities: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], bins: list[npt.NDArray[np.int64]]
) -> dict[str, float]:
    share = np.array([len(part) for part in bins]) / len(truth)
    mean = np.array([probabilities[part].mean() for part in bins])
    observed = np.array([truth[part].mean() for part in bins])
    return {
        "reliability": _round(share @ (mean - observed) ** 2),
        "resolution": _round(share @ (observed - truth.mean()) ** 2),
        "uncertainty": _round(truth.mean() * (1 - truth.mean())),
    }


def _error(
    probabilities: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], bins: list[npt.NDArray[np.int64]]
) -> float:
    """Expected calibration error: the mean distance of mean probability and observed share, weighted by rows."""
    gaps = [len(part) * abs(probabilities[part].mean() - truth[part].mean()) for part in bins]
    return _round(sum(gaps) / len(truth))


def _round(value: float | np.floating[Any]) -> float:
    return round(float(value), 6)
