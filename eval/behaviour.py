"""Behaviour tests: does a model follow the words that carry a stance, and only those? Contrast and invariance pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from classifier.bootstrap import Interval, percentile_interval, replicates
from classifier.errors import DataError
from classifier.predictor import Model
from eval.differences import difference
from eval.pairs import Pair

_UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class _Outcome:
    """What a model makes of one pair.

    Attributes:
        test: the name under which the pair is counted.
        passed: whether the pair's test is passed.
        label: the index of the stance; for invariance, of the label that changed most (among flipped ones, if any).
        margin: the stance's probability on the member that carries it, less that on the other; None for invariance.
        changes: by how much each label's probability differs between the members. Shape: (n_labels,).
        probabilities, given: of a and b. Shapes: (2, n_labels).
    """

    pair: Pair
    test: str
    passed: bool
    label: int
    margin: float | None
    changes: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float32]
    given: npt.NDArray[np.bool_]

    @property
    def order(self) -> tuple[bool, str, float, str]:
        """Contrast before invariance, by test, worst first."""
        worst = -float(self.changes.max()) if self.margin is None else self.margin
        return self.margin is None, self.test, worst, self.pair.id


def behaviour(model: Model, pairs: Sequence[Pair], n_replicates: int = 1000, random_state: int = 0) -> dict[str, Any]:
    """How a model does on contrast and invariance pairs at its thresholds.

    A contrast pair is passed where the member with the stance is given it and the other is not; the weaker «ranked
    right» asks only that the stance's probability be higher on the member with it. An invariance pair is passed where
    both members are given the same labels.

    Shares carry 95 % score intervals (Wilson 1927, «Probable inference, the law of succession, and statistical
    inference», JASA 22), which hold for few pairs and near 0 and 1; means carry percentile bootstrap intervals over
    pairs, None for fewer than ten.

    Args:
        model: the model.
        pairs: pairs labelled with the model's own labels.
        n_replicates: of the bootstrap.
        random_state: seed of the bootstrap.

    Returns:
        JSON-able data without NaN: undefined figures are None.

        - `contrast`, `invariance`: a summary of all pairs of the kind.
        - `tests`: a summary by test's name; where a test has pairs of both kinds, those in which no label may change
          stand under «NAME (no change)».
        - `failures`: the pairs that failed, by test, worst first.

    Raises:
        DataError: if a pair's stance is no label of the model, or a text cannot be scored.
    """
    outcomes = sorted(_outcomes(model, pairs), key=lambda outcome: outcome.order)
    tests: dict[str, list[_Outcome]] = {}
    for outcome in outcomes:
        tests.setdefault(outcome.test, []).append(outcome)

    def summary(some: Sequence[_Outcome], contrast: bool) -> dict[str, Any]:
        return _summary(some, contrast, model.labels, n_replicates, random_state)

    return {
        "contrast": summary([outcome for outcome in outcomes if outcome.margin is not None], True),
        "invariance": summary([outcome for outcome in outcomes if outcome.margin is None], False),
        "tests": {name: summary(some, some[0].margin is not None) for name, some in tests.items()},
        "failures": [_failure(model, outcome) for outcome in outcomes if not outcome.passed],
    }


def _outcomes(model: Model, pairs: Sequence[Pair]) -> list[_Outcome]:
    scored = model.score([text for pair in pairs for text in pair.texts])
    contrasted = {pair.test for pair in pairs if pair.stance is not None}
    outcomes = []
    for k, pair in enumerate(pairs):
        rows = slice(2 * k, 2 * k + 2)
        reason = next((reason for reason in scored.reasons[rows] if reason is not None), None)
        if reason is not None:
            raise DataError(f"The pair {pair.id!r} cannot be scored: {reason}: correct it, or leave it out.")
        probabilities, given = scored.probabilities[rows], scored.given[rows]
        changes, flipped = np.abs(np.diff(probabilities.astype(np.float64), axis=0))[0], given[0] != given[1]
        test, margin = pair.test, None
        if pair.stance is None or pair.holder is None:
            test = f"{test} (no change)" if test in contrasted else test
            label = int(np.where(flipped | ~flipped.any(), changes, -1.0).argmax())
            passed = not flipped.any()
        else:
            if pair.stance not in model.labels:
                raise DataError(
                    f"The pair {pair.id!r}: unknown label {pair.stance!r}: {model.scheme.suggestion(pair.stance)}."
                )
            label, holder = model.scheme.index(pair.stance), pair.holder
            margin = float(probabilities[holder, label]) - float(probabilities[1 - holder, label])
            passed = bool(given[holder, label] and not given[1 - holder, label])
        outcomes.append(_Outcome(pair, test, bool(passed), label, margin, changes, probabilities, given))
    return outcomes


def _summary(
    outcomes: Sequence[_Outcome], contrast: bool, labels: Sequence[str], n_replicates: int, random_state: int
) -> dict[str, Any]:
    changes = np.array([outcome.changes for outcome in outcomes]).reshape(len(outcomes), len(labels))
    margins = [outcome.margin for outcome in outcomes if outcome.margin is not None]
    per_stance = {}
    for k, label in enumerate(labels):
        some = [outcome for outcome in outcomes if outcome.label == k] if contrast else outcomes
        if some:
            passed = [o.passed if contrast else bool(o.given[0, k] == o.given[1, k]) for o in some]
            of_label = [o.margin for o in some if o.margin is not None] if contrast else None
            per_stance[label] = _counted(passed, of_label, changes[:, k])
    return {
        "kind": "contrast" if contrast else "invariance",
        **_counted([outcome.passed for outcome in outcomes], margins if contrast else None, changes),
        "mean_margin": _mean(margins, n_replicates, random_state) if contrast else None,
        "mean_change": None if contrast else _mean(changes.max(axis=1), n_replicates, random_state),
        "per_stance": per_stance,
    }


def _counted(passed: list[bool], margins: list[float] | None, changes: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Counts and shares of contrast pairs (with margins) or of invariance pairs (without)."""
    return {
        "pairs": len(passed),
        "passed": sum(passed),
        "pass_rate": _share(passed),
        "ranked_right": None if margins is None else _share([margin > 0 for margin in margins]),
        "largest_change": round(float(changes.max()), 6) if margins is None and changes.size else None,
    }


