"""Measures equal scikit-learn's, undefined ones say so, and intervals know that rows of a group come together."""

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from classifier.measures import OVERALL, PER_LABEL, evaluate_predictions

Data = tuple[npt.NDArray[np.int8], npt.NDArray[np.float32], npt.NDArray[np.bool_]]


@st.composite
def labelled_scores(draw: st.DrawFn, least_positive: int = 0) -> Data:
    """Truth, probabilities (from a coarse grid, so with ties, or any) and decisions of 1 to 3 labels."""
    n, n_labels = draw(st.integers(1, 40)), draw(st.integers(1, 3))
    size = n * n_labels
    probability = draw(st.sampled_from([st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1, width=32)]))

    def matrix(elements: Any, dtype: Any) -> Any:
        return np.array(draw(st.lists(elements, min_size=size, max_size=size)), dtype).reshape(n, n_labels)

    truth, probabilities = matrix(st.integers(0, 1), np.int8), matrix(probability, np.float32)
    truth[:least_positive] = 1
    return truth, probabilities, matrix(st.booleans(), np.bool_)


def points(data: Data) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Point estimates alone: all rows of one group, so nothing is resampled."""
    per_label, overall = evaluate_predictions(*data, np.zeros(len(data[0]), np.int64))
    return (
        {name: [interval.value for interval in values] for name, values in per_label.items()},
        {name: interval.value for name, interval in overall.items()},
    )


@settings(deadline=None, max_examples=50)
@given(labelled_scores())
def test_decision_measures_equal_scikit_learns_with_undefined_as_nan(data: Data) -> None:
    truth, _, decided = data
    per_label, overall = points(data)
    same: dict[str, Any] = {"abs": 1e-12, "nan_ok": True}
    options: dict[str, Any] = {"zero_division": np.nan}
    scores = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    for k in range(truth.shape[1]):
        pair = truth[:, k], decided[:, k].astype(int)
        for name, score in scores.items():
            assert per_label[name][k] == pytest.approx(score(*pair, **options), **same), name
        constant = any(len(set(column.tolist())) == 1 for column in pair)  # where scikit-learn gives 0
        assert per_label["mcc"][k] == pytest.approx(np.nan if constant else sk.matthews_corrcoef(*pair), **same)
    # One column more that never holds keeps scikit-learn from reading a single column as a two-class problem.
    wide = [np.pad(matrix.astype(int), ((0, 0), (0, 1))) for matrix in (truth, decided)]
    for name, score in scores.items():
        for average in ("macro", "micro"):
            expected = score(*wide, average=average, **options)
            assert overall[f"{average}_{name}"] == pytest.approx(expected, **same), (average, name)
    if truth.any():
        weighted = sk.f1_score(*wide, average="weighted", **options)
        assert overall["weighted_f1"] == pytest.approx(weighted, **same)
    assert overall["exact_match"] == pytest.approx(sk.accuracy_score(*wide))
    none = ~truth.any(axis=1), ~decided.any(axis=1)
    for name, score in scores.items():
        assert overall[f"none_{name}"] == pytest.approx(score(*none, **options), **same), name


@settings(deadline=None, max_examples=50)
@given(labelled_scores(least_positive=1))
def test_probability_measures_equal_scikit_learns_with_and_without_ties(data: Data) -> None:
    truth, probabilities, _ = data
    per_label, overall = points(data)
    areas = []
    for k in range(truth.shape[1]):
        average_precision = sk.average_precision_score(truth[:, k], probabilities[:, k])
        assert per_label["average_precision"][k] == pytest.approx(average_precision)
        brier = sk.brier_score_loss(truth[:, k], probabilities[:, k].astype(np.float64), labels=[0, 1])
        assert per_label["brier"][k] == pytest.approx(brier, abs=1e-12)
        areas.append(np.nan if truth[:, k].all() else sk.roc_auc_score(truth[:, k], probabilities[:, k]))
    assert per_label["roc_auc"] == pytest.approx(areas, nan_ok=True)
    expected = np.mean([sk.average_precision_score(t, p) for t, p in zip(truth.T, probabilities.T, strict=True)])
    assert overall["mean_average_precision"] == pytest.approx(expected)
    defined = [area for area in areas if area == area]
    mean = np.mean(defined) if defined else np.nan
    assert overall["macro_roc_auc"] == pytest.approx(mean, nan_ok=True)


def test_labels_without_probabilities_lack_only_the_figures_that_need_them() -> None:
    truth, probabilities, decided = (np.hstack([part, part]) for part in simulated(60, 6))
    probabilities[:, 1] = np.nan
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        per_label, _ = evaluate_predictions(truth, probabilities, decided, np.arange(60), 100)
    assert per_label["f1"][0] == per_label["f1"][1]
    for name in ("average_precision", "roc_auc", "brier", "calibration_error"):
        assert per_label[name][0].low < per_label[name][0].high
        assert math.isnan(per_label[name][1].value)
        assert math.isnan(per_label[name][1].low)


@settings(deadline=None, max_examples=50)
@given(labelled_scores())
def test_prevalences_and_calibration_error_are_what_their_definitions_say(data: Data) -> None:
    truth, probabilities, decided = data
    per_label, _ = points(data)
    for k in range(truth.shape[1]):
        assert per_label["prevalence"][k] == pytest.approx(truth[:, k].mean())
        assert per_label["predicted_prevalence"][k] == pytest.approx(decided[:, k].mean())
        # A bin's gap is never larger than the sum of its rows' gaps, and never smaller than the gap of all rows.
        gaps = probabilities[:, k].astype(np.float64) - truth[:, k]
        assert abs(gaps.mean()) - 1e-9 <= per_label["calibration_error"][k] <= np.abs(gaps).mean() + 1e-9


def test_calibration_error_of_ten_known_bins() -> None:
    probabilities = np.repeat(np.linspace(0.05, 0.95, 10), 4).astype(np.float32).reshape(-1, 1)
    truth = np.tile([1, 0, 0, 0], 10).astype(np.int8).reshape(-1, 1)
    per_label, _ = points((truth, probabilities, truth == 1))
    assert per_label["calibration_error"][0] == pytest.approx(np.abs(np.linspace(0.05, 0.95, 10) - 0.25).mean())


def test_undefined_measures_are_nan_never_zero_and_warn_of_nothing() -> None:
    nothing = np.zeros((30, 2), np.int8)
    scores = np.random.default_rng(0).random((30, 2)).astype(np.float32)
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        per_label, overall = evaluate_predictions(nothing, scores, nothing == 1, np.arange(30), 200)
        lonely, _ = evaluate_predictions(np.ones((30, 2), np.int8), scores, nothing == 1, np.arange(30), 200)
    for name in ("precision", "recall", "f1", "mcc", "average_precision", "roc_auc"):
        for interval in per_label[name]:
            assert math.isnan(interval.value)
            assert math.isnan(interval.low)
            assert math.isnan(interval.high)
            assert str(interval) == "not defined"
    assert math.isnan(overall["macro_f1"].value)
    assert math.isnan(overall["mean_average_precision"].value)
    assert overall["none_recall"].value == 1.0
    # A label that is there but never given: its precision cannot be known, its recall and F1 are truly 0.
    assert [math.isnan(lonely["precision"][0].value), lonely["recall"][0].value, lonely["f1"][0].value] == [True, 0, 0]


def test_a_label_on_a_single_row_keeps_an_interval_though_many_replicates_lack_it() -> None:
    truth = np.zeros((30, 1), np.int8)
    truth[3] = 1
    given_labels = truth == 1
    given_labels[7] = True
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        per_label, _ = evaluate_predictions(truth, given_labels.astype(np.float32), given_labels, np.arange(30), 500)
    recall = per_label["recall"][0]
    assert (recall.value, recall.low, recall.high) == (1.0, 1.0, 1.0)
    assert 0.0 <= per_label["precision"][0].low < 0.5 < per_label["precision"][0].high <= 1.0


def simulated(n: int, seed: int) -> Data:
    """One label on 3 of 10 rows, found with a recall of 0.7, wrongly given to 1 of 10 others; and informed scores."""
    random = np.random.default_rng(seed)
    truth = random.random((n, 1)) < 0.3
    decided = random.random((n, 1)) < np.where(truth, 0.7, 0.1)
    scores = np.clip(0.3 * decided + 0.2 * truth + 0.5 * random.random((n, 1)), 0, 1)
    return truth.astype(np.int8), scores.astype(np.float32), decided


def copies(data: Data, times: int) -> Data:
    return tuple(np.repeat(matrix, times, axis=0) for matrix in data)


def test_copies_in_one_group_change_no_interval_because_groups_are_drawn_whole() -> None:
    data = simulated(40, 1)
    once = evaluate_predictions(*data, np.arange(40), 300)
    thrice = evaluate_predictions(*copies(data, 3), np.repeat(np.arange(40), 3), 300)
    for name in PER_LABEL:
        values = [(i.value, i.low, i.high) for i in (once[0][name][0], thrice[0][name][0])]
        assert values[0] == pytest.approx(values[1], abs=1e-9)
    for name in OVERALL:
        values = [(i.value, i.low, i.high) for i in (once[1][name], thrice[1][name])]
        assert values[0] == pytest.approx(values[1], abs=1e-9)


@pytest.mark.parametrize("name", ["f1", "average_precision", "brier", "prevalence"])
def test_identical_rows_in_one_group_give_a_wider_interval_than_as_singletons(name: str) -> None:
    data = copies(simulated(40, 2), 4)
    grouped = evaluate_predictions(*data, np.repeat(np.arange(40), 4), 1_000)[0][name][0]
    single = evaluate_predictions(*data, np.arange(160), 1_000)[0][name][0]
    assert grouped.value == single.value
    # Four copies say no more than one row: the honest interval is about sqrt(4) times as wide.
    assert 1.6 < (grouped.high - grouped.low) / (single.high - single.low) < 2.5


def test_fewer_than_ten_groups_give_point_estimates_and_no_interval() -> None:
    data = simulated(90, 3)
    few = evaluate_predictions(*data, np.arange(90) % 9, 100)
    enough = evaluate_predictions(*data, np.arange(90) % 10, 100)
    assert few[1]["macro_f1"].value == enough[1]["macro_f1"].value
    assert math.isnan(few[1]["macro_f1"].low)
    assert math.isnan(few[0]["f1"][0].high)
    assert "to" not in str(few[1]["macro_f1"])
    assert enough[1]["macro_f1"].low < enough[1]["macro_f1"].high


def test_groups_are_told_apart_by_name_as_by_number() -> None:
    data, numbers = simulated(60, 4), np.arange(60) // 3
    by_name = evaluate_predictions(*data, np.array([f"thread {k:02}" for k in numbers]), 100)
    assert by_name == evaluate_predictions(*data, numbers, 100)


def test_intervals_are_the_same_for_the_same_seed_and_move_with_it() -> None:
    data = simulated(60, 5)
    one, again, other = (evaluate_predictions(*data, np.arange(60), 100, seed)[1]["macro_f1"] for seed in (0, 0, 1))
    assert one == again
    assert one.value == other.value
    assert (one.low, one.high) != (other.low, other.high)


def test_the_interval_of_f1_covers_the_true_value_as_often_as_it_says() -> None:
    """100 small data sets of 80 threads, the three rows of a thread alike; ignoring that must show as too low a share.

    The true F1 follows from the rates: 2 * 0.3 * 0.7 / (0.3 + 0.3 * 0.7 + 0.7 * 0.1).
    """
    true_f1 = 0.42 / 0.58
    covered = {"groups": 0, "rows": 0}
    for seed in range(100):
        data = copies(simulated(80, 1_000 + seed), 3)
        for kind, groups in (("groups", np.repeat(np.arange(80), 3)), ("rows", np.arange(240))):
            interval = evaluate_predictions(*data, groups, 300, random_state=seed)[0]["f1"][0]
            covered[kind] += interval.low <= true_f1 <= interval.high
    assert 88 <= covered["groups"] <= 100
    assert covered["rows"] < 88
