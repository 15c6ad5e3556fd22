"""Intervals from a bootstrap that resamples groups (threads, articles), not rows: rows of a thread are not independent.

Every replicate is a vector of row weights, how often each row's group was drawn (Davison & Hinkley 1997, «Bootstrap
Methods and their Application», section 3.8), so that a measure of weighted rows gives point estimate and replicates by
one vectorised routine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FEWEST_GROUPS: Final = 10  # with fewer groups an interval would pretend to know more than it does
BLOCK: Final = 100  # replicates that are computed together, fewer where there are very many rows
_CELLS: Final = 10_000_000  # weights held at once

Weights = npt.NDArray[np.float64]
Groups = npt.NDArray[np.str_] | npt.NDArray[np.int64]


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

    def to_json(self) -> dict[str, float | None]:
        """`value`, `low`, `high` to six decimals; None for what is undefined."""
        named = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if value != value else round(value, 6) for name, value in named.items()}


def replicates(groups: Groups, n_replicates: int, random_state: int) -> Iterator[Weights]:
    """Row weights of bootstrap replicates, in blocks; none where there are fewer than FEWEST_GROUPS groups.

    Shape of each: (at most BLOCK, n), float64.
    """
    numbers = np.unique(groups, return_inverse=True)[1]
    n_groups = int(numbers.max(initial=-1)) + 1
    if n_groups < FEWEST_GROUPS:
        return
    random = np.random.default_rng(random_state)
    block = max(1, min(BLOCK, _CELLS // max(len(numbers), 1)))
    for start in range(0, n_replicates, block):
        size = min(block, n_replicates - start)
        drawn = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=size)
        yield drawn[:, numbers].astype(np.float64)


def basic_interval(value: float, draws: Sequence[Weights]) -> Interval:
    """The 95 % basic interval of replicates, never below 0: for measures that resampling itself biases upwards.

    Twice the estimate less the percentiles (Davison & Hinkley 1997, section 5.2).
    """
    percentile = percentile_interval(value, draws)
    low, high = 2 * value - percentile.high, 2 * value - percentile.low
    return Interval(value, max(0.0, low) if low == low else low, max(value, high) if high == high else high)


def percentile_interval(value: float, draws: Sequence[Weights]) -> Interval:
    """The 95 % percentile interval of replicates; undefined replicates are left out."""
    drawn = np.concatenate(draws) if len(draws) else np.zeros(0)
    drawn = drawn[~np.isnan(drawn)]
    if value != value or len(drawn) == 0:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high))
