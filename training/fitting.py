"""Training a model from labelled paragraphs: read, check, fit, measure on held-out rows, save with its card."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from classifier.bootstrap import Interval
from classifier.bundle import Bundle, save_bundle
from classifier.errors import DataError
from classifier.fingerprints import fingerprint
from classifier.labelled import Labelled, joined, read_labelled
from classifier.measures import evaluate_predictions
from classifier.provenance import describe_sources
from classifier.seeds import default_scheme
from classifier.suspects import suspect_labels
from training.calibration import Objective, fit_decision, unreached
from training.card import model_card
from training.config import TrainingConfig
from training.folds import duplicate_pairs, linked_groups, require_enough
from training.linear import LinearTextClassifier

DISTRIBUTION: Final = "stance-commentary"
_SHOWN: Final = 5  # duplicates and left-out rows that a summary lists; the rest is counted


@dataclass(frozen=True)
class TrainingResult:
    """A trained model, how well its folds did on held-out rows, and what the data's reader should know.

    Attributes:
        estimator: the fitted scikit-learn estimator.
        bundle: what `save_bundle` writes.
        per_label, overall: measures on held-out rows with intervals over groups.
        notes: sentences on duplicates, contradicting labels and rows left out.
        card: the model card, for `save_bundle`.
        suspects: rows whose labels the held-out scores dispute most, as `classifier.suspects` gives them; empty unless
            asked for.
    """

    estimator: LinearTextClassifier
    bundle: Bundle
    per_label: dict[str, list[Interval]]
    overall: dict[str, Interval]
    notes: list[str]
    card: str
    suspects: list[dict[str, Any]]

    def save(self, directory: str | Path, overwrite: bool = False) -> str:
        """Write the model directory whole; returns the model's digest.

        Raises:
            OutputError: if it cannot be written, or exists and is not to be overwritten, or is no model.
        """
        return save_bundle(self.bundle, Path(directory), self.card, overwrite)


def train(
    data: Labelled,
    config: TrainingConfig | None = None,
    *,
    auxiliary: Labelled | None = None,
    find_suspects: bool = False,
    n_jobs: int = 1,
    verbose: int = 0,
    sources: Sequence[dict[str, Any]] = (),
) -> TrainingResult:
    """Fit a linear model on labelled paragraphs and measure it on held-out groups.

    Near-duplicates are kept on one side of every fold, whatever their groups.

    Args:
        data: the paragraphs, as `read_labelled` gives them.
        config: every choice; the defaults where not given.
        auxiliary: more paragraphs of the same scheme to learn from, which count neither for choosing C nor for
            calibration, thresholds and figures, because they are of another kind than the text to come.
        find_suspects: whether to look for labels of the data that the held-out scores dispute.
        n_jobs: processes; the result does not depend on it.
        verbose: 1 prints progress to standard error.
        sources: the data's files with digests, for the model's provenance.

    Raises:
        DataError: if a label has too few rows, or all rows are of one group.
    """
    config = config or TrainingConfig()
    require_enough(data.hard, data.scheme.names)
    counted = np.arange(len(data) + (len(auxiliary) if auxiliary else 0)) < len(data)
    everything = joined(data, auxiliary) if auxiliary else data
    prints = fingerprint(everything.texts)
    pairs = duplicate_pairs(prints)
    groups = linked_groups(everything.groups, pairs)
    if len(np.unique(groups)) < 2 <= everything.n_groups:
        raise DataError(
            f"All {everything.n_groups} groups are linked by paragraphs that are equal or nearly so, so no part can be "
            "held out: remove the duplicates, or give more rows."
        )
    parameters = {name: value for name, value in asdict(config).items() if name != "soft_labels"}
    estimator = LinearTextClassifier(**parameters, n_jobs=n_jobs, verbose=verbose)
    estimator.fit(
        everything.texts,
        everything.hard,
        soft=everything.soft if config.soft_labels else None,
        groups=groups,
        auxiliary=~counted,
    )
    decision = estimator.decision_
    probabilities = decision.probabilities(estimator.held_out_scores_[counted].astype(np.float32))
    per_label, overall = evaluate_predictions(data.hard, probabilities, decision.decide(probabilities), groups[counted])
    short = unreached(per_label, data.scheme.names, Objective.parse(config.objective))
    notes = short + _notes(everything, pairs)
    provenance = {
        "data": [dict(source) for source in sources],
        "description": data.description,
        "auxiliary": auxiliary.description if auxiliary else None,
        "rows": len(data),
        "groups": len(np.unique(groups[counted])),
        "rows_per_label": dict(zip(data.scheme.names, data.hard.sum(axis=0).tolist(), strict=True)),
        "config": {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(config).items()},
        "selected": {"C": estimator.C_, "cross_validation": estimator.cv_results_},
        "held_out": {
            "overall": {name: value.to_json() for name, value in overall.items()},
            "per_label": {name: [v.to_json() for v in values] for name, values in per_label.items()},
        },
        "objective_not_reached": short,
        "random_split": _random_split(estimator, data, counted, config, overall["macro_f1"].value),
        "versions": versions(),
    }
    bundle = Bundle(data.scheme, estimator.backend_, decision, provenance, prints)
    suspects = []
    if find_suspects:
        names, groups_of = data.scheme.names, data.groups.tolist()
        suspects = suspect_labels(names, data.hard, probabilities, data.ids, data.texts, groups=groups_of)
    card = model_card(bundle, per_label, overall)
    return TrainingResult(estimator, bundle, per_label, overall, notes, card, suspects)


def train_to(inputs: Sequence[str | Path], directory: Path) -> None:
    """Train a model with the default configuration on all cores and write its directory whole.

    Raises:
        DataError: if the data cannot be used. OutputError: if the directory cannot be written.
    """
    data = read_labelled(inputs, default=default_scheme())
    result = train(data, n_jobs=-1, sources=describe_sources(inputs))
    result.save(directory, overwrite=True)


def _random_split(
    estimator: LinearTextClassifier,
    data: Labelled,
    counted: npt.NDArray[np.bool_],
    config: TrainingConfig,
    grouped: float,
) -> dict[str, float] | None:
    """Macro-F1 with whole groups held out, and what folds that split groups at random would have claimed."""
    if estimator.ungrouped_scores_ is None:
        return None
    scores = estimator.ungrouped_scores_[counted]
    decision = fit_decision(scores, data.hard, Objective.parse(config.objective))
    given = decision.decide(decision.probabilities(scores.astype(np.float32)))
    random = float(f1_score(data.hard, given, average="macro", zero_division=0.0))
    return {"grouped": round(grouped, 6), "random": round(random, 6)}


def versions() -> dict[str, str]:
    """The versions that a model's bytes depend on."""
    libraries = ("numpy", "scipy", "scikit-learn")
    return {"python": platform.python_version(), "stance": version(DISTRIBUTION)} | {
        name: version(name) for name in libraries
    }


def _notes(data: Labelled, pairs: list[tuple[int, int]]) -> list[str]:
    across = [(i, j) for i, j in pairs if data.groups[i] != data.groups[j]]
    conflicting = [(i, j) for i, j in pairs if (data.hard[i] != data.hard[j]).any()]
    notes = []
    if across:
        notes.append(
            f"{len(across):,} pairs of equal or nearly equal paragraphs stand in different groups; they were kept "
            f"together in every fold: {_listed(data, across)}"
        )
    if conflicting:
        notes.append(
            f"{len(conflicting):,} pairs of equal or nearly equal paragraphs have different labels; look at them: "
            f"{_listed(data, conflicting)}"
        )
    if data.left_out:
        more = f" … and {len(data.left_out) - _SHOWN:,} more" if len(data.left_out) > _SHOWN else ""
        notes.append("Left out: " + " ".join(data.left_out[:_SHOWN]) + more)
    return notes


def _listed(data: Labelled, pairs: list[tuple[int, int]]) -> str:
    shown = ", ".join(f"{data.ids[i]} and {data.ids[j]}" for i, j in pairs[:_SHOWN])
    return shown + (f" … and {len(pairs) - _SHOWN:,} more." if len(pairs) > _SHOWN else ".")
