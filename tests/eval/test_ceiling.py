"""The human ceiling: annotators and model by one yardstick; what votes cannot say is None."""

import json
from math import log
from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import UNDEFINED, made_rows, only

from classifier.bootstrap import replicates
from eval.ceiling import human_ceiling
from eval.rows import ScoredRows

FIRST, SECOND = [1, 1, 0, 0, 1], [1, 0, 0, 1, 1]
PAIRED = [[a, b] for a, b in zip(FIRST, SECOND, strict=True)]
BRIEF = settings(deadline=None, max_examples=30)

# Four rows or more, each with up to four votes on one label.
VOTES = st.lists(st.lists(st.integers(0, 1), max_size=4), min_size=4, max_size=12)


def ceiling(rows: ScoredRows, n_replicates: int = 50) -> dict[str, Any]:
    found = human_ceiling(rows, n_replicates)
    assert found is not None
    json.dumps(found, allow_nan=False)
    return found


def value(figure: dict[str, Any]) -> float:
    return pytest.approx(figure["value"], abs=2e-6)


def random_rows(n: int = 60, n_groups: int = 15, n_labels: int = 2) -> ScoredRows:
    random = np.random.default_rng(3)
    p = random.random((n, n_labels))
    votes = [(random.random((count, n_labels)) < p[i]).astype(int) for i, count in enumerate(random.integers(0, 5, n))]
    truth = (random.random((n, n_labels)) < p).astype(int)
    groups = [f"g{g}" for g in random.integers(0, n_groups, n)]
    return made_rows(truth, p > 0.5, votes=votes, probabilities=p, soft=p, groups=groups)


def test_two_annotators_are_scored_against_each_other_and_the_model_against_each() -> None:
    found = ceiling(made_rows(FIRST, [1, 1, 0, 0, 0], votes=PAIRED))
    label = found["per_label"]["a"]
    assert (found["rows"], found["groups"], found["annotators"]) == (5, 5, 2)
    assert value(label["annotators"]) == 4 / 6  # both say it twice, each three times
    assert value(label["model"]) == (4 / 5 + 2 / 5) / 2
    assert value(label["difference"]) == 0.6 - 4 / 6
    assert found["macro"] == {name: label[name] for name in ("annotators", "model", "difference")}


def test_alpha_is_one_less_observed_over_expected_disagreement() -> None:
    # 2 of 5 pairs differ: 4 of 10 values; of 6 ones and 4 zeros 2 * 6 * 4 / 9 would by chance.
    assert ceiling(made_rows(FIRST, votes=PAIRED))["per_label"]["a"]["alpha"] == pytest.approx(1 - 4 / (48 / 9))


@BRIEF
@given(VOTES)
def test_alpha_is_that_of_positional_annotators_with_missing_votes(votes: list[list[int]]) -> None:
    found = human_ceiling(made_rows([0] * len(votes), votes=votes), 0)
    cast = [vote for vote in votes if len(vote) > 1]
    if not cast:
        assert found is None
        return
    assert found is not None
    if len({v for vote in cast for v in vote}) == 1:
        assert found["per_label"]["a"]["alpha"] is None
        return
    table = np.full((4, len(cast)), np.nan)
    for i, vote in enumerate(cast):
        table[: len(vote), i] = vote
    expected = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
    assert found["per_label"]["a"]["alpha"] == pytest.approx(expected, abs=1e-6)


def test_a_tie_among_the_other_annotators_counts_as_the_label() -> None:
    # The first and the third say what the others, tied, count as saying; the second contradicts them.
    assert value(ceiling(made_rows([1], votes=[[1, 0, 1]]))["per_label"]["a"]["annotators"]) == 2 / 3


def test_an_annotator_counts_by_the_rows_it_read() -> None:
    found = ceiling(made_rows([1, 1, 1], votes=[[1, 1], [1, 1], [1, 0, 0]]))["per_label"]["a"]
    assert value(found["annotators"]) == (3 * 0.8 + 3 * 0.8 + 1 * 0.0) / 7
    assert value(found["model"]) == (3 * 1.0 + 3 * 0.8 + 1 * 0.0) / 7


def test_agreed_and_contested_rows_are_measured_apart() -> None:
    label = ceiling(made_rows([1, 0, 0, 1, 1], [1, 1, 0, 0, 0], votes=PAIRED))["per_label"]["a"]
    assert label["agreed"]["rows"] == 3
    assert value(label["agreed"]["f1"]) == 2 / 3
    assert label["contested"]["rows"] == 2
    assert value(label["contested"]["f1"]) == 0


def test_cross_entropy_stands_between_what_is_possible_and_what_prevalence_gives() -> None:
    rows = made_rows([1, 0], votes=[[1, 1], [1, 0]], soft=[1.0, 0.5], probabilities=[0.8, 0.5])
    entropy = ceiling(rows)["per_label"]["a"]["cross_entropy"]
    assert entropy["rows"] == 2
    assert value(entropy["model"]) == (-log(0.8) - log(0.5)) / 2
    assert value(entropy["floor"]) == log(2) / 2
    assert value(entropy["prevalence"]) == -0.75 * log(0.75) - 0.25 * log(0.25)


