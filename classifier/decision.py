"""Numbers in, labels out: calibration of raw scores to probabilities, and one threshold a label."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier.errors import ModelError, UsageError
from classifier.labels import LabelScheme

DECIMALS: Final = 6  # probabilities are rounded before they are compared, so that written scores explain the labels


@dataclass(frozen=True)
class Decision:
    """The decision rule of a model.

    A raw score s becomes the probability 1 / (1 + exp(-(slope * s + intercept))) (Platt 1999, «Probabilistic outputs
    for support vector machines»); a label is given where its probability reaches its threshold.

    Attributes:
        slope, intercept: the calibration. Shapes: (n_labels,).
        thresholds: in (0, 1]. Shape: (n_labels,).
    """

    slope: tuple[float, ...]
    intercept: tuple[float, ...]
    thresholds: tuple[float, ...]

    def probabilities(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Calibrated probabilities, rounded to DECIMALS. Shape: (n_texts, n_labels), float32; NaN stays NaN."""
        logits = np.asarray(scores, np.float64) * np.asarray(self.slope) + np.asarray(self.intercept)
        # The logistic function by tanh never overflows.
        return np.asarray(np.round(0.5 * (1.0 + np.tanh(0.5 * logits)), DECIMALS), np.float32)

    def decide(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Which labels are given. Shape: (n_texts, n_labels), bool; NaN gives none."""
        return np.asarray(probabilities >= np.asarray(self.thresholds, np.float32))

    def with_thresholds(self, scheme: LabelScheme, thresholds: Mapping[str, float]) -> "Decision":
        """The same rule with some labels' thresholds replaced.

        Raises:
            UsageError: if a threshold lies outside 0 to 1.
            DataError: if a label is unknown.
        """
        values = list(self.thresholds)
        for name, value in thresholds.items():
            if not 0.0 <= value <= 1.0:
                raise UsageError(f"The threshold {value} of {name!r} lies outside 0 to 1: give a probability.")
            values[scheme.index(name)] = round(value, DECIMALS)
        return replace(self, thresholds=tuple(values))

    def to_json(self) -> dict[str, list[float]]:
        return {"slope": [*self.slope], "intercept": [*self.intercept], "thresholds": [*self.thresholds]}

    @classmethod
    def from_json(cls, data: Any, n_labels: int) -> "Decision":
        """Raises ModelError if the lists are not n_labels finite numbers, or a threshold is outside 0 to 1."""
        values = {}
        for name in ("slope", "intercept", "thresholds"):
            given = data.get(name) if isinstance(data, dict) else None
            if not isinstance(given, list) or len(given) != n_labels or not all(map(_is_finite, given)):
                raise ModelError(
                    f"manifest.json: decision.{name} must be {n_labels} finite numbers: get the model again."
                )
            values[name] = tuple(map(float, given))
        if not all(0.0 <= threshold <= 1.0 for threshold in values["thresholds"]):
            raise ModelError("manifest.json: a threshold lies outside 0 to 1: get the model again.")
        return cls(**values)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
