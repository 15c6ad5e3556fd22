"""Sums over weighted rows, for the sample and for every bootstrap replicate: what measures are made of."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from classifier.bootstrap import Groups, Interval, Weights, percentile_interval, replicates


def resampled_sums(
    parts: Sequence[tuple[npt.NDArray[np.int64], Weights]], groups: Groups, n_replicates: int, random_state: int
) -> list[Weights]:
    """Each part's features summed over its rows, all parts in the same replicates, so that differences are paired.

    Args:
        parts: row numbers, shape (n_rows,), and these rows' features, shape (n_rows, n_features).
        groups: what is resampled as a whole. Shape: (n,).
        n_replicates: how many bootstrap samples are drawn; none where there are too few groups.
        random_state: their seed.

    Returns:
        A matrix a part: its first row is the sample itself, each other row a replicate.
        Shapes: (1 + n_replicates, n_features).
    """
    names, numbers = np.unique(groups, return_inverse=True)
    sums = [[features.sum(axis=0, keepdims=True)] for _, features in parts]
    by_group = [_by_group(numbers[rows], features) for rows, features in parts]
    for weights in replicates(np.arange(len(names)), n_replicates, random_state):
        for collected, (present, features) in zip(sums, by_group, strict=True):
            collected.append(weights[:, present] @ features)
    return [np.concatenate(collected) for collected in sums]


def _by_group(numbers: npt.NDArray[np.int64], features: Weights) -> tuple[npt.NDArray[np.int64], Weights]:
    """The groups present and their summed features. Shapes: (n_present,), (n_present, n_features)."""
    present, places = np.unique(numbers, return_inverse=True)
    summed = np.zeros((len(present), features.shape[1]))
    np.add.at(summed, places, features)
    return present, summed


def interval(values: Weights) -> Interval:
    """The first of the values with the 95 % percentile interval of the others. Shape of the values: (1 + n,)."""
    return percentile_interval(float(values[0]), [values[1:]])
