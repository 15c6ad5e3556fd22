"""Was any of the evaluated text trained on? By digests of the texts, which every model carries."""

from typing import Any, Final

import numpy as np

from classifier.errors import DataError
from classifier.fingerprints import fingerprint, matches
from classifier.predictor import Model
from eval.rows import ScoredRows

_LISTED: Final = 100
_TOLERATED: Final = 0.01


def overlap(model: Model, rows: ScoredRows) -> dict[str, Any]:
    """Counts and ids of evaluated rows whose text was trained on, exactly or nearly (classifier/fingerprints.py)."""
    prints = fingerprint(rows.texts)
    exact = np.flatnonzero(np.isin(prints.exact, model.fingerprints.exact)).tolist()
    near = sorted({i for i, _, _ in matches(prints, model.fingerprints)} - set(exact))
    listed = [rows.ids[k] for k in [*exact, *near][:_LISTED]]
    return {"exact": len(exact), "near": len(near), "rows": len(rows), "ids": listed}


def is_leaky(found: dict[str, Any]) -> bool:
    """Whether more than one row in a hundred was trained on; a few chance duplicates («Thank you!») are no leak."""
    return bool(found["exact"] + found["near"] > _TOLERATED * found["rows"])


def refuse_overlap(found: dict[str, Any], name: str) -> None:
    """Refuse a leaky evaluation.

    Raises:
        DataError: naming the counts, the first row and the way out.
    """
    if is_leaky(found):
        raise DataError(
            f"{name} was trained on {found['exact']:,} of the {found['rows']:,} rows, and {found['near']:,} more are "
            f"nearly the same as one that it was trained on (first: {found['ids'][0]}), so figures would flatter it: "
            "evaluate on other rows, or add --allow-overlap to do it all the same and have the report say so."
        )
