"""Slices: every row in one slice a column, worst first, and no slice called different for want of data."""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import UNDEFINED, made_rows

from classifier.errors import DataError
from eval.holm import holm
from eval.rows import ScoredRows
from eval.slices import length_bands, slices

BRIEF = settings(deadline=None, max_examples=60)


def sliced(rows: ScoredRows, *names: str, n_replicates: int = 50) -> dict[str, Any]:
    found = slices(rows, names, n_replicates)
    json.dumps(found, allow_nan=False)
    return found


def by_value(rows: ScoredRows, column: str = "source", **others: Any) -> dict[str, dict[str, Any]]:
    names = [] if column == "length" else [column]
    found = sliced(rows, *names, **others)["slices"]
    return {one["value"]: one for one in found if one["column"] == column}


def two_sources(right: tuple[int, int], size: int = 20, repeats: int = 1) -> ScoredRows:
    """Sources «x» and «y» of so many groups each, of which so many are right; each group has `repeats` like rows."""
    said = [int(k < share) for share in right for k in range(size)]
    groups = [f"g{k // repeats}" for k in range(2 * size * repeats)]
    sources = ["x"] * size * repeats + ["y"] * size * repeats
    return made_rows([1] * len(groups), np.repeat(said, repeats), groups=groups, columns={"source": sources})


def test_each_value_is_measured_and_compared_with_the_rest() -> None:
    truth, said = [[1, 0], [1, 1], [0, 1], [0, 0]], [[1, 0], [1, 0], [0, 1], [0, 0]]
    found = by_value(made_rows(truth, said, groups=list("ppqq"), columns={"source": list("xxyy")}))
    assert (found["x"]["rows"], found["x"]["groups"], found["x"]["few"]) == (2, 1, True)
    assert found["x"]["macro_f1"]["value"] == 0.5  # right on label a, never on b
    assert found["x"]["exact_match"]["value"] == 0.5
    assert found["x"]["difference"]["value"] == -0.5
    assert found["y"]["macro_f1"]["value"] == 1.0  # no row carries a: its F1 is not defined
    assert found["y"]["difference"]["value"] == 0.5


def test_the_p_value_is_that_of_the_difference_under_equal_quality() -> None:
    found = sliced(two_sources((10, 5)), "source")
    # 0.25 over sqrt(0.375 * 0.625 * 2 / 20): 1.633 standard errors; two looks.
    x, y = (next(s for s in found["slices"] if s["value"] == value) for value in "xy")
    assert (x["p"], x["p_holm"]) == (y["p"], y["p_holm"]) == (0.102, 0.205)
    assert (found["looks"], found["untested"]) == (2, 1)  # all texts are of one length


def test_rows_repeated_within_groups_are_no_new_evidence() -> None:
    once, often = (by_value(two_sources((10, 5), repeats=repeats))["x"]["p"] for repeats in (1, 10))
    assert often == pytest.approx(once, abs=0.02)


def test_differences_of_two_slices_mirror_each_other() -> None:
    found = by_value(two_sources((15, 9)))
    x, y = found["x"]["difference"], found["y"]["difference"]
    assert (x["value"], x["low"], x["high"]) == (-y["value"], -y["high"], -y["low"])
    assert x["low"] < x["value"] < x["high"]


def test_a_small_slice_that_happens_to_be_all_right_is_no_finding() -> None:
    rows = made_rows([1] * 212, [1] * 192 + [0] * 20, columns={"source": ["small"] * 12 + ["large"] * 200})
    small = by_value(rows)["small"]
    assert small["p"] > 0.2
    assert small["exact_match"] == {"value": 1.0, "low": None, "high": None}  # its replicates never vary


@pytest.mark.parametrize("groups", [[f"g{k % 5}" for k in range(40)], [f"g{min(k, 24)}" for k in range(40)]])
def test_a_slice_in_fewer_than_ten_groups_is_not_tested(groups: list[str]) -> None:
    rows = made_rows([1] * 40, [k % 2 for k in range(40)], groups=groups, columns={"source": ["x"] * 20 + ["y"] * 20})
    found = by_value(rows)
    assert found["y"]["exact_match"] == {"value": 0.5, "low": None, "high": None}
    for one in found.values():
        assert (one["p"], one["p_holm"], one["difference"]["low"]) == (None, None, None)


def test_equal_sources_are_rarely_called_different() -> None:
    random, false_alarms = np.random.default_rng(5), 0
    for _ in range(100):
        groups = random.integers(0, 120, 300)
        right = random.random(300) < random.beta(6, 2, 120)[groups]
        sources = [f"s{g % 6}" for g in groups]
        rows = made_rows([1] * 300, right, groups=groups, columns={"source": sources})
        false_alarms += any((one["p_holm"] or 1) < 0.05 for one in sliced(rows, "source", n_replicates=0)["slices"])
    assert false_alarms <= 11  # 5 are expected at most; 12 or more have a chance of 1 in 200


