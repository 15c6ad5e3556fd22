"""Slices: where the model does worse than elsewhere, with intervals, corrected for the number of looks."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifier.bootstrap import FEWEST_GROUPS, Interval, Weights, percentile_interval
from classifier.errors import DataError
from classifier.ratios import f1, mean_of_defined, ratio
from eval.holm import holm
from eval.rows import ScoredRows
from eval.sums import resampled_sums

LENGTH: Final = "length"  # the column of length bands, which are always looked at
MOST_VALUES: Final = 30
FEW_ROWS: Final = 20


@dataclass(frozen=True)
class _Slice:
    """Rows with one value of a column, or with any of the `pooled` values that are too many to show."""

    column: str
    value: str
    pooled: int
    rows: npt.NDArray[np.int64]


def slices(rows: ScoredRows, names: Sequence[str], n_replicates: int = 1_000, random_state: int = 0) -> dict[str, Any]:
    """Quality by the values of columns and by length.

    A slice is compared with all other rows by its share of rows whose labels are all right: macro-F1 is given too, but
    it rises and falls with how common the labels are in a slice. Intervals are the percentile bootstrap's over groups,
    left out where slice or rest lie in fewer than ten groups, or where no two replicates differ.

    The p-value takes the difference as normal, with the variance that the bootstrap over groups gives it if slice and
    rest were equally good, and no less than chance alone gives independent rows. Resampling the rows as they are would
    find many a small slice significant that happens to be all right or all wrong, because its replicates never vary:
    in simulation without a difference, 7 to 21 % of slices of 10 to 30 groups at the nominal 5 %, this rule under 8 %.

    Args:
        rows: n rows.
        names: columns of `rows.columns`; `length` stands for the bands, which are always there.
        n_replicates: bootstrap samples of groups.
        random_state: their seed.

    Returns:
        `looks`, the number of p-values corrected for (Holm); `untested`, slices without one; and `slices`, those of all
        columns together, the lowest exact match first: `column`, `value`, `pooled` (how many values «other» sums up, 0
        for a value itself), `rows`, `groups`, `few` (fewer than 20 rows), `macro_f1`, `exact_match`, `difference` (of
        exact match, slice less rest) with intervals, `p` and `p_holm`, None where not tested.

    Raises:
        DataError: if there is no such column.
    """
    found = [one for column in _columns(rows, names) for one in column]
    right = rows.is_right.astype(np.float64)
    truth, given = rows.truth == 1, rows.given
    features = np.hstack([truth & given, truth, given, right[:, None], np.ones((len(rows), 1))]).astype(np.float64)
    parts = [(one.rows, features[one.rows]) for one in found]
    everything = (np.arange(len(rows)), features[:, -2:])
    *sums, total = resampled_sums([*parts, everything], rows.groups, n_replicates, random_state)
    numbers = np.unique(rows.groups, return_inverse=True)[1]
    figures = [
        _figures(one, own, total, right, numbers, len(rows.labels)) for one, own in zip(found, sums, strict=True)
    ]
    tested = [figure for figure in figures if figure["p"] is not None]
    for figure, p in zip(tested, holm([figure["p"] for figure in tested]), strict=True):
        figure["p"], figure["p_holm"] = _three_digits(figure["p"]), _three_digits(p)
    figures.sort(key=lambda f: (f["exact_match"]["value"], -f["rows"], f["column"], f["value"]))
    return {"looks": len(tested), "untested": len(figures) - len(tested), "slices": figures}


def _columns(rows: ScoredRows, names: Sequence[str]) -> Iterator[list[_Slice]]:
    for name in dict.fromkeys([*names, LENGTH]):
        if name == LENGTH:
            yield _by_value(LENGTH, length_bands([len(text) for text in rows.texts]))
        elif name in rows.columns:
            yield _by_value(name, rows.columns[name])
        else:
            known = ", ".join(repr(column) for column in [*rows.columns, LENGTH])
            raise DataError(f"There is no column {name!r} to slice by: take {known}.")


def _by_value(column: str, values: Sequence[str]) -> list[_Slice]:
    """The commonest values, and the rest as «other»."""
    members: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        members.setdefault(value, []).append(row)
    ranked = sorted(members, key=lambda value: (-len(members[value]), value))
    shown, others = ranked[:MOST_VALUES], ranked[MOST_VALUES:]
    found = [_Slice(column, value or "(empty)", 0, np.array(members[value], np.int64)) for value in shown]
    if others:
        pooled = sorted(row for value in others for row in members[value])
        found.append(_Slice(column, "other", len(others), np.array(pooled, np.int64)))
    return found


def length_bands(lengths: Sequence[int]) -> list[str]:
    """Each text's band, between quartiles of the lengths: «up to 180 characters», «181 to 320 characters» and so on."""
    if not lengths:
        return []
    edges = sorted({int(edge) for edge in np.quantile(lengths, [0.25, 0.5, 0.75, 1.0], method="inverted_cdf")})
    names = [f"up to {edges[0]:,} characters"]
    names += [f"{low + 1:,} to {high:,} characters" for low, high in pairwise(edges)]
    if len(edges) > 1:
        names[-1] = f"over {edges[-2]:,} characters"
    return [names[band] for band in np.searchsorted(edges, lengths)]


