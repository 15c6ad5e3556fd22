"""Every wrongly given and every missed label, the surest first: as a table for tools and as rows for the page."""

import re
from collections import Counter
from typing import Any, Final

import numpy as np
import pyarrow as pa

from classifier.predictor import Model, word_key
from eval.abstention import logit
from eval.rows import ScoredRows

# The columns of errors.parquet; `evidence` holds the words that spoke most for a wrongly given label, or against a
# missed one, of the first SHOWN mistakes.
ERROR_SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("label", pa.string()),
        ("kind", pa.string()),
        ("probability", pa.float32()),
        ("threshold", pa.float32()),
        ("evidence", pa.list_(pa.string())),
    ]
)
SHOWN: Final = 500  # mistakes of each kind on the page, and with evidence; a report of 10,000 rows stays under 3 MB
_PARTS: Final = re.compile(r"\s+|\S+")


def mistakes(rows: ScoredRows, model: Model | None) -> pa.Table:
    """One row a wrong label by ERROR_SCHEMA, ordered by the distance of its probability from the threshold in logits.

    `kind` is «false positive» for a label given that is not in the truth, «false negative» for one that was missed.
    """
    wrong = [(row, k) for row, k in np.argwhere(rows.given != (rows.truth == 1)).tolist()]
    thresholds = np.asarray(rows.thresholds, np.float64)
    distance = np.nan_to_num(np.abs(logit(rows.probabilities.astype(np.float64)) - logit(thresholds)))
    wrong.sort(key=lambda place: (-float(distance[place]), place))
    seen: Counter[bool] = Counter()
    table = []
    for row, k in wrong:
        seen[bool(rows.given[row, k])] += 1
        table.append(_mistake(rows, model, row, k, with_evidence=seen[bool(rows.given[row, k])] <= SHOWN))
    return pa.Table.from_pylist(table, ERROR_SCHEMA)


def shown(errors: pa.Table) -> list[dict[str, Any]]:
    """The mistakes that the page shows: the surest of each kind, in the table's order."""
    seen: Counter[str] = Counter()
    kept = []
    for row, kind in enumerate(errors.column("kind").to_pylist()):
        seen[kind] += 1
        if seen[kind] <= SHOWN:
            kept.append(row)
    return list(errors.take(kept).to_pylist()) if kept else []


def _mistake(rows: ScoredRows, model: Model | None, row: int, k: int, with_evidence: bool) -> dict[str, Any]:
    wrongly_given = bool(rows.given[row, k])
    probability, threshold = float(rows.probabilities[row, k]), float(rows.thresholds[k])
    words = []
    if model is not None and with_evidence:
        explanation = model.explain(rows.texts[row])
        words = [word for word, _ in explanation.strongest(rows.labels[k], against=not wrongly_given)]
    return {
        "id": rows.ids[row],
        "text": rows.texts[row],
        "label": rows.labels[k],
        "kind": "false positive" if wrongly_given else "false negative",
        "probability": None if probability != probability else probability,
        "threshold": None if threshold != threshold else threshold,
        "evidence": words,
    }


def marked(text: str, evidence: list[str], longest: int) -> list[tuple[str, bool]]:
    """The text in pieces with whether each is an evidence word, cut after `longest` characters."""
    cut = text if len(text) <= longest else text[:longest] + " …"
    words = set(evidence)
    pieces: list[tuple[str, bool]] = []
    for part in _PARTS.findall(cut):
        is_evidence = word_key(part) in words
        if pieces and not is_evidence and not pieces[-1][1]:
            pieces[-1] = (pieces[-1][0] + part, False)
        else:
            pieces.append((part, is_evidence))
    return pieces
