"""Evaluating a model on labelled paragraphs: every figure with its interval, as data; rendering is another file's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from classifier.bootstrap import FEWEST_GROUPS
from classifier.errors import DataError
from classifier.fingerprints import fingerprint, matches
from classifier.labelled import Labelled
from classifier.measures import CALIBRATION_BINS, evaluate_predictions
from classifier.predictor import Model

SCHEMA_VERSION: Final = 1
REPLICATES: Final = 2_000
_FEW_ROWS: Final = 20
_LISTED: Final = 100

# The Arrow schema of errors.parquet: one row a wrongly given or missed label.
ERROR_SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("label", pa.string()),
        ("kind", pa.string()),
        ("probability", pa.float32()),
        ("threshold", pa.float32()),
    ]
)


@dataclass(frozen=True)
class Evaluation:
    """The outcome of an evaluation.

    Attributes:
        metrics: everything measured, as JSON-able data: the content of `metrics.json`. Undefined figures are None.
        errors: wrongly given («false positive») and missed («false negative») labels, surest first, by ERROR_SCHEMA.
    """

    metrics: dict[str, Any]
    errors: pa.Table

    def measure(self, name: str) -> float | None:
        """A point estimate by name: an overall measure such as `macro_f1`, or `LABEL.MEASURE` such as `anger.recall`.

        Raises:
            DataError: if there is no such measure; the message lists them.
        """
        label, _, measure = name.rpartition(".")
        table = self.metrics["per_label"].get(label, {}) if label else self.metrics["overall"]
        if measure not in table:
            overall, labels = ", ".join(self.metrics["overall"]), ", ".join(self.metrics["per_label"])
            per = ", ".join(next(iter(self.metrics["per_label"].values())))
            raise DataError(
                f"There is no measure {name!r}: take one of {overall}, or LABEL.MEASURE of {labels} and {per}."
            )
        value: float | None = table[measure]["value"]
        return value


def evaluate(
    model: Model, data: Labelled, *, sources: Sequence[dict[str, Any]] = (), random_state: int = 0
) -> Evaluation:
    """Evaluate a model at its stored thresholds on labelled paragraphs.

    Args:
        model: the model.
        data: paragraphs labelled with the model's own scheme.
        sources: the data's files, for the record.
        random_state: seed of the bootstrap.

    Raises:
        DataError: if the data's labels are not the model's.
    """
    if data.scheme.names != model.labels:
        raise DataError(f"The data has the labels {', '.join(data.scheme.names)}, the model {', '.join(model.labels)}.")
    scored = model.score(data.texts)
    # Reading left out what cannot be scored, so every row has a probability here.
    probabilities, given = scored.probabilities, scored.given
    per_label, overall = evaluate_predictions(data.hard, probabilities, given, data.groups, REPLICATES, random_state)
    exact, near = _overlap(model, data)
    metrics = {
        "kind": "stance-metrics",
        "version": SCHEMA_VERSION,
        "model": {"name": model.scheme.name, "digest": model.digest, "thresholds": model.thresholds},
        "data": {
            "description": data.description,
            "sources": [dict(source) for source in sources],
            "rows": len(data),
            "groups": data.n_groups,
            "rows_left_out": len(data.left_out),
        },
        "interval": {
            "level": 0.95,
            "method": "percentile bootstrap that resamples groups",
            "replicates": REPLICATES if data.n_groups >= FEWEST_GROUPS else 0,
            "random_state": random_state,
        },
        "overall": {name: value.to_json() for name, value in overall.items()},
        "per_label": {
            label: {name: values[k].to_json() for name, values in per_label.items()}
            for k, label in enumerate(model.labels)
        },
        "counts": {label: _counts(data.hard[:, k], given[:, k]) for k, label in enumerate(model.labels)},
        "calibration": {
            label: _reliability(data.hard[:, k], probabilities[:, k]) for k, label in enumerate(model.labels)
        },
        "overlap": {"exact": len(exact), "near": len(near), "ids": [data.ids[k] for k in [*exact, *near][:_LISTED]]},
    }
    return Evaluation({**metrics, "notes": _notes(metrics, data)}, _errors(model, data, probabilities, given))


def _counts(truth: npt.NDArray[np.int8], given: npt.NDArray[np.bool_]) -> dict[str, int]:
    held = truth == 1
    return {
        "true_positives": int((held & given).sum()),
        "false_positives": int((~held & given).sum()),
        "false_negatives": int((held & ~given).sum()),
        "true_negatives": int((~held & ~given).sum()),
    }


def _reliability(truth: npt.NDArray[np.int8], probabilities: npt.NDArray[np.float32]) -> list[dict[str, float]]:
    """Bins of equal mass: their mean probability, and the share of rows that carry the label."""
    order = np.argsort(probabilities, kind="stable")
    return [
        {
            "rows": len(rows),
            "mean_probability": round(float(probabilities[rows].mean()), 6),
            "observed": round(float(truth[rows].mean()), 6),
        }
        for rows in np.array_split(order, min(CALIBRATION_BINS, len(order)))
        if len(rows)
    ]


def _overlap(model: Model, data: Labelled) -> tuple[list[int], list[int]]:
    """Rows whose text was trained on, exactly or nearly."""
    prints = fingerprint(data.texts)
    known = np.isin(prints.exact, model.fingerprints.exact)
    near = {i for i, _, _ in matches(prints, model.fingerprints)}
    return np.flatnonzero(known).tolist(), sorted(near - set(np.flatnonzero(known).tolist()))


def _notes(metrics: dict[str, Any], data: Labelled) -> list[str]:
    """What a reader has to know before believing the figures."""
    notes, overlap = [], metrics["overlap"]
    if overlap["exact"] or overlap["near"]:
        notes.append(
            f"{overlap['exact']:,} of the evaluated paragraphs were trained on and {overlap['near']:,} more are nearly "
            "the same as one that was: the figures flatter the model. Evaluate on other text."
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
            notes.append(f"Only {positives} rows carry {label}: its figures are very unsure.")
    if data.left_out:
        notes.append(f"{len(data.left_out):,} rows without a text that can be scored were left out.")
    return notes


def _errors(
    model: Model, data: Labelled, probabilities: npt.NDArray[np.float32], given: npt.NDArray[np.bool_]
) -> pa.Table:
    wrong = [(row, k) for row, k in np.argwhere(given != (data.hard == 1)).tolist()]
    thresholds = model.decision.thresholds
    wrong.sort(key=lambda item: (-abs(float(probabilities[item]) - thresholds[item[1]]), item))
    rows = [
        {
            "id": data.ids[row],
            "text": data.texts[row],
            "label": model.labels[k],
            "kind": "false positive" if given[row, k] else "false negative",
            "probability": float(probabilities[row, k]),
            "threshold": thresholds[k],
        }
        for row, k in wrong
    ]
    return pa.Table.from_pylist(rows, schema=ERROR_SCHEMA)
