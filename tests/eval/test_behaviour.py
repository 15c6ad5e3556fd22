"""Behaviour tests: what passes, what fails and why, how sure the rates are; what is undefined is no number."""

import json
from math import sqrt
from typing import Any

import pytest

from classifier.errors import DataError
from classifier.predictor import Model
from classifier.seeds import default_scheme, seeds_directory
from eval.behaviour import behaviour
from eval.pairs import Pair, read_pairs


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return read_pairs(seeds_directory() / "pairs.jsonl", default_scheme())


@pytest.fixture(scope="module")
def found(model: Model, pairs: list[Pair]) -> dict[str, Any]:
    return behaviour(model, pairs, n_replicates=200)


def at(model: Model, threshold: float) -> Model:
    return model.with_thresholds(dict.fromkeys(model.labels, threshold))


def test_the_pairs_that_fail_are_those_that_the_model_itself_labels_wrongly(
    model: Model, pairs: list[Pair], found: dict[str, Any]
) -> None:
    failing = set()
    for pair in pairs:
        given = [set(prediction.labels) for prediction in model.predict(pair.texts)]
        wanted = [pair.holder == 0, pair.holder == 1]
        passed = given[0] == given[1] if pair.stance is None else [pair.stance in g for g in given] == wanted
        failing |= set() if passed else {pair.id}
    assert {failure["pair"] for failure in found["failures"]} == failing
    assert 0 < len(failing) < len(pairs)
    for kind in ("contrast", "invariance"):
        failed = sum(failure["kind"] == kind for failure in found["failures"])
        assert found[kind]["pairs"] - found[kind]["passed"] == failed


def test_tests_and_stances_add_up_to_the_whole(model: Model, pairs: list[Pair], found: dict[str, Any]) -> None:
    assert set(found["tests"]) == {pair.test for pair in pairs}
    contrast = [test for test in found["tests"].values() if test["kind"] == "contrast"]
    for counted in ("pairs", "passed"):
        assert sum(test[counted] for test in contrast) == found["contrast"][counted]
        for test in contrast:
            assert sum(stance[counted] for stance in test["per_stance"].values()) == test[counted]
    invariance = found["tests"]["invariance"]
    assert invariance == found["invariance"]
    assert [label["pairs"] for label in invariance["per_stance"].values()] == [invariance["pairs"]] * len(model.labels)
    assert max(label["largest_change"] for label in invariance["per_stance"].values()) == invariance["largest_change"]


def test_a_pass_rate_carries_the_score_interval_of_wilson(found: dict[str, Any]) -> None:
    n, k, z = found["contrast"]["pairs"], found["contrast"]["passed"], 1.959964
    middle, half = (k + z * z / 2) / (n + z * z), z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    assert found["contrast"]["pass_rate"] == {
        "value": pytest.approx(k / n, abs=1e-6),
        "low": pytest.approx(middle - half, abs=1e-6),
        "high": pytest.approx(middle + half, abs=1e-6),
    }


def test_a_model_that_gives_every_label_passes_no_contrast_and_every_invariance(
    model: Model, pairs: list[Pair], found: dict[str, Any]
) -> None:
    eager = behaviour(at(model, 0.0), pairs, n_replicates=0)
    assert (eager["contrast"]["passed"], eager["invariance"]["pass_rate"]["value"]) == (0, 1.0)
    assert {failure["problem"] for failure in eager["failures"]} == {"given_to_both"}
    for independent_of_thresholds in ("ranked_right", "largest_change"):
        for kind in ("contrast", "invariance"):
            assert eager[kind][independent_of_thresholds] == found[kind][independent_of_thresholds]
    assert 0 < found["contrast"]["ranked_right"]["value"] < 1
    assert 0 < found["invariance"]["largest_change"] < 1


def test_a_model_that_gives_no_label_misses_every_stance(model: Model, pairs: list[Pair]) -> None:
    silent = behaviour(at(model, 1.0), pairs, n_replicates=0)
    assert silent["contrast"]["pass_rate"]["value"] == 0.0
    assert {failure["problem"] for failure in silent["failures"]} == {"missed"}


