"""ScoredRows for tests, from as little as a test has to say."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eval.rows import ScoredRows

UNDEFINED = {"value": None, "low": None, "high": None}


def made_rows(truth: Any, given: Any = None, **others: Any) -> ScoredRows:
    """Rows from 0/1 matrices, or lists for a single label; `given` is the truth unless said; each row its own group."""
    held = matrix(truth)
    n, n_labels = held.shape
    said = held if given is None else matrix(given)
    votes: Sequence[Any] = others.get("votes", [[]] * n)
    probabilities = others.get("probabilities")
    soft = others.get("soft")
    columns: Mapping[str, list[str]] = others.get("columns", {})
    return ScoredRows(
        labels=tuple("abcdefgh"[:n_labels]),
        ids=[str(i) for i in range(n)],
        texts=others.get("texts", ["text"] * n),
        truth=held.astype(np.int8),
        soft=(held if soft is None else matrix(soft)).astype(np.float32),
        votes=[np.array(vote, np.int8).reshape(len(vote), n_labels) for vote in votes],
        groups=np.array(others.get("groups", [f"g{i}" for i in range(n)]), np.str_),
        probabilities=(0.1 + 0.8 * said if probabilities is None else matrix(probabilities)).astype(np.float32),
        given=said == 1,
        thresholds=tuple(others.get("thresholds", [0.5] * n_labels)),
        columns=columns,
    )


def matrix(values: Any) -> Any:
    array = np.array(values, np.float64)
    return array.reshape(-1, 1) if array.ndim == 1 else array


def only(rows: ScoredRows, chosen: Any) -> ScoredRows:
    """The rows of these numbers, repeats and all."""
    return ScoredRows(
        labels=rows.labels,
        ids=[rows.ids[i] for i in chosen],
        texts=[rows.texts[i] for i in chosen],
        truth=rows.truth[chosen],
        soft=rows.soft[chosen],
        votes=[rows.votes[i] for i in chosen],
        groups=rows.groups[chosen],
        probabilities=rows.probabilities[chosen],
        given=rows.given[chosen],
        thresholds=rows.thresholds,
        columns={name: [values[i] for i in chosen] for name, values in rows.columns.items()},
    )
