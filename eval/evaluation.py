"""Evaluating on labelled paragraphs: every part's figures gathered as data; rendering is another file's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from classifier.bootstrap import FEWEST_GROUPS
from classifier.errors import DataError
from classifier.labelled import Labelled
from classifier.measures import evaluate_predictions
from classifier.predictor import Model
from classifier.suspects import suspect_labels
from eval.abstention import abstention
from eval.behaviour import behaviour
from eval.calibration import calibration
from eval.ceiling import human_ceiling
from eval.confusions import confusions
from eval.curves import curves
from eval.leakage import is_leaky, overlap
from eval.mistakes import mistakes
from eval.pairs import Pair
from eval.rows import ScoredRows, scored_rows
from eval.slices import slices

KIND: Final = "stance-metrics"
SCHEMA_VERSION: Final = 1
REPLICATES: Final = 2_000
_FEW_ROWS: Final = 20


@dataclass(frozen=True)
class Evaluation:
    """The outcome of an evaluation.

    Attributes:
        metrics: everything measured, as JSON-able data: the content of `metrics.json` (eval/SCHEMA.md). Figures that
            are not defined are None.
        errors: wrongly given and missed labels, the surest first, by eval.mistakes.ERROR_SCHEMA.
        rows: what was evaluated, for comparing with another model.
    """

    metrics: dict[str, Any]
    errors: pa.Table
    rows: ScoredRows

    def measure(self, name: str) -> float | None:
        """A point estimate by name.

        `macro_f1` and the other overall ones; `LABEL.MEASURE`, such as `anger.recall`; `behaviour.TEST`, a pass rate.

        Raises:
            DataError: if there is no such measure; the message lists them.
        """
        tables = {
            **self.metrics["overall"],
            **{f"{label}.{key}": m for label, table in self.metrics["per_label"].items() for key, m in table.items()},
            **{f"behaviour.{test}": found["pass_rate"] for test, found in self._tests().items()},
        }
        if name not in tables:
            known = [*self.metrics["overall"], "LABEL.f1", *(f"behaviour.{test}" for test in self._tests())]
            raise DataError(f"There is no measure {name!r}: take one of {', '.join(known)} (metrics.json has all).")
        value: float | None = tables[name]["value"]
        return value

    def _tests(self) -> dict[str, Any]:
        found = self.metrics["behaviour"]
        return found["tests"] if found else {}


def evaluate(
    model: Model,
    data: Labelled,
    *,
    pairs: Sequence[Pair] = (),
    slice_names: Sequence[str] = (),
    sources: Sequence[dict[str, Any]] = (),
    random_state: int = 0,
) -> Evaluation:
    """Evaluate a model at its stored thresholds on labelled paragraphs.

    Args:
        model: the model.
        data: paragraphs labelled with the model's own scheme.
        pairs: contrast and invariance pairs, for behaviour.
        slice_names: columns kept in `data` by whose values quality is told apart.
        sources: the data's files, for the record.
        random_state: seed of every bootstrap.

    Raises:
        DataError: if the data's labels are not the model's.
    """
    if data.scheme.names != model.labels:
        raise DataError(f"The data has the labels {', '.join(data.scheme.names)}, the model {', '.join(model.labels)}.")
    rows = scored_rows(model, data)
    about = {
        "name": model.scheme.name,
        "digest": model.digest,
        "thresholds": model.thresholds,
        "thresholds_overridden": model.decision.to_json() != model.manifest["decision"],
    }
    found = behaviour(model, pairs, random_state=random_state) if pairs else None
    metrics = {
        **_measured(rows, data, about, slice_names, sources, random_state),
        "behaviour": found,
        "overlap": overlap(model, rows),
        "random_split": model.manifest["provenance"].get("random_split"),
    }
    return Evaluation({**metrics, "notes": _notes(metrics, data)}, mistakes(rows, model), rows)


def evaluate_answers(
    rows: ScoredRows,
    data: Labelled,
    name: str,
    *,
    slice_names: Sequence[str] = (),
    sources: Sequence[dict[str, Any]] = (),
    random_state: int = 0,
) -> Evaluation:
    """Evaluate answers that another tool gave to labelled paragraphs: all but what needs the model itself."""
    about = {"name": name, "digest": None, "thresholds": None, "thresholds_overridden": False}
    metrics = {
        **_measured(rows, data, about, slice_names, sources, random_state),
        "behaviour": None,
        "overlap": None,
        "random_split": None,
    }
    return Evaluation({**metrics, "notes": _notes(metrics, data)}, mistakes(rows, None), rows)


def _measured(
    rows: ScoredRows,
    data: Labelled,
    about: dict[str, Any],
    slice_names: Sequence[str],
    sources: Sequence[dict[str, Any]],
    random_state: int,
) -> dict[str, Any]:
    per_label, overall = evaluate_predictions(
        rows.truth, rows.probabilities, rows.given, rows.groups, REPLICATES, random_state
    )
    return {
        "kind": KIND,
        "version": SCHEMA_VERSION,
        "model": about,
        "data": {
            "description": data.description,
            "sources": [dict(source) for source in sources],
            "rows": len(rows),
            "groups": rows.n_groups,
            "rows_left_out": len(data.left_out),
        },
        "interval": {
            "level": 0.95,
            "method": "percentile bootstrap that resamples groups",
            "replicates": REPLICATES if rows.n_groups >= FEWEST_GROUPS else 0,
            "random_state": random_state,
        },
        "overall": {name: value.to_json() for name, value in overall.items()},
        "per_label": {
            label: {name: values[k].to_json() for name, values in per_label.items()}
            for k, label in enumerate(rows.labels)
        },
        "counts": {label: _counts(rows, k) for k, label in enumerate(rows.labels)},
        "curves": curves(rows),
        "calibration": calibration(rows, random_state=random_state),
        "ceiling": human_ceiling(rows, random_state=random_state),
        "slices": slices(rows, slice_names, random_state=random_state),
        "confusions": confusions(rows),
        "abstention": abstention(rows),
        "suspects": suspect_labels(
            rows.labels, rows.truth, rows.probabilities, rows.ids, rows.texts, groups=rows.groups.tolist()
        ),
        "comparisons": [],
    }


def _counts(rows: ScoredRows, k: int) -> dict[str, int]:
    held, given = rows.truth[:, k] == 1, rows.given[:, k]
    return {
        "true_positives": int((held & given).sum()),
        "false_positives": int((~held & given).sum()),
        "false_negatives": int((held & ~given).sum()),
        "true_negatives": int((~held & ~given).sum()),
    }


def _notes(metrics: dict[str, Any], data: Labelled) -> list[str]:
    """What a reader has to know before believing the figures."""
    notes, found = [], metrics["overlap"]
    if found and (found["exact"] or found["near"]):
        how = "the figures flatter the model; evaluate on other text" if is_leaky(found) else "too few to matter much"
        notes.append(
            f"{found['exact']:,} of the evaluated paragraphs were trained on and {found['near']:,} more are nearly the "
            f"same as one that was: {how}."
        )
    if data.n_groups < FEWEST_GROUPS:
        notes.append(
            f"There are only {data.n_groups} groups, too few to say how sure the figures are: no intervals are given."
        )
    if len(data) < _FEW_ROWS:
        notes.append(f"There are only {len(data)} rows: take the figures for an impression, not a measurement.")
    for label, counts in metrics["counts"].items():
        positives = counts["true_positives"] + counts["false_negatives"]
        if positives == 0:
            notes.append(f"No row carries {label}: its recall and average precision are not defined.")
        elif positives < 10:
            carry = "row carries" if positives == 1 else "rows carry"
            notes.append(f"Only {positives} {carry} {label}: its figures are very unsure.")
    if data.left_out:
        notes.append(f"{len(data.left_out):,} rows without a text that can be scored were left out.")
    return notes
