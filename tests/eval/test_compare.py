"""A winner is named where there is evidence and nowhere else; differences, intervals and tests are what they claim."""

import itertools
import json
import re
import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics as sk

from classifier.bootstrap import replicates
from classifier.errors import DataError
from eval.compare import compare
from eval.holm import holm
from eval.paired import Side, drawn_differences
from eval.rows import ScoredRows


def rows(truth: Any, given: Any, groups: Any = None, probabilities: Any = None) -> ScoredRows:
    """Rows of the labels joy and rage, or of however many; each a group, without probabilities, unless given."""
    held, said = np.asarray(truth, np.int8), np.asarray(given, np.bool_)
    n, n_labels = held.shape
    return ScoredRows(
        labels=("joy", "rage")[:n_labels] if n_labels <= 2 else tuple(f"label {k}" for k in range(n_labels)),
        ids=[f"r{k}" for k in range(n)],
        texts=["A text."] * n,
        truth=held,
        soft=held.astype(np.float32),
        votes=[np.zeros((0, n_labels), np.int8)] * n,
        groups=np.array([f"g{k}" for k in (range(n) if groups is None else groups)], np.str_),
        probabilities=np.full(held.shape, np.nan, np.float32) if probabilities is None else probabilities,
        given=said,
        thresholds=(float("nan"),) * n_labels,
    )


def compared(a: ScoredRows, b: ScoredRows, **options: Any) -> dict[str, Any]:
    """A comparison that has to be JSON and raise no floating-point flag."""
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        result = compare(a, b, **{"n_replicates": 300, **options})
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    return result


