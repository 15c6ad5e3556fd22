"""Is B better than A? Two models on the same rows: differences with intervals and tests, rows that flip, a verdict."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier.bootstrap import FEWEST_GROUPS, Interval, Weights, percentile_interval
from classifier.errors import DataError
from eval.holm import holm
from eval.paired import Side, drawn_differences, swap_p_values
from eval.rows import ScoredRows

PERMUTATIONS: Final = 2_000
SIGNIFICANT: Final = 0.05
_LISTED: Final = 100
_POWER: Final = 2.8  # 1.96 + 0.84 standard errors: what a two-sided test at 5 % finds four times in five

Figures = dict[str, Any]


def compare(
    a: ScoredRows,
    b: ScoredRows,
    names: tuple[str, str] = ("A", "B"),
    n_replicates: int = 2_000,
    random_state: int = 0,
) -> dict[str, Any]:
    """How much better b is than a, how sure that is, and on which rows they differ.

    Args:
        a: one model's answers.
        b: the other's, to the same rows in the same order.
        names: what to call the models.
        n_replicates: how many bootstrap samples of groups are drawn, the same ones for both models.
        random_state: seed of bootstrap and permutations.

    Returns:
        JSON-able data; what is undefined or cannot be estimated is None. Each comparison holds `a`, `b`, `difference`
        (b - a), the ends of its 95 % interval `low` and `high`, `p`, `p_holm` and `better`: "a", "b", or None
        where there is no evidence. The keys are `names`, `rows`, `groups`, `method`, `overall` (comparisons of
        `macro_f1` and `mean_average_precision`), `per_label` (by label, of `f1` and `average_precision`),
        `minimum_detectable_difference` (of macro-F1), `flips` (of `rows`, where all labels count, and `per_label`) and
        `verdict`, a sentence. Average precision has an interval but no p-value, and names no winner.

    Raises:
        DataError: if the labels, the rows' ids, their truth or their groups differ.
    """
    names = names if names[0] != names[1] else (f"{names[0]} (A)", f"{names[1]} (B)")
    _require_same_rows(a, b, names)
    truth = a.truth == 1
    can_tell = a.n_groups >= FEWEST_GROUPS
    n_permutations = max(PERMUTATIONS, 100 * (len(a.labels) + 1)) if can_tell else 0
    sides = [Side.of(truth, model.given, model.probabilities, a.groups) for model in (a, b)]
    once = np.ones((1, len(sides[0].tallies)))
    drawn_f1, drawn_precision = drawn_differences(sides[0], sides[1], n_replicates if can_tell else 0, random_state)
    compared = _comparisons([side.f1(once)[0] for side in sides], drawn_f1)
    if can_tell:
        _test(compared, swap_p_values(sides[0], sides[1], n_permutations, random_state))
    macro, *by_label = compared
    mean_precision, *precisions = _comparisons([side.average_precision(once)[0] for side in sides], drawn_precision)
    detectable = _detectable(drawn_f1[:, 0])
    return {
        "names": list(names),
        "rows": len(a),
        "groups": a.n_groups,
        "method": {
            "interval": "95 % percentile bootstrap, the same resampled groups for both models",
            "replicates": n_replicates if can_tell else 0,
            "test": "permutation of the two models' answers by whole groups, two-sided; none for average precision",
            "permutations": n_permutations,
            "correction": "Holm 1979, over macro-F1 and every label's F1",
            "random_state": random_state,
        },
        "overall": {"macro_f1": macro, "mean_average_precision": mean_precision},
        "per_label": {
            label: {"f1": figures, "average_precision": precise}
            for label, figures, precise in zip(a.labels, by_label, precisions, strict=True)
        },
        "minimum_detectable_difference": detectable,
        "flips": _flips(a, b, truth),
        "verdict": _verdict(a, b, names, compared, detectable),
    }


def _require_same_rows(a: ScoredRows, b: ScoredRows, names: tuple[str, str]) -> None:
    first, second = names
    if a.labels != b.labels:
        raise DataError(
            f"{first} has the labels {', '.join(a.labels)}, {second} has {', '.join(b.labels)}: "
            "compare models of the same labels, in the same order."
        )
    remedy = "evaluate both on the same data"
    if len(a) != len(b):
        raise DataError(f"{first} has answers to {len(a):,} rows, {second} to {len(b):,}: {remedy}.")
    for number, (one, other) in enumerate(zip(a.ids, b.ids, strict=True), 1):
        if one != other:
            raise DataError(f"Row {number:,} is {one!r} for {first} and {other!r} for {second}: {remedy}.")
    for what, differ in (("truth", (a.truth != b.truth).any(axis=1)), ("group", a.groups != b.groups)):
        if differ.any():
            where = a.ids[int(np.argmax(differ))]
            raise DataError(
                f"The {what} of {int(differ.sum()):,} rows (first: {where!r}) differs between {first} and {second}: "
                f"{remedy}."
            )


def _comparisons(values: Sequence[Weights], drawn: Weights) -> list[Figures]:
    """A comparison each of the mean over labels and of every label. Shapes: (1 + n_labels,) and (n, 1 + n_labels)."""
    compared = []
    for k, (one, other) in enumerate(zip(*(value.tolist() for value in values), strict=True)):
        ends = percentile_interval(other - one, [drawn[:, k]]).to_json()
        compared.append(
            {
                "a": Interval(one, one, one).to_json()["value"],
                "b": Interval(other, other, other).to_json()["value"],
                "difference": ends["value"],
                "low": ends["low"],
                "high": ends["high"],
                "p": None,
                "p_holm": None,
                "better": None,
            }
        )
    return compared


def _test(compared: list[Figures], p_values: Weights) -> None:
    """Add p-values to the comparisons of F1, macro-F1 first, and who is better where there is evidence of it."""
    looks = [k for k, figures in enumerate(compared) if figures["difference"] is not None]
    given = [float(p_values[k]) for k in looks]
    # With one label macro-F1 is that label's F1: one look at the data, not two.
    for k, p, corrected in zip(looks, given, given if len(compared) == 2 else holm(given), strict=True):
        figures = compared[k]
        figures |= {"p": round(p, 6), "p_holm": round(corrected, 6)}
        if corrected < SIGNIFICANT and figures["low"] is not None:
            figures["better"] = "b" if figures["low"] > 0 else "a" if figures["high"] < 0 else None


def _detectable(differences: Weights) -> float | None:
    """The smallest difference that is found four times in five; None where replicates do not vary."""
    defined = differences[~np.isnan(differences)]
    error = float(defined.std(ddof=1)) if len(defined) > 1 else 0.0
    return round(min(_POWER * error, 1.0), 6) or None


def _flips(a: ScoredRows, b: ScoredRows, truth: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Rows that one model has right and the other wrong: how many, and the ids of the first."""

    def flipped(right: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> dict[str, Any]:
        rows = np.flatnonzero(right & ~other).tolist()
        return {"rows": len(rows), "ids": [a.ids[row] for row in rows[:_LISTED]]}

    def both_ways(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return {"a_right_b_wrong": flipped(one, other), "b_right_a_wrong": flipped(other, one)}

    right_a, right_b = a.given == truth, b.given == truth
    per_label = {label: both_ways(right_a[:, k], right_b[:, k]) for k, label in enumerate(a.labels)}
    return {"rows": both_ways(right_a.all(axis=1), right_b.all(axis=1)), "per_label": per_label}


def _verdict(
    a: ScoredRows, b: ScoredRows, names: tuple[str, str], compared: list[Figures], detectable: float | None
) -> str:
    """One sentence; it names a winner only where there is evidence."""
    if (a.given == b.given).all():
        return f"No difference can be shown; {names[0]} and {names[1]} give every row the same labels."
    if a.n_groups < FEWEST_GROUPS:
        return f"Which is better cannot be said; {a.n_groups} groups are too few to tell a difference from chance."
    if not a.truth.any():
        return "Which is better cannot be said; no row carries any of the labels."
    looks = list(zip(("macro-F1", *a.labels), compared, strict=True))[1 if len(a.labels) == 1 else 0 :]
    wins: dict[str, list[str]] = {}
    for what, figures in looks:
        if figures["better"]:
            wins.setdefault(names["ab".index(figures["better"])], []).append(f"{what} {_advantage(figures)}")
    if not wins:
        if detectable is None:
            return "No difference can be shown."
        shown = f"{detectable:.2f}" if detectable >= 0.005 else f"{detectable:.4f}"
        return f"No difference can be shown; with this set a difference of macro-F1 below {shown} would go unnoticed."
    said = ", ".join(
        f"{name} {'' if k else 'is better '}on {_listed(won)}" for k, (name, won) in enumerate(wins.items())
    )
    rest = "; no difference can be shown on the rest" if sum(map(len, wins.values())) < len(looks) else ""
    return f"{said}{rest}."


def _advantage(figures: Figures) -> str:
    """«(+0.04, 0.01 to 0.07)», from the better model's side, with as many places as it takes to tell it from 0."""
    ends = sorted(abs(figures[name]) for name in ("low", "high"))
    places = next((places for places in (2, 3, 4) if round(ends[0], places) > 0), 6)
    return f"(+{abs(figures['difference']):.{places}f}, {ends[0]:.{places}f} to {ends[1]:.{places}f})"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
