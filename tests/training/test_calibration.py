"""Calibration recovers what made the data and never turns a ranking round; thresholds do what their objective says."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.decision import Decision
from classifier.errors import UsageError
from training.calibration import Objective, choose_threshold, fit_decision, fit_platt

Ranked = tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]


@pytest.mark.parametrize(("slope", "intercept"), [(1.7, -0.8), (0.5, 0.4), (4.0, 2.0)])
@pytest.mark.parametrize("scale", [1.0, 10.0, 0.001])
def test_platt_recovers_the_slope_and_intercept_that_made_the_data(
    slope: float, intercept: float, scale: float
) -> None:
    random = np.random.default_rng(0)
    scores = random.normal(0, 1.5, 40_000)
    truth = (random.random(40_000) < 1 / (1 + np.exp(-(slope * scores + intercept)))).astype(np.int8)
    found = fit_platt(scores * scale, truth)
    assert found[0] * scale == pytest.approx(slope, rel=0.05)
    assert found[1] == pytest.approx(intercept, abs=0.06)


def platt(scores: npt.NDArray[np.float64], truth: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    slope, intercept = fit_platt(scores, truth)
    return Decision((slope,), (intercept,), (0.5,)).probabilities(scores.reshape(-1, 1).astype(np.float32))[:, 0]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-50, 50), st.integers(0, 1)), min_size=8, max_size=40),
    st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=20),
)
def test_probabilities_never_fall_where_scores_rise(rows: list[tuple[float, int]], unseen: list[float]) -> None:
    scores, truth = np.array([s for s, _ in rows]), np.array([t for _, t in rows], np.int8)
    slope, intercept = fit_platt(scores, truth)
    assert slope > 0
    ranked = np.sort(np.array(unseen, np.float32)).reshape(-1, 1)
    probabilities = Decision((slope,), (intercept,), (0.5,)).probabilities(ranked)
    assert np.all(np.diff(probabilities[:, 0]) >= 0)
    assert np.all((probabilities >= 0) & (probabilities <= 1))


STALE_INTERCEPT = "where the slope is raised to its least value, the intercept still belongs to the fitted slope"


def test_scores_that_say_little_get_about_the_share_of_the_label_as_probability() -> None:
    random = np.random.default_rng(1)
    truth = (np.arange(3_000) % 5 == 0).astype(np.int8)
    probabilities = platt(random.normal(-1.5, 1, 3_000) + 0.1 * truth, truth)
    assert probabilities.mean() == pytest.approx(0.2, abs=0.01)
    assert probabilities.std() < 0.03


@pytest.mark.parametrize("effect", [0.0, -0.5])
def test_scores_that_say_nothing_or_the_opposite_get_the_share_of_the_label_as_probability(effect: float) -> None:
    random = np.random.default_rng(1)
    truth = (np.arange(3_000) % 5 == 0).astype(np.int8)
    probabilities = platt(random.normal(-1.5, 1, 3_000) + effect * truth, truth)
    assert probabilities.mean() == pytest.approx(0.2, abs=0.01)


def test_scores_that_are_all_the_same_get_the_share_of_the_label_as_probability() -> None:
    truth = (np.arange(500) % 10 == 0).astype(np.int8)
    assert platt(np.full(500, 2.0), truth).mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("f1", Objective("f1")),
        ("precision>=0.8", Objective("precision", 0.8)),
        ("recall >= .75", Objective("recall", 0.75)),
        ("precision>=1", Objective("precision", 1.0)),
        ("recall>=0", Objective("recall", 0.0)),
    ],
)
def test_an_objective_is_read(text: str, objective: Objective) -> None:
    assert Objective.parse(text) == objective


@pytest.mark.parametrize("text", ["", "F1", "precision", "precision>0.8", "precision>=80", "recall>=1.01", "auc>=0.5"])
def test_an_unknown_objective_is_an_error_that_says_which_there_are(text: str) -> None:
    with pytest.raises(UsageError, match=r'take "f1", "precision>=0\.8" or "recall>=0\.8"'):
        Objective.parse(text)


def ranked_rows(grid: int) -> st.SearchStrategy[Ranked]:
    """Probabilities of a grid as calibration gives them, with ties, and truths; one row at least carries the label."""
    rows = st.lists(st.tuples(st.integers(1, grid - 1), st.integers(0, 1)), min_size=1, max_size=30)
    return rows.filter(lambda rows: any(truth for _, truth in rows)).map(
        lambda rows: (np.array([p / grid for p, _ in rows], np.float32), np.array([t for _, t in rows], np.int8))
    )


def given_at(probabilities: npt.NDArray[np.float32], threshold: float) -> npt.NDArray[np.bool_]:
    """The rows that get the label, as a model decides."""
    decision = Decision((1.0,), (0.0,), (threshold,))
    return decision.decide(probabilities.reshape(-1, 1))[:, 0]


def options(rows: Ranked) -> list[tuple[float, float, float]]:
    """(precision, recall, expected F1) at every threshold that gives the label to somebody."""
    probabilities, truth = rows
    table = []
    for threshold in np.unique(probabilities):
        decided = probabilities >= threshold
        expected = 2 * probabilities[decided].sum(dtype=float) / (decided.sum() + probabilities.sum(dtype=float))
        table.append((truth[decided].mean(), truth[decided].sum() / truth.sum(), expected))
    return table


def outcome(rows: Ranked, objective: str) -> tuple[float, float, float]:
    """(precision, recall, expected F1) at the threshold chosen."""
    probabilities, truth = rows
    threshold = choose_threshold(probabilities, truth, Objective.parse(objective))
    assert 0 < threshold <= 1
    decided = given_at(probabilities, threshold)
    assert decided.any()
    expected = 2 * probabilities[decided].sum(dtype=float) / (decided.sum() + probabilities.sum(dtype=float))
    return truth[decided].mean(), truth[decided].sum() / truth.sum(), expected


@settings(deadline=None, max_examples=100)
@given(ranked_rows(40))
def test_the_f1_threshold_has_the_highest_expected_f1_of_all(rows: Ranked) -> None:
    assert outcome(rows, "f1")[2] == pytest.approx(max(expected for _, _, expected in options(rows)))


@settings(deadline=None, max_examples=100)
@given(ranked_rows(40), st.sampled_from([0.3, 0.5, 0.75, 0.9, 1.0]))
def test_a_least_precision_is_held_with_the_highest_recall_or_else_the_highest_precision_is_taken(
    rows: Ranked, minimum: float
) -> None:
    precision, recall, _ = outcome(rows, f"precision>={minimum}")
    enough = [r for p, r, _ in options(rows) if p >= minimum]
    if enough:
        assert precision >= minimum
        assert recall == pytest.approx(max(enough))
    else:
        assert precision == pytest.approx(max(p for p, _, _ in options(rows)))


@settings(deadline=None, max_examples=100)
@given(ranked_rows(40), st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0]))
def test_a_least_recall_is_held(rows: Ranked, minimum: float) -> None:
    assert outcome(rows, f"recall>={minimum}")[1] >= minimum


def test_a_least_recall_comes_with_the_best_precision_there_is() -> None:
    rows = np.array([0.9, 0.8, 0.7, 0.1], np.float32), np.array([0, 1, 1, 0], np.int8)
    assert outcome(rows, "recall>=0.5")[0] == pytest.approx(max(p for p, r, _ in options(rows) if r >= 0.5))


def test_an_unreachable_precision_gives_the_threshold_of_the_highest_there_is() -> None:
    rows = np.array([0.9, 0.8, 0.7, 0.6, 0.1], np.float32), np.array([0, 1, 1, 0, 0], np.int8)
    assert outcome(rows, "precision>=0.95")[:2] == pytest.approx((2 / 3, 1.0))


def test_the_threshold_lies_halfway_to_the_next_lower_probability() -> None:
    rows = np.array([0.9, 0.8, 0.4, 0.2], np.float32), np.array([1, 1, 0, 0], np.int8)
    assert choose_threshold(*rows, Objective("precision", 1.0)) == pytest.approx(0.6)


def test_the_threshold_tells_probabilities_apart_that_differ_in_the_last_decimal() -> None:
    for upper in range(500_001, 500_041):
        probabilities = np.array([upper / 1e6, (upper - 1) / 1e6], np.float32)
        assert outcome((probabilities, np.array([1, 0], np.int8)), "precision>=1")[0] == 1.0


def test_the_decision_rule_serves_its_objective_for_every_label_at_once() -> None:
    random = np.random.default_rng(3)
    hard = (random.random((600, 3)) < [0.05, 0.3, 0.6]).astype(np.int8)
    scores = 2.0 * hard + random.normal(-1.5, 1.0, hard.shape)

    def figures(objective: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        decision = fit_decision(scores, hard, Objective.parse(objective))
        decided = decision.decide(decision.probabilities(scores.astype(np.float32)))
        hits = (decided & (hard == 1)).sum(axis=0)
        return hits / decided.sum(axis=0), hits / hard.sum(axis=0)

    assert figures("precision>=0.9")[0].min() >= 0.9
    assert figures("recall>=0.9")[1].min() >= 0.9
    precision, recall = figures("f1")
    assert (2 * precision * recall / (precision + recall)).min() > 0.45
    assert fit_decision(scores, hard, Objective("f1")).thresholds[0] < 0.45  # a rare label's is not one half
