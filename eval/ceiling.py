"""The human ceiling: how well annotators predict each other, and how well the model does on the same rows."""

from typing import Any

import krippendorff
import numpy as np
import numpy.typing as npt
from scipy.special import entr

from classifier.bootstrap import FEWEST_GROUPS, Interval, Weights
from classifier.ratios import f1, mean_of_defined, ratio
from eval.rows import ScoredRows
from eval.sums import interval, resampled_sums

_LEAST = 1e-6  # probabilities have six decimals; a 0 or 1 is kept this far from certainty

_UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))


def human_ceiling(rows: ScoredRows, n_replicates: int = 1_000, random_state: int = 0) -> dict[str, Any] | None:
    """Agreement of the annotators, and the model measured by the same yardstick.

    Every annotator in turn is held out, and both the other annotators' majority (a tie counts as the label) and the
    model are scored by F1 against what that annotator says; F1 is the same whichever side is called the truth. So
    «0.62 where annotators reach 0.66» compares like with like. The mean over annotators is weighted by the rows each
    read: a third annotator who was asked about disputed rows only must not count as much as one who read all.
    Annotators are told apart by name where the data names them, else by their place in a row's votes. All figures are
    of rows with two votes or more.

    Args:
        rows: n rows with votes; fewer than two, or none, on some of them does not matter.
        n_replicates: bootstrap samples of groups.
        random_state: their seed.

    Returns:
        None where no row has two votes, else

        - `rows`, `groups`, `annotators`: rows with two votes or more, their groups, the most votes on a row;
        - `macro`: `annotators`, `model` and `difference` (model less annotators), means over labels, with intervals;
        - `per_label`: for each label these three, and `alpha` (Krippendorff's, nominal; None where a label is
          constant), `agreed` and `contested` (`rows` on which annotators are at one or differ on the label, and the
          model's `f1` against the truth there), `cross_entropy` (in nats, to the soft labels: of the `model`, of the
          constant `prevalence`, and the `floor` that no probabilities can pass, over `rows` that have probabilities).
    """
    counts = np.array([len(given) for given in rows.votes], np.int64)
    kept = np.flatnonzero(counts >= 2)
    if len(kept) == 0:
        return None
    counts, groups = counts[kept], rows.groups[kept]
    who = [rows.annotators[i] if rows.annotators else np.arange(len(rows.votes[i])) for i in kept.tolist()]
    n_annotators = int(max(numbers.max() for numbers in who)) + 1
    cast, voted = (
        np.zeros((len(kept), n_annotators, len(rows.labels)), np.bool_),
        np.zeros((len(kept), n_annotators), bool),
    )
    for row, i in enumerate(kept.tolist()):
        cast[row, who[row]], voted[row, who[row]] = rows.votes[i], True
    present = cast.sum(axis=1)
    agreed = (present == 0) | (present == counts[:, None])
    entropy = _entropy_features(rows, kept)
    parts = [_held_out(cast, voted, rows.given[kept], k) for k in np.flatnonzero(voted.any(axis=0)).tolist()]
    parts.append((np.arange(len(kept)), np.hstack([_agreement_features(rows, kept, agreed), entropy])))
    *held_out, rest = resampled_sums(parts, groups, n_replicates, random_state)
    figures = _held_out_figures(held_out, len(rows.labels))
    by_agreement, entropies = np.split(rest, [6 * len(rows.labels)], axis=1)
    return {
        "rows": len(kept),
        "groups": len(np.unique(groups)),
        "annotators": int(counts.max()),  # on a row
        "macro": {name: interval(mean_of_defined(values)).to_json() for name, values in figures.items()},
        "per_label": {
            label: {
                "alpha": _alpha(present[:, k], counts),
                **{name: interval(values[:, k]).to_json() for name, values in figures.items()},
                "agreed": _subset(by_agreement, 0, k, agreed, groups),
                "contested": _subset(by_agreement, 1, k, ~agreed, groups),
                "cross_entropy": _cross_entropy(entropies.reshape(len(rest), 4, -1)[:, :, k]),
            }
            for k, label in enumerate(rows.labels)
        },
    }


