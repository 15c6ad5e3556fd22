"""Every wrongly given and every missed label, the surest first: as a table for tools and as rows for the page."""

import re
from typing import Any, Final

import numpy as np
import pyarrow as pa

from classifier.predictor import Model
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
SHOWN: Final = 1_000  # mistakes on the page, and with evidence; a report of 10,000 rows stays under 3 MB
_PARTS: Final = re.compile(r"\s+|\S+")
_EDGES: Final = ".,;:!?\"'()[]{}«»„“”‘’…"


def mistakes(rows: ScoredRows, model: Model | None) -> pa.Table:
    """One row a wrong label by ERROR_SCHEMA, ordered by the distance of its probability from the threshold.

    `kind` is «false positive» for a label given that is not in the truth, «false negative» for one that was missed.
    """
    wrong = [(row, k) for row, k in np.argwhere(rows.given != (rows.truth == 1)).tolist()]
    distance = np.abs(rows.probabilities - np.asarray(rows.thresholds, np.float32))
    distance = np.nan_to_num(distance)
    wrong.sort(key=lambda place: (-float(distance[place]), place))
    return pa.Table.from_pylist(
        [_mistake(rows, model, *place, n < SHOWN) for n, place in enumerate(wrong)], ERROR_SCHEMA
    )


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
    words = {word.lower() for word in evidence}
    pieces: list[tuple[str, bool]] = []
    for part in _PARTS.findall(cut):
        is_evidence = part.strip(_EDGES).lower() in words
        if pieces and not is_evidence and not pieces[-1][1]:
            pieces[-1] = (pieces[-1][0] + part, False)
        else:
            pieces.append((part, is_evidence))
    return pieces
