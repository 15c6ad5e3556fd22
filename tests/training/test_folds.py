"""Folds split no group, give every fold its share of every label, and keep near-duplicates together."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from classifier.errors import DataError
from classifier.fingerprints import fingerprint
from training.folds import FEWEST, duplicate_pairs, grouped_folds, linked_groups, rarest_label, require_enough


@st.composite
def grouped_labels(draw: st.DrawFn) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    n, n_labels = draw(st.integers(2, 40)), draw(st.integers(1, 4))
    cells = draw(st.lists(st.integers(0, 1), min_size=n * n_labels, max_size=n * n_labels))
    groups = draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))
    return np.array(cells, np.int8).reshape(n, n_labels), np.array(groups, np.int64)


@settings(deadline=None, max_examples=100)
@given(grouped_labels(), st.integers(2, 6), st.integers(0, 3))
def test_every_row_is_held_out_once_and_no_group_stands_on_both_sides(
    data: tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]], n_splits: int, seed: int
) -> None:
    hard, groups = data
    assume(len(set(groups.tolist())) >= 2)
    folds = grouped_folds(hard, groups, n_splits, seed)
    assert sorted(np.concatenate([held_out for _, held_out in folds]).tolist()) == list(range(len(hard)))
    assert 2 <= len(folds) <= n_splits
    for train, held_out in folds:
        assert not set(groups[train].tolist()) & set(groups[held_out].tolist())
        assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(len(hard)))


def test_every_fold_gets_its_share_of_every_label() -> None:
    random = np.random.default_rng(0)
    hard = (random.random((400, 4)) < [0.04, 0.1, 0.3, 0.5]).astype(np.int8)
    for _, held_out in grouped_folds(hard, np.arange(400), 5, 0):
        share = hard[held_out].sum(axis=0) / (hard.sum(axis=0) / 5)
        assert share.min() > 0.6
        assert share.max() < 1.5


def test_folds_follow_the_seed_alone() -> None:
    hard, groups = np.tile([[1, 0], [0, 1], [0, 0]], (20, 1)).astype(np.int8), np.arange(60) // 2

    def held_out(seed: int) -> list[list[int]]:
        return [rows.tolist() for _, rows in grouped_folds(hard, groups, 3, seed)]

    assert held_out(0) == held_out(0)
    assert held_out(0) != held_out(1)


def test_fewer_groups_than_folds_give_a_fold_a_group() -> None:
    folds = grouped_folds(np.array([[1], [0], [1], [0], [1], [0]], np.int8), np.array([5, 5, 7, 7, 9, 9]), 5, 0)
    assert sorted(held_out.tolist() for _, held_out in folds) == [[0, 1], [2, 3], [4, 5]]


def test_a_single_group_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(DataError, match=r"one group.*give more groups, or no group column"):
        grouped_folds(np.array([[1], [0], [1]], np.int8), np.zeros(3, np.int64), 3, 0)


def test_a_row_is_stratified_by_its_rarest_label_and_apart_where_it_has_none() -> None:
    hard = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0], [1, 1, 1]], np.int8)
    assert rarest_label(hard).tolist() == [1, 0, 2, 2, 3, 1]  # 4 rows, 2 rows, 3 rows


@pytest.mark.parametrize(("positives", "enough"), [(0, False), (3, False), (4, True), (6, True), (7, False)])
def test_a_label_with_too_few_rows_with_or_without_it_is_named(positives: int, enough: bool) -> None:
    hard = np.zeros((10, 2), np.int8)
    hard[:5, 0] = 1
    hard[:positives, 1] = 1
    assert FEWEST == 4
    if enough:
        require_enough(hard, ["envy", "awe"])
        return
    with pytest.raises(DataError, match=f"'awe' stands on {positives} of 10 rows"):
        require_enough(hard, ["envy", "awe"])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 8), min_size=2, max_size=25), st.data())
def test_linked_groups_are_merged_through_chains_and_others_stay_apart(numbers: list[int], data: st.DataObject) -> None:
    row = st.integers(0, len(numbers) - 1)
    pairs = data.draw(st.lists(st.tuples(row, row), max_size=8))
    merged = linked_groups(np.array([f"thread {k}" for k in numbers]), pairs)
    parent = {k: k for k in numbers}

    def root(k: int) -> int:
        return k if parent[k] == k else root(parent[k])

    for i, j in pairs:
        parent[root(numbers[i])] = root(numbers[j])
    roots = [root(k) for k in numbers]
    together = [[a == b for b in roots] for a in roots]
    assert [[a == b for b in merged.tolist()] for a in merged.tolist()] == together


def test_equal_and_nearly_equal_texts_are_paired_once_and_others_not() -> None:
    text = "The ferry to the northern islands was cancelled again this morning and nobody at the quay could say why."
    near = text.replace("morning", "evening")
    other = "Somebody ought to tell the orchestra that the hall is half empty because of the prices they ask."
    pairs = duplicate_pairs(fingerprint([text, other, near, f"  {text.upper()} "]))
    assert sorted(pairs) == [(0, 2), (0, 3)]  # a copy, row 3, is paired with the first alone
