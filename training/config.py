"""The training configuration: every choice with its default, read from TOML, validated once."""

import math
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from classifier.errors import UsageError
from training.calibration import Objective

_COMMENTS = {
    "word_ngrams": "smallest and largest n of word n-grams",
    "char_ngrams": "smallest and largest n of character n-grams inside words",
    "min_df": "an n-gram must occur in this many training texts",
    "sublinear_tf": "use 1 + log(count) for counts",
    "C": "inverse regularisation strengths to choose from by cross-validation",
    "cv": "folds of the cross-validation, grouped and label-stratified",
    "objective": 'what thresholds are chosen for: "f1", "precision>=X" or "recall>=X"',
    "soft_labels": "train on the share of annotators who see a label, where votes or scores are given",
    "random_state": "seed of folds and solver",
}


@dataclass(frozen=True)
class TrainingConfig:
    """What determines a linear model, data aside. The number of jobs is not in it: it changes nothing."""

    word_ngrams: tuple[int, int] = (1, 2)
    char_ngrams: tuple[int, int] = (2, 5)
    min_df: int = 2
    sublinear_tf: bool = True
    C: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0)
    cv: int = 5
    objective: str = "f1"
    soft_labels: bool = True
    random_state: int = 0

    def __post_init__(self) -> None:
        """Raises UsageError if a value is of the wrong type or out of range; the message names it."""
        for name in ("word_ngrams", "char_ngrams"):
            value = getattr(self, name)
            good = isinstance(value, tuple) and len(value) == 2 and all(type(n) is int for n in value)
            good = good and 1 <= value[0] <= value[1] <= 20
            _require(good, name, value, "two whole numbers from 1 to 20, the smaller first")
        _require(type(self.min_df) is int and self.min_df >= 1, "min_df", self.min_df, "a whole number from 1")
        _require(type(self.cv) is int and 2 <= self.cv <= 100, "cv", self.cv, "a whole number from 2 to 100")
        good = type(self.random_state) is int and 0 <= self.random_state < 2**31
        _require(good, "random_state", self.random_state, "a whole number from 0 to 2147483647")
        for name in ("sublinear_tf", "soft_labels"):
            _require(isinstance(getattr(self, name), bool), name, getattr(self, name), "true or false")
        good = isinstance(self.C, tuple) and bool(self.C) and all(map(_is_strength, self.C))
        _require(good, "C", self.C, "a list of positive numbers")
        _require(isinstance(self.objective, str), "objective", self.objective, "a text")
        Objective.parse(self.objective)

    def to_toml(self) -> str:
        """The configuration as commented TOML that reads back equal."""
        return "\n".join(f"{_toml(name, value)}  # {_COMMENTS[name]}" for name, value in asdict(self).items()) + "\n"

    @classmethod
    def from_toml(cls, path: Path) -> "TrainingConfig":
        """Read a configuration file; what it leaves out keeps its default.

        Raises:
            UsageError: if the file is missing, no TOML, or holds an unknown or unusable value.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"The configuration {path} cannot be read ({error}): correct it or its path.") from None
        known = [field.name for field in fields(cls)]
        for name in data:
            if name not in known:
                raise UsageError(f"{path}: unknown setting {name!r}: the settings are {', '.join(known)}.")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**values)


def _is_strength(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return 0 < float(value) < math.inf
    except OverflowError:
        return False


def _require(good: bool, name: str, value: object, wanted: str) -> None:
    if not good:
        raise UsageError(f"The setting {name} = {value!r} cannot be used: it must be {wanted}.")


def _toml(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"{name} = {str(value).lower()}"
    if isinstance(value, tuple):
        return f"{name} = [{', '.join(map(str, value))}]"
    return f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
