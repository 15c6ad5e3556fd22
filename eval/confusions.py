"""Confusions of multi-label data: which label was given in place of which, and which labels go together."""

from typing import Any

import numpy as np

from eval.rows import ScoredRows


def confusions(rows: ScoredRows) -> dict[str, Any]:
    """Missed labels against wrongly given ones, and co-occurrences.

    Which of a row's wrongly given labels stands «in place of» which missed one cannot be seen, so they are matched one
    to one in every possible way, each way with equal weight. Of m missed and w wrongly given labels min(m, w) are
    matched, so a pair has the weight min(m, w) / (m w); what is left over goes to «none», the last row and column:
    missed with nothing given in its place, given where nothing was missed. Thus a label's row sums up to how often it
    was missed (false negatives), and its column to how often it was wrongly given (false positives).

    The row and column for what has no counterpart are those of Heydarian, Doyle and Samavi (2022, «MLCM: Multi-Label
    Confusion Matrix», IEEE Access 10). There, labels that are right count too, each missed label counts once for every
    wrongly given one, and one given in excess counts against all that are right; here no error counts twice.

    Returns:
        `labels`; `matrix`, missed x wrongly given, «none» last in both, shape (n_labels + 1, n_labels + 1); and the
        counts `truth` and `given` of rows that carry both labels, on the diagonal the one label, shape (n_labels,
        n_labels). All as lists of lists.
    """
    truth, given = rows.truth == 1, rows.given
    missed, wrong = truth & ~given, given & ~truth
    n_missed, n_wrong = missed.sum(axis=1), wrong.sum(axis=1)
    matched = np.minimum(n_missed, n_wrong)
    # Each label's share of being matched; a row without such labels divides by 1 instead of 0 and adds nothing.
    missed_share, wrong_share = matched / np.maximum(n_missed, 1), matched / np.maximum(n_wrong, 1)
    pair_weight = matched / np.maximum(n_missed * n_wrong, 1)
    n_labels = len(rows.labels)
    matrix = np.zeros((n_labels + 1, n_labels + 1))
    matrix[:-1, :-1] = (missed * pair_weight[:, None]).T @ wrong
    matrix[:-1, -1] = (1 - missed_share) @ missed
    matrix[-1, :-1] = (1 - wrong_share) @ wrong
    return {
        "labels": list(rows.labels),
        "matrix": [[round(float(weight), 6) for weight in line] for line in matrix],
        "truth": (truth.T.astype(np.int64) @ truth).tolist(),
        "given": (given.T.astype(np.int64) @ given).tolist(),
    }
