"""The configuration reads back what it writes, and refuses everything that cannot be used, by name."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.errors import UsageError
from training import TrainingConfig

ngrams = st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda pair: (min(pair), max(pair)))
strength = st.one_of(
    st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False), st.integers(1, 10**6)
)
share = st.sampled_from(["0", "1", "1.0", ".5", "0.8", "0.875"])
objective = st.one_of(
    st.just("f1"),
    st.builds("{}{}>={}{}".format, st.sampled_from(["precision", "recall"]), st.sampled_from(["", " "]),
              st.sampled_from(["", "  ", "\t"]), share),
)  # fmt: skip
configs = st.builds(
    TrainingConfig,
    word_ngrams=ngrams,
    char_ngrams=ngrams,
    min_df=st.integers(1, 10**9),
    sublinear_tf=st.booleans(),
    C=st.lists(strength, min_size=1, max_size=6).map(tuple),
    cv=st.integers(2, 100),
    objective=objective,
    soft_labels=st.booleans(),
    random_state=st.integers(0, 2**31 - 1),
)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=configs)
def test_every_valid_configuration_reads_back_equal_from_its_own_toml(config: TrainingConfig, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    again = TrainingConfig.from_toml(path)
    assert again == config
    assert again.to_toml() == config.to_toml()


def test_an_objective_with_a_line_break_is_refused_or_reads_back(tmp_path: Path) -> None:
    try:
        config = TrainingConfig(objective="precision\n>=0.8")
    except UsageError:
        return
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert TrainingConfig.from_toml(path) == config


def test_every_setting_is_written_with_a_comment() -> None:
    lines = TrainingConfig().to_toml().splitlines()
    assert [line.split(" = ")[0] for line in lines] == [field.name for field in fields(TrainingConfig)]
    assert all(len(line.split("  # ")[1]) > 10 for line in lines)


def test_what_a_file_leaves_out_keeps_its_default_even_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbfmin_df = 3\nC = [1, 2.5]\n")
    assert TrainingConfig.from_toml(path) == TrainingConfig(min_df=3, C=(1, 2.5))
    path.write_text("", encoding="utf-8")
    assert TrainingConfig.from_toml(path) == TrainingConfig()


WRONG = [
    *[(name, value) for name in ("word_ngrams", "char_ngrams") for value in (
        "[0, 2]", "[3, 2]", "[1, 21]", "[1]", "[1, 2, 3]", "[1.0, 2]", "[true, 2]", '["1", "2"]', "[[1], [2]]",
        "2", '"1-2"', "{}", "[]")],
    *[("min_df", value) for value in ("0", "-1", "1.0", "true", '"2"', "[2]", "nan", "2001-01-01")],
    *[("cv", value) for value in ("1", "0", "-5", "101", "5.0", "false", '"5"', "[5]", "{}")],
    *[("random_state", value) for value in ("-1", "2147483648", "0.5", "true", '"0"', "[]")],
    *[(name, value) for name in ("sublinear_tf", "soft_labels") for value in ("0", "1", '"true"', "[true]", "1.0")],
    *[("C", value) for value in (
        "1.0", "[]", "[0]", "[-1.0]", "[1.0, 0.0]", "[nan]", "[true]", '["1"]', "[[1.0]]", '"1"', "{}",
        "[2001-01-01]")],
    *[("objective", value) for value in (
        '"F1"', '""', '"accuracy"', '"precision>0.8"', '"precision>=1.1"', '"recall>=-0.1"', '"recall>="',
        '"precision>=0.8 "', '"precision>=nan"', '"f1>=0.5"', "1", "true", '["f1"]')],
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_the_wrong_type_or_range_is_an_error_that_names_its_setting(
    name: str, value: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{name} = {value}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=rf"\b{name}\b") as error:
        TrainingConfig.from_toml(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["[inf]", "[1" + "0" * 400 + "]"])
def test_a_strength_that_is_no_finite_number_is_an_error_that_names_its_setting(value: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"C = {value}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"\bC\b"):
        TrainingConfig.from_toml(path)


@pytest.mark.parametrize("values", [{"C": [1.0]}, {"word_ngrams": [1, 2]}, {"C": (None,)}, {"cv": None}])
def test_python_callers_get_the_same_errors_as_files(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(values))):
        TrainingConfig(**values)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"mindf = 2\n", "unknown setting 'mindf'.*min_df"),
        (b"[training]\nmin_df = 2\n", "unknown setting 'training'"),
        (b"min_df = \n", "cannot be read"),
        (b"min_df = 2\nmin_df = 3\n", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_that_names_it(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=rf"settings\.toml.*{complaint}"):
        TrainingConfig.from_toml(path)


def test_a_missing_file_and_a_directory_are_errors_that_name_the_path(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(UsageError, match=re.escape(f"configuration {path} cannot be read")):
            TrainingConfig.from_toml(path)
