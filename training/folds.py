"""Grouped, label-stratified folds for multi-label data."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.model_selection import StratifiedGroupKFold

from classifier.errors import DataError
from classifier.fingerprints import Fingerprints, matches

Fold = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

FEWEST: Final = 4  # rows with, and rows without a label, below which nothing can be learnt and held out


def require_enough(hard: npt.NDArray[np.int8], names: Sequence[str]) -> None:
    """Raises DataError if a label stands on too few rows, or on all but too few; the message names it."""
    for name, positives in zip(names, hard.sum(axis=0).tolist(), strict=True):
        if min(positives, len(hard) - positives) < FEWEST:
            raise DataError(
                f"The label {name!r} stands on {positives} of {len(hard)} rows: at least {FEWEST} rows with it and "
                f"{FEWEST} without it are needed; add rows, or leave the label out."
            )


def rarest_label(hard: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """One class a row for stratification: its rarest label, or n_labels where it has none. Shape: (n,)."""
    order = np.argsort(hard.sum(axis=0), kind="stable")
    classes = np.full(len(hard), hard.shape[1], np.int64)
    for label in order[::-1]:
        classes[hard[:, label] == 1] = label
    return classes


def grouped_folds(
    hard: npt.NDArray[np.int8], groups: npt.NDArray[np.int64], n_splits: int, random_state: int
) -> list[Fold]:
    """(training rows, held-out rows) of each fold; no group is split, and each fold gets its share of every label.

    Raises:
        DataError: if there are fewer than two groups.
    """
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise DataError("All rows are of one group, so no part can be held out: give more groups, or no group column.")
    classes = rarest_label(hard)
    splits = min(n_splits, n_groups)
    # A class with fewer rows than folds cannot be stratified; it goes with the commonest class.
    values, counts = np.unique(classes, return_counts=True)
    small = np.isin(classes, values[counts < splits])
    classes = np.where(small, values[counts.argmax()], classes)
    folds = StratifiedGroupKFold(splits, shuffle=True, random_state=random_state)
    return [
        (train.astype(np.int64), held_out.astype(np.int64))
        for train, held_out in folds.split(np.zeros(len(hard)), classes, groups)
        if len(train) and len(held_out)
    ]


def linked_groups(groups: npt.NDArray[np.str_], pairs: list[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """Group numbers, groups merged where a pair of rows links them: near-duplicates stay on one side of a split."""
    names, numbers = np.unique(groups, return_inverse=True)
    if not pairs:
        return numbers.astype(np.int64)
    left, right = numbers[np.asarray(pairs)].T
    links = sparse.coo_array((np.ones(len(left)), (left, right)), shape=(len(names), len(names)))
    components = sparse.csgraph.connected_components(links, directed=False)[1]
    return np.asarray(components[numbers], np.int64)


def duplicate_pairs(fingerprints: Fingerprints) -> list[tuple[int, int]]:
    """Pairs of rows whose texts are equal or nearly so."""
    return [(i, j) for i, j, _ in matches(fingerprints, fingerprints)]
