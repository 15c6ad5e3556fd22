"""Reliability, the Brier score's parts, and curves: hand-computed and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, f1_score

from eval.calibration import calibration
from eval.curves import curves
from eval.rows import ScoredRows


def scored(truth: list[int], probabilities: list[float], groups: list[str] | None = None) -> ScoredRows:
    """Rows with one label and a threshold of 0.5."""
    n = len(truth)
    values = np.array(probabilities, np.float32).reshape(n, 1)
    hard = np.array(truth, np.int8).reshape(n, 1)
    return ScoredRows(
        labels=("doubt",),
        ids=[str(k) for k in range(n)],
        texts=["Some words."] * n,
        truth=hard,
        soft=hard.astype(np.float32),
        votes=[np.zeros((0, 1), np.int8)] * n,
        groups=np.array(groups or [str(k) for k in range(n)]),
        probabilities=values,
        given=values >= 0.5,
        thresholds=(0.5,),
        uncalibrated=values**2,
    )


def test_a_bin_shows_its_mean_probability_and_the_observed_share() -> None:
    rows = scored([0, 0, 0, 1] * 5, [0.2] * 10 + [0.8] * 10)
    found = calibration(rows)["doubt"]
    assert [b["rows"] for b in found["bins"]] == [2] * 10
    assert found["bins"][0]["mean_probability"] == pytest.approx(0.2, abs=1e-6)
    assert found["after"]["brier"] == pytest.approx(
        brier_score_loss(rows.truth[:, 0], rows.probabilities[:, 0]), abs=1e-5
    )
    assert found["before"]["brier"] != found["after"]["brier"]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.3, 0.6, 0.9])), min_size=40, max_size=40))
@settings(max_examples=30, deadline=None)
def test_the_parts_of_the_brier_score_add_up_where_bins_hold_one_probability(
    given_rows: list[tuple[bool, float]],
) -> None:
    ordered = sorted(given_rows, key=lambda row: row[1])
    rows = scored([int(truth) for truth, _ in ordered], [0.1] * 12 + [0.3] * 8 + [0.6] * 12 + [0.9] * 8)
    found = calibration(rows, n_replicates=0)["doubt"]
    parts = found["decomposition"]
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    assert total == pytest.approx(found["after"]["brier"], abs=1e-5)


def test_rows_of_one_thread_widen_a_bins_interval() -> None:
    blocks = [k // 10 for k in range(200)]  # two blocks a bin, one with the label and one without it
    truth, probabilities = [block % 2 for block in blocks], [0.5] * 200
    alone = calibration(scored(truth, probabilities))["doubt"]["bins"]
    together = calibration(scored(truth, probabilities, [str(block) for block in blocks]))["doubt"]["bins"]
    width = [np.mean([b["high"] - b["low"] for b in bins]) for bins in (alone, together)]
    assert width[1] > 1.5 * width[0]


def test_few_threads_give_no_interval_and_no_probability_gives_nothing() -> None:
    few = calibration(scored([0, 1, 1], [0.2, 0.7, 0.9]))["doubt"]
    assert all(b["low"] is None for b in few["bins"])
    assert calibration(scored([0, 1], [0.2, float("nan")]))["doubt"] is None


def test_a_curve_holds_the_operating_point_and_the_best_threshold() -> None:
    rows = scored([0, 0, 1, 1, 1], [0.1, 0.6, 0.4, 0.7, 0.9])
    found = curves(rows)["doubt"]
    assert found["operating"] == {"recall": pytest.approx(2 / 3, abs=1e-6), "precision": pytest.approx(2 / 3, abs=1e-6)}
    at_best = rows.probabilities[:, 0] >= found["best"]["threshold"] - 1e-6
    assert found["best"]["f1"] == pytest.approx(f1_score(rows.truth[:, 0], at_best), abs=1e-6)
    assert curves(scored([0, 0], [0.1, 0.2]))["doubt"] is None