def test_a_real_difference_survives_the_correction() -> None:
    found = sliced(two_sources((90, 40), size=100), "source")
    assert found["slices"][0]["value"] == "y"
    assert found["slices"][0]["p_holm"] < 1e-6


def test_the_worst_slice_comes_first_across_columns() -> None:
    columns = {"source": list("xxyyyy"), "register": list("ppppqq")}
    rows = made_rows([1] * 6, [0, 0, 1, 1, 1, 0], columns=columns)
    found = sliced(rows, "source", "register")["slices"]
    assert [(one["column"], one["value"]) for one in found] == [
        ("source", "x"),
        *[("length", "up to 4 characters"), ("register", "p"), ("register", "q")],
        ("source", "y"),
    ]


def test_rare_values_are_summed_up() -> None:
    names = [f"s{k:02}" for k in range(35)]
    found = by_value(made_rows([1] * 70, columns={"source": names + names[:30] + names[:5]}))
    assert len(found) == 31
    assert set(found) - {"other"} == set(names[:30])
    assert (found["other"]["pooled"], found["other"]["rows"], found["s00"]["pooled"]) == (5, 5, 0)


def test_a_missing_value_has_a_name() -> None:
    assert set(by_value(made_rows([1, 0], columns={"source": ["", "x"]}))) == {"(empty)", "x"}


def test_length_bands_are_always_there_and_only_once() -> None:
    rows = made_rows([1] * 4, texts=["a" * n for n in (1200, 10, 30, 20)])
    names = ["up to 10 characters", "11 to 20 characters", "21 to 30 characters", "over 30 characters"]
    assert sorted(by_value(rows, "length")) == sorted(names)
    assert sliced(rows, "length", "length") == sliced(rows)


@BRIEF
@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=60))
def test_longer_texts_never_fall_into_a_lower_band(lengths: list[int]) -> None:
    bands = length_bands(sorted(lengths))
    assert len(bands) == len(lengths)
    assert len(set(bands)) <= 4
    assert len(set(bands)) == 1 + sum(a != b for a, b in pairwise(bands))


@BRIEF
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("xyz"), st.integers(0, 14)), max_size=40)
)
def test_each_row_counts_once_a_column_whatever_the_data(drawn: list[Any]) -> None:
    truth, said, source, group = zip(*drawn, strict=True) if drawn else ((), (), (), ())
    rows = made_rows(truth, said, groups=list(group), columns={"source": list(source)})
    found = sliced(rows, "source", n_replicates=20)
    for column in ("source", "length"):
        assert sum(one["rows"] for one in found["slices"] if one["column"] == column) == len(drawn)
    assert found["looks"] + found["untested"] == len(found["slices"])


def test_a_single_value_has_no_rest_to_differ_from() -> None:
    only = by_value(made_rows([1] * 30, [1, 0] * 15, columns={"source": ["x"] * 30}))["x"]
    assert only["difference"] == UNDEFINED
    assert only["p"] is None
    assert only["exact_match"]["low"] is not None


def test_a_slice_without_any_label_has_no_f1_but_a_share_of_right_rows() -> None:
    empty = by_value(made_rows([0] * 20 + [1] * 20, columns={"source": ["x"] * 20 + ["y"] * 20}))["x"]
    assert empty["macro_f1"] == UNDEFINED
    assert empty["exact_match"]["value"] == 1.0
    assert empty["p"] == 1.0


def test_an_unknown_column_is_named_with_those_there_are() -> None:
    with pytest.raises(DataError, match="no column 'sauce' to slice by: take 'source', 'length'"):
        slices(made_rows([1], columns={"source": ["x"]}), ["sauce"])


def test_no_rows_have_no_slices() -> None:
    assert sliced(made_rows(np.zeros((0, 2)))) == {"looks": 0, "untested": 0, "slices": []}


def test_holm_multiplies_the_smallest_by_the_most() -> None:
    assert holm([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.09, 0.04, 0.09, 0.5])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_holm_keeps_the_order_and_never_lowers_a_p_value(p_values: list[float], random: Any) -> None:
    adjusted = holm(p_values)
    assert all(p <= corrected <= 1 for p, corrected in zip(p_values, adjusted, strict=True))
    assert min(adjusted) == min(1.0, len(p_values) * min(p_values))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [corrected for _, corrected in pairs] == sorted(adjusted)
    shuffled = random.sample(p_values, len(p_values))
    assert sorted(holm(shuffled)) == sorted(adjusted)
