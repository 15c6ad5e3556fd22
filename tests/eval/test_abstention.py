"""Abstention: the surest rows first, whatever their order in the file; the reading list is the shortest that serves."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import made_rows, only

from eval.abstention import abstention, confidence

NAN = float("nan")
UNREACHABLE = {"threshold": None, "rows": None, "reached": None, "found": None}
SCORED = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), min_size=1, max_size=25)
BRIEF = settings(deadline=None, max_examples=60)


def abstained(*arguments: Any, **others: Any) -> Any:
    found = abstention(made_rows(*arguments, **others))
    json.dumps(found, allow_nan=False)
    return found


def to_read(truth: list[int], probabilities: list[float]) -> Any:
    return abstained(truth, probabilities=probabilities)["to_read"]["a"]


def test_risk_is_the_share_of_wrong_rows_among_the_surest() -> None:
    found = abstained([1, 0, 0, 0], [1, 1, 0, 0], probabilities=[0.9, 0.6, 0.45, 0.05])["risk_coverage"]
    risks = {line["coverage"]: (line["rows"], line["risk"]) for line in found["curve"]}
    assert len(risks) == 21
    assert risks[0.0] == (0, None)
    assert risks[0.05] == (1, 0.0)  # a part of a row is a row
    assert risks[0.5] == (2, 0.0)
    assert risks[0.75] == (3, pytest.approx(1 / 3, abs=1e-6))
    assert risks[1.0] == (4, 0.25)
    assert found["area"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4, abs=1e-6)
    assert found["area_random"] == 0.25
    assert found["area_best"] == 0.25 / 4


def test_the_label_nearest_to_its_threshold_decides_how_sure_a_row_is() -> None:
    # Odds of 1 to 1 against 1 to 3, and of 9 to 1 against 1 to 1.
    found = confidence(np.array([[0.5, 0.9]], np.float32), np.array([0.25, 0.5]))
    assert found == pytest.approx([np.log(3)], abs=1e-6)


def test_a_very_low_probability_is_surer_than_one_at_a_low_threshold() -> None:
    near, far = confidence(np.array([[0.06], [0.01]], np.float32), np.array([0.05]))
    assert far > 5 * near


def test_rows_equally_sure_share_their_errors() -> None:
    wrong_first = abstained([0, 1], [1, 1], probabilities=[0.9, 0.9])["risk_coverage"]
    assert wrong_first == abstained([1, 0], [1, 1], probabilities=[0.9, 0.9])["risk_coverage"]
    assert wrong_first["area"] == 0.5


@BRIEF
@given(SCORED, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing_and_no_order_beats_the_best(rows: Any, random: Any) -> None:
    truth, tenths = zip(*rows, strict=True)
    made = made_rows(truth, [t >= 5 for t in tenths], probabilities=[t / 10 for t in tenths])
    found = abstention(made)
    shuffled = abstention(only(made, random.sample(range(len(rows)), len(rows))))
    curve, other = found["risk_coverage"], shuffled["risk_coverage"]
    assert curve["area"] == pytest.approx(other["area"], abs=2e-6)
    assert found["to_read"] == shuffled["to_read"]
    assert curve["area"] >= curve["area_best"] - 1e-6
    assert curve["curve"][-1]["risk"] == curve["area_random"]


def test_reading_stops_where_the_wanted_precision_still_holds() -> None:
    lines = to_read([1, 0, 1, 1, 1, 0, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    assert lines[0] == {"precision": 0.8, "threshold": 0.5, "rows": 5, "reached": 0.8, "found": 1.0}
    assert lines[1] == {"precision": 0.9, "threshold": 0.9, "rows": 1, "reached": 1.0, "found": 0.25}


def test_no_row_is_read_that_finds_nothing_more() -> None:
    # Five rows would still have a precision of 0.8, but the fifth adds no positive.
    assert to_read([1, 1, 1, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5])[0]["rows"] == 4


def test_rows_of_one_probability_are_read_together() -> None:
    lines = to_read([1, 0], [0.9, 0.9])
    assert lines == [{"precision": wanted, **UNREACHABLE} for wanted in (0.8, 0.9)]


@BRIEF
@given(SCORED)
def test_no_threshold_finds_more_positives_at_the_wanted_precision(rows: Any) -> None:
    truth = np.array([t for t, _ in rows])
    probabilities = np.array([s / 10 for _, s in rows])
    for line in to_read(truth.tolist(), probabilities.tolist()):
        chosen = [probabilities >= cut for cut in np.unique(probabilities)]
        fitting = [c for c in chosen if truth[c].mean() >= line["precision"] - 1e-9]
        if line["rows"] is None:
            assert not fitting
        else:
            most = max(truth[c].sum() for c in fitting)
            assert line["found"] == pytest.approx(most / truth.sum(), abs=1e-6)
            assert line["rows"] == min(c.sum() for c in fitting if truth[c].sum() == most)
            read = probabilities >= line["threshold"] - 1e-6
            assert read.sum() == line["rows"]
            assert line["reached"] == pytest.approx(truth[read].mean(), abs=1e-6)


def test_without_probabilities_there_is_nothing_to_rank_by() -> None:
    found = abstained([[1, 0], [0, 1]], probabilities=[[NAN, NAN]] * 2)
    assert found == {"rows": 0, "risk_coverage": None, "to_read": {"a": None, "b": None}}


def test_rows_without_probabilities_are_left_out_and_counted() -> None:
    found = abstained([1, 0, 1], [1, 1, 0], probabilities=[0.9, 0.6, NAN])
    assert found["rows"] == 2
    assert found["risk_coverage"]["area_random"] == 0.5


def test_unknown_thresholds_leave_the_reading_list() -> None:
    found = abstained([1, 0], probabilities=[0.9, 0.2], thresholds=[NAN])
    assert found["risk_coverage"] is None
    assert found["to_read"]["a"][0]["rows"] == 1


def test_a_label_that_no_row_carries_cannot_be_found() -> None:
    assert to_read([0, 0], [0.9, 0.2]) == [{"precision": wanted, **UNREACHABLE} for wanted in (0.8, 0.9)]


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_certain_probabilities_and_thresholds_are_finite(threshold: float) -> None:
    found = abstained([1, 0, 1], probabilities=[1.0, 0.0, 0.5], thresholds=[threshold])
    assert found["risk_coverage"]["area"] == 0


def test_no_rows_give_nothing() -> None:
    assert abstained(np.zeros((0, 1)))["risk_coverage"] is None
