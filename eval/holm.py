"""Holm's correction of p-values for multiple looks."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: calling those up to 0.05 real errs, be it once, with a chance of 5 %.

    The k-th smallest of m is multiplied by m - k + 1, and none may be less than that of a smaller one (Holm 1979, «A
    simple sequentially rejective multiple test procedure», Scandinavian Journal of Statistics 6). This holds however
    the looks depend on each other.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(p) for p in adjusted]
