"""The decision rule: calibrated probabilities, and labels that the written numbers explain."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import expit

from classifier.decision import Decision
from classifier.errors import DataError, ModelError, UsageError
from classifier.labels import LabelScheme

SCHEME = LabelScheme.from_names(["worry", "praise"])
RULE = Decision(slope=(2.0, 0.5), intercept=(-1.0, 0.25), thresholds=(0.5, 0.123457))
MILLIONTHS = st.integers(0, 1_000_000).map(lambda n: n / 1_000_000)


@settings(deadline=None)
@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9))
def test_probabilities_are_the_logistic_function_rounded_to_six_places(values: list[float]) -> None:
    scores = np.array([values, values], np.float32).T
    exact = expit(scores.astype(np.float64) * RULE.slope + RULE.intercept)
    found = RULE.probabilities(scores)
    assert found.shape == scores.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=0, atol=6e-7)
    assert (found == np.round(found.astype(np.float64), 6).astype(np.float32)).all()


def test_extreme_scores_give_zero_and_one_without_overflow() -> None:
    largest = np.finfo(np.float32).max
    assert RULE.probabilities(np.array([[largest, -largest]], np.float32)).tolist() == [[1.0, 0.0]]


def test_a_text_without_a_score_gets_no_probability_and_no_label_even_at_threshold_zero() -> None:
    rule = dataclasses.replace(RULE, thresholds=(0.0, 0.0))
    probabilities = rule.probabilities(np.array([[np.nan, np.nan], [0.0, -90.0]], np.float32))
    assert np.isnan(probabilities[0]).all()
    assert rule.decide(probabilities).tolist() == [[False, False], [True, True]]


@settings(deadline=None)
@given(st.floats(-30, 30, width=32), MILLIONTHS)
@example(0.0, 0.5)
def test_a_label_is_given_exactly_where_the_written_score_reaches_the_threshold(score: float, threshold: float) -> None:
    rule = Decision((1.0,), (0.0,), (threshold,))
    probabilities = rule.probabilities(np.array([[score]], np.float32))
    written = round(probabilities[0].tolist()[0], 6)
    assert rule.decide(probabilities).tolist() == [[written >= threshold]]


@settings(deadline=None)
@given(MILLIONTHS)
def test_a_probability_equal_to_the_threshold_gives_the_label(threshold: float) -> None:
    rule = Decision((1.0,), (0.0,), (threshold,))
    assert rule.decide(np.array([[threshold]], np.float32)).all()
    if threshold >= 1e-6:
        assert not rule.decide(np.array([[threshold - 1e-6]], np.float32)).any()


def test_each_label_has_its_own_threshold() -> None:
    assert RULE.decide(np.array([[0.3, 0.3], [0.6, 0.1]], np.float32)).tolist() == [[False, True], [True, False]]


def test_new_thresholds_replace_the_named_ones_and_leave_the_original_alone() -> None:
    changed = RULE.with_thresholds(SCHEME, {"praise": 0.75})
    assert changed.thresholds == (0.5, 0.75)
    assert changed.slope == RULE.slope
    assert RULE.thresholds == (0.5, 0.123457)
    assert RULE.with_thresholds(SCHEME, {}) == RULE


@pytest.mark.parametrize("value", [-0.001, 1.001, float("nan"), float("inf"), -1e300])
def test_a_threshold_that_is_no_probability_is_refused_by_name(value: float) -> None:
    with pytest.raises(UsageError, match=r"praise.*0 to 1"):
        RULE.with_thresholds(SCHEME, {"praise": value})


@pytest.mark.parametrize("value", [0, 1, 0.0, 1.0])
def test_the_ends_of_the_range_are_thresholds(value: float) -> None:
    assert RULE.with_thresholds(SCHEME, {"worry": value}).thresholds[0] == value


def test_a_threshold_for_an_unknown_label_names_the_nearest_one() -> None:
    with pytest.raises(DataError, match="did you mean 'praise'"):
        RULE.with_thresholds(SCHEME, {"prase": 0.5})


def test_the_rule_survives_its_own_json() -> None:
    assert Decision.from_json(RULE.to_json(), 2) == RULE


@pytest.mark.parametrize("field", ["slope", "intercept", "thresholds"])
@pytest.mark.parametrize(
    "value",
    [
        *(None, "0.5", 0.5, {}, [], [0.5], [0.5] * 3, [0.5, None], [0.5, "0.5"], [0.5, True], [0.5, [0.5]]),
        *([0.5, float("nan")], [0.5, float("inf")], [0.5, 10**400], [0.5, -(10**400)]),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_anything_but_one_finite_number_a_label_is_refused_with_the_fields_name(field: str, value: Any) -> None:
    with pytest.raises(ModelError, match=rf"decision\.{field} must be 2 finite numbers"):
        Decision.from_json({**RULE.to_json(), field: value}, 2)


@pytest.mark.parametrize("value", [None, [], "rule", 3])
def test_a_rule_that_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(ModelError, match="decision"):
        Decision.from_json(value, 2)


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_a_stored_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    with pytest.raises(ModelError, match="threshold"):
        Decision.from_json({**RULE.to_json(), "thresholds": [0.5, threshold]}, 2)
