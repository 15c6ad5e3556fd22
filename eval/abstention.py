"""Abstention: what leaving unsure rows to people would gain, and how many rows they would have to read."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from eval.rows import ScoredRows

COVERAGES: Final = 21
WANTED_PRECISIONS: Final = (0.8, 0.9)
_LEAST: Final = 1e-6  # probabilities have six decimals; a 0 or 1 is kept this far from certainty


def abstention(rows: ScoredRows) -> dict[str, Any]:
    """Risk against coverage, and the rows to read for a wanted precision.

    Both are of rows that have all their probabilities, and are of this very data: on other data expect a little less.

    Returns:
        - `rows`: those with probabilities;
        - `risk_coverage`: None where no row has them or a threshold is unknown; else `curve`, for each of 21 shares
          of rows kept (`coverage`, 0 to 1; `rows`, rounded up) the share not exactly right among them (`risk`, None
          for no rows), the surest kept; `area` under it, the mean risk over all numbers of rows kept (Geifman, Uziel
          and El-Yaniv 2019, «Bias-reduced uncertainty estimation for deep neural classifiers»), and for comparison
          that of a random order (`area_random`, the share of wrong rows) and of an order that puts all wrong rows
          last (`area_best`);
        - `to_read`: label by label, for each wanted precision (`precision`), where it can be reached by reading from
          the highest probability down: the `threshold` at which to stop, the `rows` to read, the precision `reached`,
          and the share of positives `found`, the largest possible; else None in these four. None for a label where no
          row has a probability.
    """
    scored = ~np.isnan(rows.probabilities).any(axis=1)
    probabilities = rows.probabilities[scored]
    to_read = {
        label: _to_read(probabilities[:, k].astype(np.float64), rows.truth[scored, k] == 1) if scored.any() else None
        for k, label in enumerate(rows.labels)
    }
    thresholds = np.array(rows.thresholds, np.float64)
    curve = None
    if scored.any() and not np.isnan(thresholds).any():
        curve = _risk_coverage(confidence(probabilities, thresholds), ~rows.is_right[scored])
    return {"rows": int(scored.sum()), "risk_coverage": curve, "to_read": to_read}


def confidence(probabilities: npt.NDArray[np.float32], thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How sure a row's labels are: the smallest distance of a probability to its threshold on the logit scale.

    The smallest, because a row is right only if all its labels are, so the least sure decides. On the logit scale,
    because thresholds differ between labels and often lie low: 0.06 is near a threshold of 0.05, and 0.01 is far from
    it (five times the odds), while in plain probabilities nothing below a low threshold could ever look sure; distances
    in log-odds mean the same amount of evidence wherever the threshold lies.

    Shapes: (n, n_labels), (n_labels,) -> (n,).
    """
    return np.asarray(np.abs(logit(probabilities.astype(np.float64)) - logit(thresholds)).min(axis=1))


def logit(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    kept = np.clip(p, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def _risk_coverage(sureness: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """The curve from n rows' confidence and whether they are wrong; rows equally sure share their errors evenly."""
    n = len(wrong)
    _, tied = np.unique(-sureness, return_inverse=True)
    sizes = np.bincount(tied)
    mean_wrong = np.repeat(np.bincount(tied, weights=wrong) / sizes, sizes)
    kept = np.arange(1, n + 1)
    risks = np.cumsum(mean_wrong) / kept
    numbers = [-(-step * n // (COVERAGES - 1)) for step in range(COVERAGES)]  # rounded up
    n_wrong = int(wrong.sum())
    return {
        "curve": [
            {
                "coverage": step / (COVERAGES - 1),
                "rows": number,
                "risk": round(float(risks[number - 1]), 6) if number else None,
            }
            for step, number in enumerate(numbers)
        ],
        "area": round(float(risks.mean()), 6),
        "area_random": round(n_wrong / n, 6),
        "area_best": round(float((np.maximum(kept - (n - n_wrong), 0) / kept).mean()), 6),
    }


def _to_read(probabilities: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_]) -> list[dict[str, float | None]]:
    """For each wanted precision the stop that finds the most positives, reading as few rows as that takes.

    Shapes: (n,), (n,). Rows of equal probability are read together.
    """
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    ends = np.flatnonzero(np.diff(ranked, append=-np.inf))
    hits, read = np.cumsum(truth[order])[ends], ends + 1
    lines: list[dict[str, float | None]] = []
    for wanted in WANTED_PRECISIONS:
        useful = np.where((hits >= wanted * read - 1e-9) & (hits > 0), hits, 0)
        best = int(np.argmax(useful))
        line: dict[str, float | None] = {"precision": wanted}
        if useful[best] == 0:
            line |= dict.fromkeys(("threshold", "rows", "reached", "found"))
        else:
            line |= {
                "threshold": round(float(ranked[ends[best]]), 6),
                "rows": int(read[best]),
                "reached": round(float(hits[best] / read[best]), 6),
                "found": round(float(hits[best] / hits[-1]), 6),
            }
        lines.append(line)
    return lines