def _share(passed: list[bool]) -> dict[str, float | None]:
    """A share with its Wilson interval."""
    if not passed:
        return _UNDEFINED.to_json()
    bounds = binomtest(sum(passed), len(passed)).proportion_ci(method="wilson")
    return Interval(sum(passed) / len(passed), float(bounds.low), float(bounds.high)).to_json()


def _mean(
    values: Sequence[float] | npt.NDArray[np.float64], n_replicates: int, random_state: int
) -> dict[str, float | None]:
    x = np.asarray(values, np.float64)
    if not len(x):
        return _UNDEFINED.to_json()
    draws = [weights @ x / len(x) for weights in replicates(np.arange(len(x)), n_replicates, random_state)]
    return percentile_interval(float(x.mean()), draws).to_json()


def _failure(model: Model, outcome: _Outcome) -> dict[str, Any]:
    pair, k = outcome.pair, outcome.label
    members = {
        name: {
            "text": pair.texts[i],
            "probability": round(float(outcome.probabilities[i, k]), 6),
            "given": [label for label, given in zip(model.labels, outcome.given[i], strict=True) if given],
        }
        for i, name in enumerate("ab")
    }
    return {
        "pair": pair.id,
        "test": outcome.test,
        "kind": "contrast" if outcome.margin is not None else "invariance",
        "stance": pair.stance,
        "label": model.labels[k],
        "threshold": model.decision.thresholds[k],
        "holder": None if pair.holder is None else "ab"[pair.holder],
        "problem": _problem(outcome),
        "margin": None if outcome.margin is None else round(outcome.margin, 6),
        "largest_change": round(float(outcome.changes.max()), 6),
        **members,
        "difference": difference(*pair.texts),
    }


def _problem(outcome: _Outcome) -> str:
    """`changed` for an invariance pair; else `missed`, `given_to_both` or `reversed`."""
    if outcome.pair.holder is None:
        return "changed"
    given = outcome.given[:, outcome.label]
    with_it, without = given[outcome.pair.holder], given[1 - outcome.pair.holder]
    return "given_to_both" if with_it and without else "reversed" if without else "missed"