def test_which_member_comes_first_makes_no_difference(model: Model, pairs: list[Pair], found: dict[str, Any]) -> None:
    swapped = [Pair(p.id, p.test, p.stance, p.texts[::-1], p.labels[::-1]) for p in pairs]  # type: ignore[arg-type]
    other = behaviour(model, swapped, n_replicates=200)
    assert [other[key] for key in ("contrast", "invariance", "tests")] == [
        found[key] for key in ("contrast", "invariance", "tests")
    ]
    assert [f["problem"] for f in other["failures"]] == [f["problem"] for f in found["failures"]]


def test_a_failure_shows_both_members_as_the_model_sees_them(
    model: Model, pairs: list[Pair], found: dict[str, Any]
) -> None:
    by_id = {pair.id: pair for pair in pairs}
    for failure in found["failures"]:
        pair = by_id[failure["pair"]]
        assert (failure["a"]["text"], failure["b"]["text"]) == pair.texts
        assert failure["stance"] in {None, failure["label"]}
        for name, prediction in zip("ab", model.predict(pair.texts), strict=True):
            assert failure[name]["given"] == list(prediction.labels)
            assert failure[name]["probability"] == pytest.approx(prediction.scores[failure["label"]], abs=1e-6)
        assert "".join(segment[2] for segment in failure["difference"]) == pair.texts[1]
        if failure["kind"] == "invariance":  # the label shown is one that flipped
            assert (failure["label"] in failure["a"]["given"]) != (failure["label"] in failure["b"]["given"])


def test_within_a_test_the_worst_failure_comes_first(found: dict[str, Any]) -> None:
    rejected = [failure["margin"] for failure in found["failures"] if failure["test"] == "reject"]
    changed = [failure["largest_change"] for failure in found["failures"] if failure["kind"] == "invariance"]
    assert rejected == sorted(rejected)
    assert changed == sorted(changed, reverse=True)


def test_pairs_of_one_test_that_ask_for_opposite_things_are_counted_apart(model: Model, pairs: list[Pair]) -> None:
    contrast = next(pair for pair in pairs if pair.stance is not None)
    open_pair = Pair("mine", contrast.test, None, ("Anna left early.", "Olga left early."), (None, None))
    tests = behaviour(model, [open_pair, contrast])["tests"]
    assert list(tests) == [contrast.test, f"{contrast.test} (no change)"]
    assert [test["kind"] for test in tests.values()] == ["contrast", "invariance"]


def test_what_cannot_be_estimated_is_none_and_never_a_number(model: Model, pairs: list[Pair]) -> None:
    nothing = {"value": None, "low": None, "high": None}
    none = behaviour(model, [])
    assert none["contrast"]["pairs"] == 0
    assert (
        none["contrast"]["pass_rate"] == none["contrast"]["ranked_right"] == none["contrast"]["mean_margin"] == nothing
    )
    assert (none["invariance"]["largest_change"], none["invariance"]["mean_change"]) == (None, nothing)
    assert (none["tests"], none["failures"]) == ({}, [])
    few = behaviour(model, [pair for pair in pairs if pair.stance is not None][:5])
    assert few["contrast"]["mean_margin"]["value"] is not None
    assert (few["contrast"]["mean_margin"]["low"], few["contrast"]["mean_margin"]["high"]) == (None, None)


def test_the_data_is_json_and_the_same_for_the_same_seed(
    model: Model, pairs: list[Pair], found: dict[str, Any]
) -> None:
    again, other = (behaviour(model, pairs, n_replicates=200, random_state=seed) for seed in (0, 1))
    assert json.loads(json.dumps(found, allow_nan=False)) == found == again
    assert found["contrast"]["mean_margin"] != other["contrast"]["mean_margin"]
    low, value, high = (found["contrast"]["mean_margin"][name] for name in ("low", "value", "high"))
    assert -1 <= low < value < high <= 1


def test_a_pair_that_the_model_cannot_judge_is_an_error_that_names_it(model: Model) -> None:
    sides = (frozenset(["joy"]), frozenset[str]())
    with pytest.raises(DataError, match=r"The pair 'p': unknown label 'joy': the labels are"):
        behaviour(model, [Pair("p", "negation", "joy", ("Good.", "Not good."), sides)])
    with pytest.raises(DataError, match="The pair 'q' cannot be scored: the text is blank"):
        behaviour(model, [Pair("q", "names", None, ("Good.", " "), (None, None))])