def test_certain_probabilities_that_are_wrong_have_a_finite_cross_entropy() -> None:
    rows = made_rows([1, 0], votes=[[1, 1], [0, 0]], probabilities=[0.0, 1.0])
    assert value(ceiling(rows)["per_label"]["a"]["cross_entropy"]["model"]) == -log(1e-6)


def test_rows_without_probabilities_have_no_cross_entropy() -> None:
    votes, nan = [[1, 1], [1, 0]], float("nan")
    some = made_rows([1, 0], votes=votes, soft=[1.0, 0.5], probabilities=[0.8, nan])
    entropy = ceiling(some)["per_label"]["a"]["cross_entropy"]
    assert (entropy["rows"], entropy["model"]["value"]) == (1, pytest.approx(-log(0.8), abs=2e-6))
    none = ceiling(made_rows([1, 0], votes=votes, probabilities=[nan, nan]))["per_label"]["a"]["cross_entropy"]
    assert none == {"rows": 0, "model": UNDEFINED, "prevalence": UNDEFINED, "floor": UNDEFINED}


def test_rows_with_fewer_than_two_votes_change_nothing() -> None:
    rows = random_rows()
    voted = [i for i, votes in enumerate(rows.votes) if len(votes) > 1]
    assert 0 < len(voted) < len(rows)
    assert human_ceiling(rows, 50) == human_ceiling(only(rows, voted), 50)


@BRIEF
@given(VOTES, st.randoms(use_true_random=False))
def test_which_of_two_annotators_comes_first_changes_no_agreement(votes: list[list[int]], random: Any) -> None:
    pairs = [[1, 0], *([vote[0], vote[-1]] for vote in votes if vote)]
    shuffled = [random.sample(pair, 2) for pair in pairs]
    one, other = (human_ceiling(made_rows([1] * len(pairs), votes=each), 0) for each in (pairs, shuffled))
    assert one is not None
    assert other is not None
    for name in ("annotators", "alpha", "agreed", "contested"):
        assert one["per_label"]["a"][name] == other["per_label"]["a"][name]


def test_intervals_are_those_of_the_rows_of_the_groups_drawn() -> None:
    rows = random_rows()
    rows = only(rows, [i for i, votes in enumerate(rows.votes) if len(votes) > 1])
    found, drawn = ceiling(rows, 20), []
    for weights in replicates(rows.groups, 20, 0):
        for weight in weights:
            repeated = np.repeat(np.arange(len(rows)), weight.astype(int))
            drawn.append(ceiling(only(rows, repeated), 0))
    for path in (("macro", "annotators"), ("macro", "difference"), ("per_label", "b", "cross_entropy", "prevalence")):
        values, figure = [*drawn], found
        for step in path:
            values, figure = [each[step] for each in values], figure[step]
        ends = np.quantile([each["value"] for each in values], [0.025, 0.975])
        assert [figure["low"], figure["high"]] == pytest.approx(list(ends), abs=1e-5)


def test_a_model_that_answers_as_the_annotators_do_is_at_the_ceiling() -> None:
    says = [1, 0] * 10
    label = ceiling(made_rows(says, votes=[[x, x] for x in says]))["per_label"]["a"]
    assert label["alpha"] == 1
    assert label["annotators"] == label["model"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert label["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert label["contested"] == {"rows": 0, "f1": UNDEFINED}


@pytest.mark.parametrize("votes", [[[]] * 4, [[1], [0], [], [1]]])
def test_without_two_votes_on_any_row_there_is_no_ceiling(votes: Any) -> None:
    assert human_ceiling(made_rows([1, 0, 0, 1], votes=votes)) is None


def test_without_rows_there_is_no_ceiling() -> None:
    assert human_ceiling(made_rows(np.zeros((0, 2)), votes=[])) is None


def test_a_label_that_nobody_sees_is_undefined_and_left_out_of_the_mean() -> None:
    votes = [[[x, 0], [x, 0]] for x in [1, 0] * 8]
    found = ceiling(made_rows([[x, 0] for x in [1, 0] * 8], votes=votes))
    unseen = found["per_label"]["b"]
    assert unseen["alpha"] is None
    assert unseen["annotators"] == unseen["model"] == unseen["difference"] == UNDEFINED
    assert unseen["cross_entropy"]["prevalence"]["value"] == 0
    assert found["macro"]["annotators"]["value"] == 1


def test_a_label_that_everybody_always_sees_has_no_alpha() -> None:
    label = ceiling(made_rows([1] * 12, votes=[[1, 1]] * 12))["per_label"]["a"]
    assert label["alpha"] is None
    assert label["annotators"]["value"] == 1


def test_fewer_than_ten_groups_give_no_interval() -> None:
    found = ceiling(random_rows(n_groups=6))
    figures = [found["macro"]["model"], found["per_label"]["a"]["agreed"]["f1"]]
    assert all(figure["value"] is not None and figure["low"] is None for figure in figures)


def test_contested_rows_in_fewer_than_ten_groups_have_no_interval() -> None:
    label = ceiling(made_rows([1, 0] * 10, votes=[[1, 0]] * 4 + [[1, 1], [0, 0]] * 8))["per_label"]["a"]
    assert label["agreed"]["f1"]["low"] is not None
    assert label["contested"]["f1"] == {"value": 1.0, "low": None, "high": None}