def _figures(
    one: _Slice, own: Weights, total: Weights, right: Weights, groups: npt.NDArray[np.int64], n_labels: int
) -> dict[str, Any]:
    """Measures of a slice from its sums and those of all rows; `p` as it is, `p_holm` to be filled in."""
    inside = np.zeros(len(right), np.bool_)
    inside[one.rows] = True
    n_groups, n_elsewhere = len(np.unique(groups[inside])), len(np.unique(groups[~inside]))
    hits, true, predicted = (own[:, k * n_labels : (k + 1) * n_labels] for k in range(3))
    rest = total - own[:, -2:]
    exact, elsewhere = ratio(own[:, -2], own[:, -1]), ratio(rest[:, 0], rest[:, 1])
    comparable = min(n_groups, n_elsewhere) >= FEWEST_GROUPS
    return {
        "column": one.column,
        "value": one.value,
        "pooled": one.pooled,
        "rows": len(one.rows),
        "groups": n_groups,
        "few": len(one.rows) < FEW_ROWS,
        "macro_f1": _interval(mean_of_defined(f1(hits, true, predicted)), n_groups >= FEWEST_GROUPS).to_json(),
        "exact_match": _interval(exact, n_groups >= FEWEST_GROUPS).to_json(),
        "difference": _interval(exact - elsewhere, comparable).to_json(),
        "p": _p_value(right, inside, groups) if comparable else None,
        "p_holm": None,
    }


def _interval(values: Weights, enough_groups: bool) -> Interval:
    """No ends where they would claim certainty."""
    drawn = values[1:][~np.isnan(values[1:])]
    varies = len(drawn) > 0 and drawn.min() < drawn.max()
    return percentile_interval(float(values[0]), [drawn] if enough_groups and varies else [])


def _p_value(right: Weights, inside: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]) -> float:
    """Two-sided, of the difference between the shares of right rows inside and outside. Shapes: (n,).

    A replicate's difference, linear in how often each group is drawn, is a sum over groups of that number times the
    group's part in the difference; its variance under multinomial drawing has a closed form (Davison & Hinkley 1997,
    section 2.7.2). Taking each row's outcome from the common share states the null hypothesis.
    """
    n_inside, n_outside, share = inside.sum(), (~inside).sum(), right.mean()
    contrast = np.where(inside, 1 / n_inside, -1 / n_outside)
    by_group = np.bincount(groups, weights=contrast * (right - share))
    variance = float(((by_group - by_group.mean()) ** 2).sum())
    chance = float(share * (1 - share) * (1 / n_inside + 1 / n_outside))
    spread = math.sqrt(max(variance, chance))
    return math.erfc(abs(float(contrast @ right)) / spread / math.sqrt(2)) if spread > 0 else 1.0


def _three_digits(p: float) -> float:
    return float(f"{p:.3g}")