def figures(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The comparisons that are tested: macro-F1, then each label's F1."""
    return [result["overall"]["macro_f1"], *(label["f1"] for label in result["per_label"].values())]


def mistaken(
    truth: npt.NDArray[np.bool_], rates: Any, random: np.random.Generator, copies: int = 1
) -> npt.NDArray[np.bool_]:
    """The truth, wrong at a rate a label; `copies` neighbouring rows are wrong together."""
    wrong = random.random((len(truth) // copies, truth.shape[1])) < np.asarray(rates)
    return truth ^ np.repeat(wrong, copies, axis=0)


def simulated(n: int, seed: int, rates_a: Any, rates_b: Any) -> tuple[ScoredRows, ScoredRows]:
    random = np.random.default_rng(seed)
    truth = random.random((n, 2)) < 0.4
    groups = np.arange(n) // 2
    return rows(truth, mistaken(truth, rates_a, random), groups), rows(truth, mistaken(truth, rates_b, random), groups)


def columns(*held: set[int], n: int = 10) -> npt.NDArray[np.bool_]:
    """One label a set of rows."""
    return np.array([[k in label for label in held] for k in range(n)])


TRUTH = columns({0, 1, 2, 3}, {5, 6})
BY_HAND = rows(TRUTH, columns({0, 1, 4}, {5})), rows(TRUTH, columns({0, 1, 2}, {5}))


def test_differences_and_flips_of_ten_rows_are_those_worked_out_by_hand() -> None:
    result = compared(*BY_HAND, names=("old", "new"))
    macro, joy, rage = figures(result)
    # joy: 2 of 4 found with 3 given, F1 = 4 / 7; then 3 of 4 with 3 given, 6 / 7. rage: 1 of 2 with 1 given, twice.
    assert [joy["a"], joy["b"], joy["difference"]] == pytest.approx([4 / 7, 6 / 7, 2 / 7], abs=1e-6)
    assert [rage["a"], rage["difference"], rage["low"], rage["high"], rage["p"]] == pytest.approx([2 / 3, 0, 0, 0, 1])
    assert macro["difference"] == pytest.approx(1 / 7, abs=1e-6)
    assert result["flips"] == {
        "rows": {"a_right_b_wrong": {"rows": 0, "ids": []}, "b_right_a_wrong": {"rows": 2, "ids": ["r2", "r4"]}},
        "per_label": {
            "joy": {"a_right_b_wrong": {"rows": 0, "ids": []}, "b_right_a_wrong": {"rows": 2, "ids": ["r2", "r4"]}},
            "rage": {"a_right_b_wrong": {"rows": 0, "ids": []}, "b_right_a_wrong": {"rows": 0, "ids": []}},
        },
    }
    assert (result["names"], result["rows"], result["groups"]) == (["old", "new"], 10, 10)
    assert result["method"]["permutations"] == 2_000
    # Two rows differ: one swap in four gives this difference, one in four its opposite.
    assert joy["p"] == pytest.approx(0.5, abs=0.05)
    assert [figure["better"] for figure in figures(result)] == [None, None, None]


def test_the_p_value_is_the_share_of_all_swaps_of_groups_that_differ_as_much() -> None:
    random = np.random.default_rng(3)
    truth = np.repeat(random.random((10, 2)) < 0.5, 2, axis=0)
    groups = np.arange(20) // 2
    a, b = (mistaken(truth, rates, random) for rates in ((0.4, 0.3), (0.15, 0.3)))

    def differences(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        f1 = [2 * (truth & given).sum(axis=0) / (truth.sum(axis=0) + given.sum(axis=0)) for given in (one, other)]
        return np.abs([np.mean(f1[1]) - np.mean(f1[0]), *(f1[1] - f1[0])])

    seen, as_large = differences(a, b), np.zeros(3)
    for swaps in itertools.product([False, True], repeat=10):
        swapped = np.array(swaps)[groups][:, None]
        as_large += differences(np.where(swapped, b, a), np.where(swapped, a, b)) >= seen - 1e-9
    result = compared(rows(truth, a, groups), rows(truth, b, groups))
    assert [figure["p"] for figure in figures(result)] == pytest.approx(as_large / 2**10, abs=0.04)


def test_replicates_equal_scikit_learns_weighted_measures_with_the_same_groups_for_both_models() -> None:
    random = np.random.default_rng(4)
    truth, groups = random.random((60, 2)) < 0.4, random.integers(0, 15, 60)
    scores = [np.round(0.4 * truth + 0.6 * random.random((60, 2)), 1).astype(np.float32) for _ in "ab"]
    one, other = (Side.of(truth, s >= 0.5, s, groups) for s in scores)
    f1, precision = drawn_differences(one, other, 20, 7)
    numbers = np.unique(groups, return_inverse=True)[1]
    for k, weights in enumerate(next(replicates(np.arange(numbers.max() + 1), 20, 7))[:, numbers]):
        for j in range(2):
            pairs = [(truth[:, j], s[:, j]) for s in scores]
            a, b = (sk.f1_score(t, s >= 0.5, sample_weight=weights) for t, s in pairs)
            assert f1[k, 1 + j] == pytest.approx(b - a)
            a, b = (sk.average_precision_score(t, s, sample_weight=weights) for t, s in pairs)
            assert precision[k, 1 + j] == pytest.approx(b - a)
    assert f1[:, 0] == pytest.approx(f1[:, 1:].mean(axis=1))
    assert precision[:, 0] == pytest.approx(precision[:, 1:].mean(axis=1))


def test_a_better_model_is_found_better_where_it_is_and_from_either_side() -> None:
    a, b = simulated(600, 1, rates_a=(0.25, 0.1), rates_b=(0.08, 0.1))
    result, mirrored = compared(a, b), compared(b, a)
    macro, joy, rage = figures(result)
    assert (macro["better"], joy["better"], rage["better"]) == ("b", "b", None)
    assert 0 < joy["low"] < joy["difference"] < joy["high"]
    assert joy["p"] < joy["p_holm"] < 0.05
    pattern = r"B is better on macro-F1 \(\+0\.\d\d, 0\.\d\d to 0\.\d\d\) and joy \(\+0\.\d\d, 0\.\d\d to 0\.\d\d\); no"
    assert re.match(pattern + r" difference can be shown on the rest\.$", result["verdict"])
    assert mirrored["verdict"] == result["verdict"].replace("B is", "A is")
    for one, other in zip(figures(result), figures(mirrored), strict=True):
        assert (one["difference"], one["p"]) == (-other["difference"], other["p"])


def test_each_model_may_be_better_on_something() -> None:
    verdict = compared(*simulated(600, 3, rates_a=(0.3, 0.05), rates_b=(0.05, 0.3)), names=("tf", "llm"))["verdict"]
    assert re.match(
        r"llm is better on joy \(.*\), tf on rage \(\+.*\); no difference can be shown on the rest\.$", verdict
    )


def test_equally_good_models_are_rarely_found_different_and_rows_of_a_group_count_once() -> None:
    """60 data sets of 50 groups, the four rows of a group right or wrong together; macro-F1 and two labels each."""
    significant = {"groups": 0, "rows": 0}
    for seed in range(60):
        random = np.random.default_rng(100 + seed)
        truth = np.repeat(random.random((50, 2)) < 0.4, 4, axis=0)
        answers = [mistaken(truth, 0.2, random, copies=4) for _ in "ab"]
        for kind, groups in (("groups", np.arange(200) // 4), ("rows", np.arange(200))):
            result = compared(*(rows(truth, given, groups) for given in answers), n_replicates=200, random_state=seed)
            found = any(figure["better"] for figure in figures(result))
            assert found == ("is better" in result["verdict"])
            significant[kind] += found
    assert significant["groups"] <= 6
    assert significant["rows"] > 12


def test_identical_answers_differ_by_exactly_nothing() -> None:
    a, _ = simulated(200, 5, 0.2, 0.2)
    scored = replace(a, probabilities=np.random.default_rng(0).random((200, 2)).astype(np.float32))
    result = compared(scored, replace(scored), names=("x", "x"))
    for figure in figures(result):
        assert (figure["difference"], figure["low"], figure["high"]) == (0.0, 0.0, 0.0)
        assert (figure["p"], figure["p_holm"], figure["better"]) == (1.0, 1.0, None)
    assert result["overall"]["mean_average_precision"]["difference"] == 0.0
    assert result["minimum_detectable_difference"] is None
    assert result["verdict"] == "No difference can be shown; x (A) and x (B) give every row the same labels."


def test_without_evidence_the_verdict_says_what_would_have_gone_unnoticed() -> None:
    small, large = (compared(*simulated(n, 6, 0.2, 0.2), n_replicates=1_000) for n in (200, 3_200))
    for result in (small, large):
        shown = f"{result['minimum_detectable_difference']:.2f}"
        assert result["verdict"] == (
            f"No difference can be shown; with this set a difference of macro-F1 below {shown} would go unnoticed."
        )
    # For a bell curve a 95 % interval is 2 * 1.96 standard errors wide.
    macro = figures(small)[0]
    assert small["minimum_detectable_difference"] == pytest.approx(2.8 / 3.92 * (macro["high"] - macro["low"]), rel=0.1)
    # Sixteen times the rows: a quarter of the standard error.
    assert small["minimum_detectable_difference"] / large["minimum_detectable_difference"] == pytest.approx(4, rel=0.2)


def test_with_fewer_than_ten_groups_nothing_is_claimed_however_large_the_difference() -> None:
    truth = np.tile([[True, False], [False, True]], (90, 1))
    for n_groups, better in ((9, None), (10, "b")):
        groups = np.arange(180) % n_groups
        result = compared(rows(truth, ~truth, groups), rows(truth, truth, groups))
        macro = figures(result)[0]
        assert (macro["difference"], macro["better"]) == (1.0, better)
        assert (macro["low"] is None) == (macro["p"] is None) == (better is None)
        assert ("cannot be said; 9 groups are too few" in result["verdict"]) == (better is None)
    assert result["flips"]["rows"]["b_right_a_wrong"]["rows"] == 180
    assert len(result["flips"]["rows"]["b_right_a_wrong"]["ids"]) == 100


def test_average_precision_is_compared_only_where_both_models_have_every_probability() -> None:
    a, b = simulated(200, 7, 0.2, 0.2)
    random = np.random.default_rng(7)
    scores = [np.clip(0.5 * m.given + 0.5 * random.random((200, 2)), 0, 1).astype(np.float32) for m in (a, b)]
    a, b = (replace(model, probabilities=s) for model, s in zip((a, b), scores, strict=True))
    full = compared(a, b)
    for k, label in enumerate(a.labels):
        expected = [sk.average_precision_score(a.truth[:, k], s[:, k]) for s in scores]
        figure = full["per_label"][label]["average_precision"]
        assert [figure["a"], figure["b"]] == pytest.approx(expected, abs=1e-6)
        assert figure["low"] < figure["difference"] < figure["high"]
        assert (figure["p"], figure["better"]) == (None, None)
    scores[1][3, 1] = np.nan
    partial = compared(a, replace(b, probabilities=scores[1]))
    assert partial["per_label"]["joy"] == full["per_label"]["joy"]
    assert partial["per_label"]["rage"]["average_precision"]["b"] is None
    assert partial["overall"]["mean_average_precision"]["difference"] is None
    assert partial["overall"]["macro_f1"] == full["overall"]["macro_f1"]


NOTHING, ALL = np.zeros((30, 2), bool), np.ones((30, 2), bool)
SOME = np.arange(60).reshape(30, 2) % 5 == 0


@pytest.mark.parametrize(
    ("truth", "a", "b", "verdict"),
    [
        (NOTHING, NOTHING, NOTHING, "give every row the same labels"),
        (NOTHING, SOME, NOTHING, "cannot be said; no row carries any of the labels"),
        (NOTHING, SOME, ALL, "cannot be said; no row carries any of the labels"),
        (SOME, NOTHING, SOME, "B is better on macro-F1"),
        (SOME, SOME, NOTHING, "A is better on macro-F1"),
        (SOME & [True, False], SOME, SOME & [True, False], "No difference can be shown\\.$"),
        (SOME[:1], SOME[:1], ALL[:1], "cannot be said; 1 groups"),
        (SOME[:0], SOME[:0], SOME[:0], "give every row the same labels"),
    ],
)
def test_degenerate_rows_give_none_and_a_sentence_never_a_warning(truth: Any, a: Any, b: Any, verdict: str) -> None:
    scores = np.linspace(0, 1, truth.size, dtype=np.float32).reshape(truth.shape)
    result = compared(rows(truth, a, probabilities=scores), rows(truth, b, probabilities=1 - scores))
    assert re.search(verdict, result["verdict"])
    for k, figure in enumerate(figures(result)[1:]):
        if not truth[:, k].any() and not (a[:, k].any() and b[:, k].any()):
            assert (figure["difference"], figure["p"], figure["better"]) == (None, None, None)


def test_with_one_label_macro_f1_is_no_second_look() -> None:
    a, b = (rows(m.truth[:, :1], m.given[:, :1], np.arange(300) // 2) for m in simulated(300, 8, 0.25, 0.1))
    result = compared(a, b)
    macro, joy = figures(result)
    assert macro == joy
    assert joy["p"] == joy["p_holm"]
    assert re.match(r"B is better on joy \([^)]*\)\.$", result["verdict"])


def test_among_very_many_labels_a_plain_difference_can_still_be_found() -> None:
    truth = np.random.default_rng(9).random((60, 120)) < 0.4
    worse = truth.copy()
    worse[:, 7] = ~truth[:, 7]
    result = compared(rows(truth, worse), rows(truth, truth), n_replicates=100)
    assert result["per_label"]["label 7"]["f1"]["better"] == "b"
    assert "label 7 (+1.00, 1.00 to 1.00); no difference can be shown on the rest." in result["verdict"]


def test_an_end_of_an_interval_that_rounds_to_nothing_is_shown_with_more_places() -> None:
    result = compared(*simulated(300, 111, rates_a=(0.2, 0.1), rates_b=(0.12, 0.1)))
    assert 0.001 < figures(result)[0]["low"] < 0.005
    assert re.match(
        r"B is better on macro-F1 \(\+0\.\d\d\d, 0\.00\d to 0\.\d\d\d\) and joy \(\+0\.\d\d,", result["verdict"]
    )


def test_a_small_p_value_names_no_winner_where_the_interval_holds_0(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = simulated(600, 1, rates_a=(0.25, 0.1), rates_b=(0.08, 0.1))
    wide = np.linspace(-0.1, 0.5, 300)[:, None].repeat(3, axis=1)
    monkeypatch.setattr("eval.compare.drawn_differences", lambda *_: (wide, wide))
    result = compared(a, b)
    assert figures(result)[1]["p_holm"] < 0.05
    assert [figure["better"] for figure in figures(result)] == [None, None, None]
    assert result["verdict"].startswith("No difference can be shown")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": ("joy", "anger")}, "A has the labels joy, rage, B has joy, anger"),
        ({"ids": [f"r{k}" for k in (1, 0, *range(2, 10))]}, "Row 1 is 'r0' for A and 'r1' for B"),
        ({"ids": ["r0"]}, "A has answers to 10 rows, B to 1"),
        (
            {"truth": np.where(np.arange(10)[:, None] == 4, 1, TRUTH).astype(np.int8)},
            "The truth of 1 rows (first: 'r4')",
        ),
        ({"groups": np.array(["g"] * 10)}, "The group of 10 rows (first: 'r0')"),
    ],
)
def test_answers_to_other_rows_are_refused(change: dict[str, Any], sentence: str) -> None:
    a, b = BY_HAND
    with pytest.raises(DataError, match=re.escape(sentence)):
        compare(a, replace(b, **change))


def test_a_comparison_is_the_same_for_the_same_seed() -> None:
    a, b = simulated(200, 10, 0.2, 0.15)
    assert compared(a, b) == compared(a, b)
    one, other = (figures(compared(a, b, random_state=seed))[0] for seed in (0, 1))
    assert one["difference"] == other["difference"]
    assert one["low"] != other["low"]
    assert one["p"] != other["p"]
    assert one["p"] == pytest.approx(other["p"], abs=0.05)


def test_holm_multiplies_by_the_looks_that_are_left_and_never_decreases() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.slow
def test_ten_thousand_rows_are_compared_in_seconds() -> None:
    random = np.random.default_rng(11)
    truth = random.random((10_000, 4)) < 0.25
    scores = [np.clip(0.5 * truth + random.normal(0.2, 0.3, truth.shape), 0, 1).astype(np.float32) for _ in "ab"]
    a, b = (rows(truth, s >= 0.5, np.arange(10_000) // 5, s) for s in scores)
    began = time.perf_counter()
    compared(a, b, n_replicates=2_000)
    assert time.perf_counter() - began < 60
