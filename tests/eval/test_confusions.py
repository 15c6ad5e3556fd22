"""Confusions: every missed and every wrongly given label is accounted for once."""

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import made_rows

from eval.confusions import confusions

ANSWERS = st.lists(st.tuples(*[st.integers(0, 1)] * 6), max_size=12)


def confused(truth: Any, said: Any) -> Any:
    found = confusions(made_rows(truth, said))
    json.dumps(found, allow_nan=False)
    return found


def test_a_label_given_in_place_of_another_is_their_confusion() -> None:
    assert confused([[1, 0]], [[0, 1]])["matrix"] == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_what_has_no_counterpart_goes_to_none() -> None:
    assert confused([[1, 0], [0, 0]], [[0, 0], [0, 1]])["matrix"] == [[0, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_two_missed_share_the_one_wrongly_given() -> None:
    matrix = confused([[1, 1, 0]], [[0, 0, 1]])["matrix"]
    assert matrix == [[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_two_wrongly_given_share_the_one_missed() -> None:
    matrix = confused([[1, 0, 0]], [[0, 1, 1]])["matrix"]
    assert matrix == [[0, 0.5, 0.5, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0.5, 0.5, 0]]


def test_labels_that_are_right_confuse_nothing() -> None:
    assert not np.any(confused([[1, 1], [0, 0]], [[1, 1], [0, 0]])["matrix"])


@settings(deadline=None)
@given(ANSWERS)
def test_rows_sum_up_to_the_missed_and_columns_to_the_wrongly_given(answers: list[tuple[int, ...]]) -> None:
    both = np.array(answers, int).reshape(-1, 6)
    truth, said = both[:, :3], both[:, 3:]
    matrix = np.array(confused(truth, said)["matrix"])
    np.testing.assert_allclose(matrix.sum(axis=1)[:-1], ((truth == 1) & (said == 0)).sum(axis=0), atol=1e-5)
    np.testing.assert_allclose(matrix.sum(axis=0)[:-1], ((truth == 0) & (said == 1)).sum(axis=0), atol=1e-5)
    assert not matrix.diagonal().any()
    assert (matrix >= 0).all()


def test_co_occurrence_counts_rows_with_both_labels() -> None:
    found = confused([[1, 1], [1, 0], [0, 0]], [[1, 1], [1, 1], [0, 1]])
    assert found["labels"] == ["a", "b"]
    assert found["truth"] == [[2, 1], [1, 1]]
    assert found["given"] == [[2, 2], [2, 3]]


def test_no_rows_and_a_single_label_are_no_special_case() -> None:
    assert confused(np.zeros((0, 2)), np.zeros((0, 2)))["matrix"] == [[0, 0, 0]] * 3
    assert confused([1, 0, 1], [0, 1, 1])["matrix"] == [[0, 1], [1, 0]]
