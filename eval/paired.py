"""Two models on the same rows: how their difference varies with the groups drawn, and what swapped answers give.

All of it is computed from sums over groups: a group (thread, article) is drawn, or swapped, as a whole. Scores have the
mean over the labels for which they are defined in column 0, the labels' in the others; what is not defined is NaN.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from classifier.bootstrap import BLOCK, Groups, Weights, replicates
from classifier.ratios import ratio

_TIED: Final = 1e-12  # differences closer than this are the same but for rounding

# Of a label: how many rows of each group lie between neighbouring probabilities of the rows that carry it, all rows and
# those that carry it. Shapes: (n_levels, n_groups).
Ranking = tuple[csr_array, csr_array]


@dataclass(frozen=True)
class Side:
    """What groups have to be known for to score one of the two models on any draw of them.

    Attributes:
        tallies: each label's hits, then each label's true rows plus rows given it. Shape: (n_groups, 2 n_labels).
        rankings: one a label; None where a row has no probability.
    """

    tallies: Weights
    rankings: list[Ranking | None]

    @classmethod
    def of(
        cls,
        truth: npt.NDArray[np.bool_],
        given: npt.NDArray[np.bool_],
        probabilities: npt.NDArray[np.float32],
        groups: Groups,
    ) -> "Side":
        """From a model's answers. Shapes: (n, n_labels), and (n,) for the groups."""
        names, numbers = np.unique(groups, return_inverse=True)
        summed = np.zeros((len(names), 2 * truth.shape[1]))
        np.add.at(summed, numbers, np.hstack([truth & given, truth.astype(np.int64) + given]))
        labels = zip(truth.T, probabilities.T, strict=True)
        return cls(summed, [_ranking(held, scores, numbers, len(names)) for held, scores in labels])

    def f1(self, drawn: Weights) -> Weights:
        """Macro-F1 and each label's F1. Shape: (n, n_groups) to (n, 1 + n_labels)."""
        return f1_scores(drawn @ self.tallies)

    def average_precision(self, drawn: Weights) -> Weights:
        """Mean average precision and each label's. Shape: (n, n_groups) to (n, 1 + n_labels).

        As scikit-learn defines it: the sum over distinct probabilities of recall step times precision. The mean is not
        defined where a label lacks probabilities.
        """
        across = np.ascontiguousarray(drawn.T)
        values = np.full((len(drawn), len(self.rankings)), np.nan)
        for k, ranking in enumerate(self.rankings):
            if ranking is None or ranking[0].shape[0] == 0:
                continue
            seen, steps = np.cumsum(ranking[0] @ across, axis=0), ranking[1] @ across
            hits = np.cumsum(steps, axis=0)
            precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
            values[:, k] = ratio((steps * precision).sum(axis=0), hits[-1])
        scores = _with_mean(values)
        if any(ranking is None for ranking in self.rankings):
            scores[:, 0] = np.nan
        return scores


def _ranking(
    held: npt.NDArray[np.bool_], scores: npt.NDArray[np.float32], numbers: npt.NDArray[np.intp], n_groups: int
) -> Ranking | None:
    if np.isnan(scores).any():
        return None
    levels = np.unique(scores[held])
    # From the highest level down; rows below the lowest come after the last row that counts.
    level = len(levels) - np.searchsorted(levels, scores, side="right")
    counted = level < len(levels)
    every, positive = (
        csr_array((np.ones(rows.sum()), (level[rows], numbers[rows])), shape=(len(levels), n_groups))
        for rows in (counted, counted & held)
    )
    return every, positive


def f1_scores(summed: Weights) -> Weights:
    """Macro-F1 and each label's F1 of summed tallies, twice the first over the second.

    Shape: (n, 2 n_labels) to (n, 1 + n_labels).
    """
    hits, sizes = np.split(summed, 2, axis=1)
    return _with_mean(ratio(2 * hits, sizes))


def drawn_differences(one: Side, other: Side, n_replicates: int, random_state: int) -> tuple[Weights, Weights]:
    """Differences other - one in F1 and in average precision, the same groups drawn for both.

    Shapes: (n_replicates, 1 + n_labels), without rows where there are too few groups to resample.
    """
    empty = np.zeros((0, 1 + len(one.rankings)))
    f1, precision = [empty], [empty]
    for drawn in replicates(np.arange(len(one.tallies)), n_replicates, random_state):
        f1.append(other.f1(drawn) - one.f1(drawn))
        precision.append(other.average_precision(drawn) - one.average_precision(drawn))
    return np.concatenate(f1), np.concatenate(precision)


def swap_p_values(one: Side, other: Side, n_permutations: int, random_state: int) -> Weights:
    """Two-sided p-values of the differences in macro-F1 and each label's F1. Shape: (1 + n_labels,).

    Were the models equally good, each group's answers could as well be the other's: the p-value is the share of random
    swaps whose difference is as large as the one seen, which counts as a swap itself (Phipson & Smyth 2010,
    «Permutation p-values should never be zero»). A swap after which F1 is not defined counts as one that is as large.
    The draws are others than the bootstrap's of the same seed.
    """
    total, other_total = (side.tallies.sum(axis=0, keepdims=True) for side in (one, other))
    seen = np.abs(f1_scores(other_total) - f1_scores(total))
    change = other.tallies - one.tallies
    change = change[change.any(axis=1)]
    as_large = np.ones(seen.shape[1])
    random = np.random.default_rng([random_state, 1])
    for start in range(0, n_permutations, BLOCK):
        size = (min(BLOCK, n_permutations - start), len(change))
        moved = random.integers(0, 2, size, dtype=np.int8).astype(np.float64) @ change
        differences = np.abs(f1_scores(other_total - moved) - f1_scores(total + moved))
        as_large += (~(differences < seen - _TIED)).sum(axis=0)
    return np.asarray(as_large / (1 + n_permutations))


def _with_mean(values: Weights) -> Weights:
    """The values with the mean of the defined ones before them. Shape: (n, n_labels) to (n, 1 + n_labels)."""
    defined = ~np.isnan(values)
    mean = ratio(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))
    return np.column_stack([mean, values])
