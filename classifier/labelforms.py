"""The forms in which labels stand in a row: lists, votes, graded scores, a column a label; each parsed strictly."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from classifier.errors import DataError


@dataclass(frozen=True)
class RowLabels:
    """What one row says of its labels, by name: hard labels, soft labels in [0, 1], each annotator's list.

    Annotators are told apart by name where votes name them, else by their place in the row's list.
    """

    hard: frozenset[str]
    soft: Mapping[str, float]
    votes: Mapping[str, frozenset[str]]

    @property
    def named(self) -> set[str]:
        """Every label that the row mentions."""
        return set(self.hard).union(self.soft, *self.votes.values())


def _json(value: Any, where: str, what: str) -> Any:
    """CSV cells hold nested values as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise DataError(f"{where}: {what} is not valid JSON: {value[:60]!r}.") from None


def parse_labels(value: Any, where: str) -> frozenset[str]:
    """A list of names, or a `;`-separated string of them; empty means «none of the labels».

    {"choices": […]}, as Label Studio's flat exports have it, counts as the list.

    Raises:
        DataError: for null, which does not say whether nobody labelled the row or no label applies.
    """
    if isinstance(value, str):
        value = _json(value, where, "the labels") if value.lstrip().startswith(("[", "{")) else value.split(";")
    if isinstance(value, Mapping) and "choices" in value:
        value = value["choices"]
    if value is None:
        raise DataError(
            f"{where} has no labels (null): write an empty list or cell where none applies, or leave the row out."
        )
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise DataError(f"{where}: labels must be a list of names or a text like a;b, not {value!r:.60}.")
    return frozenset(name.strip() for name in value if name.strip())


def parse_votes(value: Any, where: str) -> dict[str, frozenset[str]]:
    """A list of the annotators' label lists, or {annotator: [labels]}; an annotator with null gave no vote.

    Returns the votes by annotator: by name, or by the place in the list.
    """
    value = _json(value, where, "votes")
    if isinstance(value, list) and value and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        value = {str(name): labels for name, labels in value}  # how Arrow gives a map
    elif isinstance(value, list):
        value = {f"annotator {place}": labels for place, labels in enumerate(value, 1)}
    given = {str(n): v for n, v in value.items() if v is not None} if isinstance(value, Mapping) else {}
    if not given:
        raise DataError(f"{where}: votes must be a list of label lists or {{annotator: [labels]}}, with one at least.")
    return {name: parse_labels(labels, where) for name, labels in given.items()}


def parse_scores(value: Any, where: str) -> list[dict[str, float]]:
    """A list of {label: 0, 1 or 2}, one an annotator; a label left out counts as 0."""
    value = _json(value, where, "scores")
    if not isinstance(value, list) or not value or not all(isinstance(scores, Mapping) for scores in value):
        raise DataError(f"{where}: scores must be a list of {{label: 0, 1 or 2}}, one an annotator.")
    parsed = []
    for scores in value:
        given = {name: grade for name, grade in scores.items() if grade is not None}  # null: Arrow's «not given»
        for name, grade in given.items():
            if isinstance(grade, bool) or grade not in (0, 1, 2):
                raise DataError(f"{where}: the score of {name!r} is {grade!r}; it must be 0, 1 or 2.")
        parsed.append({name: float(grade) for name, grade in given.items()})
    return parsed


def parse_soft(value: Any, label: str, where: str) -> float:
    """A number from 0 to 1, a truth value, or either as text."""
    text = str(value).strip().lower()
    try:
        number = {"true": 1.0, "false": 0.0}.get(text)
        number = float(text) if number is None else number
    except ValueError:
        raise DataError(
            f"{where}: the column {label!r} holds {value!r:.60}; it must be a number from 0 to 1."
        ) from None
    if not 0.0 <= number <= 1.0:
        raise DataError(f"{where}: the soft label {value} in the column {label!r} lies outside 0 to 1: rescale it.")
    return number


def soft_from_votes(votes: Collection[frozenset[str]]) -> dict[str, float]:
    """The share of annotators who gave each label."""
    return {name: sum(name in vote for vote in votes) / len(votes) for name in sorted(frozenset().union(*votes))}


def soft_from_scores(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Half the mean grade of each label."""
    names = sorted({name for grades in scores for name in grades})
    return {name: sum(grades.get(name, 0.0) for grades in scores) / (2 * len(scores)) for name in names}


def hard_from_soft(soft: Mapping[str, float]) -> frozenset[str]:
    """The labels that half the annotators or more saw."""
    return frozenset(name for name, share in soft.items() if share >= 0.5)