def _alpha(present: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> float | None:
    """Krippendorff's alpha; not defined where all votes are the same. Shapes: (n,), (n,)."""
    if present.sum() in (0, counts.sum()):
        return None
    tallies = np.stack([counts - present, present], axis=1)
    return round(float(krippendorff.alpha(value_counts=tallies, level_of_measurement="nominal")), 6)


def _held_out(
    cast: npt.NDArray[np.bool_], voted: npt.NDArray[np.bool_], given: npt.NDArray[np.bool_], k: int
) -> tuple[npt.NDArray[np.int64], Weights]:
    """Annotator k's rows, and 1 where k, the others and the model hold a label, and where they meet.

    Shapes: (n_rows,), (n_rows, 5 * n_labels + 1).
    """
    read = np.flatnonzero(voted[:, k])
    own, model = cast[read, k], given[read]
    others = 2 * (cast[read].sum(axis=1) - own) >= voted[read].sum(axis=1)[:, None] - 1
    features = [own & others, own & model, own, others, model, np.ones((len(read), 1), np.bool_)]
    return read, np.hstack(features).astype(np.float64)


def _held_out_figures(sums: list[Weights], n_labels: int) -> dict[str, Weights]:
    """Mean F1 over the held-out annotators. Shapes: (1 + n_replicates, n_labels)."""
    humans, models, read = [], [], []
    for annotator in sums:
        with_others, with_model, own, others, model, n_read = np.split(annotator, np.arange(1, 6) * n_labels, axis=1)
        humans.append(f1(with_others, own, others))
        models.append(f1(with_model, own, model))
        read.append(n_read)
    weights = np.stack(read, axis=-1)
    human, model = (mean_of_defined(np.stack(values, axis=-1), weights) for values in (humans, models))
    return {"annotators": human, "model": model, "difference": model - human}


def _agreement_features(rows: ScoredRows, kept: npt.NDArray[np.int64], agreed: npt.NDArray[np.bool_]) -> Weights:
    """Hits, truth and given on agreed rows, then on contested ones. Shape: (n_kept, 6 * n_labels)."""
    truth, given = rows.truth[kept] == 1, rows.given[kept]
    each = [where & what for where in (agreed, ~agreed) for what in (truth & given, truth, given)]
    return np.hstack(each).astype(np.float64)


def _subset(
    sums: Weights, which: int, k: int, rows: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]
) -> dict[str, Any]:
    """The model's F1 on agreed (0) or contested (1) rows; no interval where these lie in too few groups."""
    hits, true, predicted = sums.reshape(len(sums), 2, 3, -1)[:, which, :, k].T
    values = f1(hits, true, predicted)
    enough = len(np.unique(groups[rows[:, k]])) >= FEWEST_GROUPS
    return {"rows": int(rows[:, k].sum()), "f1": interval(values if enough else values[:1]).to_json()}


def _entropy_features(rows: ScoredRows, kept: npt.NDArray[np.int64]) -> Weights:
    """Whether a row has a probability, and where it has one its cross-entropy, soft label and the latter's entropy.

    Shape: (n_kept, 4 * n_labels).
    """
    soft, probabilities = rows.soft[kept].astype(np.float64), rows.probabilities[kept].astype(np.float64)
    scored = ~np.isnan(probabilities)
    p = np.clip(np.where(scored, probabilities, 0.5), _LEAST, 1 - _LEAST)
    cross = -soft * np.log(p) - (1 - soft) * np.log1p(-p)
    return np.hstack([np.where(scored, each, 0.0) for each in (1.0, cross, soft, entr(soft) + entr(1 - soft))])


def _cross_entropy(sums: Weights) -> dict[str, Any]:
    """The model's, the constant prevalence's and the least possible. Shape of the sums: (1 + n_replicates, 4)."""
    scored, cross, soft, floor = sums.T
    prevalence = ratio(soft, scored)
    figures = {
        "model": ratio(cross, scored),
        "prevalence": entr(prevalence) + entr(1 - prevalence),
        "floor": ratio(floor, scored),
    }
    named = {name: (interval(values) if scored[0] else _UNDEFINED).to_json() for name, values in figures.items()}
    return {"rows": int(scored[0]), **named}
