"""Pairs of paragraphs that differ in a few words: contrast pairs, where one stance flips, and invariance pairs.

Contrast pairs follow Gardner et al. 2020, «Evaluating Models' Local Decision Boundaries via Contrast Sets» (Findings of
EMNLP); invariance pairs Ribeiro et al. 2020, «Beyond Accuracy: Behavioral Testing of NLP Models with CheckList» (ACL).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from classifier.errors import DataError
from classifier.labelforms import parse_labels
from classifier.labels import LabelScheme
from classifier.reading import resolve
from classifier.text import assess

INVARIANCE: Final = "invariance"
_FIELDS: Final = "a pairs file has the columns pair, text, labels, test and stance, and two rows a pair"


@dataclass(frozen=True)
class Pair:
    """Two paragraphs, a and b, in the order of their rows.

    Attributes:
        id: the pair's name.
        test: what the pair tests: by which means the stance flips, or «invariance».
        stance: the label that one member carries and the other does not; None where no label may change.
        texts: of a and b.
        labels: of a and b; None where an invariance pair leaves them open.
    """

    id: str
    test: str
    stance: str | None
    texts: tuple[str, str]
    labels: tuple[frozenset[str] | None, frozenset[str] | None]

    @property
    def holder(self) -> int | None:
        """Which member carries the stance: 0 for a, 1 for b; None for an invariance pair."""
        if self.stance is None:
            return None
        return int(self.labels[1] is not None and self.stance in self.labels[1])


@dataclass(frozen=True)
class _Member:
    """One row of a pairs file."""

    where: str
    pair: str
    test: str
    stance: str | None
    text: str
    labels: frozenset[str] | None


def read_pairs(path: str | Path, scheme: LabelScheme) -> list[Pair]:
    """Read contrast and invariance pairs, in order of their first rows.

    Two rows with the same `pair` are a pair, next to each other or not. No label may change in a pair whose `test` is
    «invariance» or whose `stance` is empty; such a pair may leave its labels open (null, or no such column).

    Raises:
        DataError: naming file and row: for a missing column or name, a text that cannot be scored, an unknown label, a
            pair of one row or of more than two, members that name different tests or stances or have the same text,
            labels that differ in anything but the stance, or no pairs at all.
    """
    members: dict[str, list[_Member]] = {}
    for where, row in _rows(path):
        member = _member(row, where, scheme)
        members.setdefault(member.pair, []).append(member)
    if not members:
        raise DataError(f"{path} holds no pairs: {_FIELDS}.")
    return [_pair(of_pair) for of_pair in members.values()]


def _rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for source in resolve([path]):
        for chunk in source.chunks():
            for offset, row in enumerate(chunk.data if isinstance(chunk.data, list) else chunk.data.to_pylist()):
                yield chunk.where(offset), row


def _member(row: dict[str, Any], where: str, scheme: LabelScheme) -> _Member:
    for name in ("pair", "text", "test"):
        if name not in row:
            raise DataError(f"{where} has no {name!r} (it has {', '.join(map(repr, row)) or 'nothing'}): {_FIELDS}.")
    status, reason = assess(row["text"])
    if status != "ok":
        raise DataError(f"{where}: {reason}: correct the row, or leave its pair out.")
    pair, test, stance = (_name(row.get(name), name, where) for name in ("pair", "test", "stance"))
    if not pair or not test:
        raise DataError(f"{where} does not say {'which pair it belongs to' if test else 'what it tests'}: {_FIELDS}.")
    if test == INVARIANCE:
        stance = None
    labels = None if stance is None and row.get("labels") is None else parse_labels(row.get("labels"), where)
    for label in sorted({*(labels or ()), *([stance] if stance else ())}):
        if label not in scheme.names:
            raise DataError(f"{where}: unknown label {label!r}: {scheme.suggestion(label)}; correct the row.")
    return _Member(where, pair, test, stance, row["text"], labels)


def _name(value: Any, column: str, where: str) -> str | None:
    """A name as text; None for null and for a blank cell."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{where}: {column} is {value!r:.60}: write a name.")
    return str(value).strip()


def _pair(members: list[_Member]) -> Pair:
    first, pair = members[0], members[0].pair
    if len(members) == 1:
        raise DataError(f"{first.where}: the pair {pair!r} has only this row: add its other member, or leave it out.")
    if len(members) > 2:
        others = " and ".join(member.where for member in members[1:])
        raise DataError(f"{first.where}: the pair {pair!r} has {len(members)} rows (also {others}): keep two a pair.")
    a, b = members
    where = f"{b.where}: the pair {pair!r}, begun in {a.where},"
    if (a.test, a.stance) != (b.test, b.stance):
        raise DataError(
            f"{where} names {_purpose(b)} here and {_purpose(a)} there: give both members the same test and stance."
        )
    if a.text == b.text:
        raise DataError(f"{where} has the same text twice: change the words that the pair is about.")
    if a.labels is not None and b.labels is not None and a.labels ^ b.labels != ({a.stance} if a.stance else set()):
        differing = ", ".join(sorted(a.labels ^ b.labels)) or "nothing"
        wanted = f"exactly {a.stance}" if a.stance else "nothing, as no stance is named"
        raise DataError(f"{where} has labels that differ in {differing}, and should in {wanted}: correct the labels.")
    return Pair(pair, a.test, a.stance, (a.text, b.text), (a.labels, b.labels))


def _purpose(member: _Member) -> str:
    return f"test {member.test!r} and " + (f"stance {member.stance!r}" if member.stance else "no stance")
