"""Quotients that are NaN, without a warning, where they are not defined; what precision, recall and F1 are made of."""

import numpy as np

from classifier.bootstrap import Weights


def ratio(numerator: Weights, denominator: Weights) -> Weights:
    """The quotient; NaN where the denominator is 0. Both shapes broadcast."""
    undefined = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0))


def f1(hits: Weights, true: Weights, predicted: Weights) -> Weights:
    """F1; not defined where neither side holds the label. Shape: that of the arguments."""
    return ratio(2 * hits, true + predicted)


def mean_of_defined(values: Weights, weights: Weights | None = None) -> Weights:
    """The weighted mean over the last axis of the values that are not NaN. Shape: (...,)."""
    defined = ~np.isnan(values)
    shares = defined.astype(np.float64) if weights is None else np.where(defined, weights, 0.0)
    return ratio((np.where(defined, values, 0.0) * shares).sum(axis=-1), shares.sum(axis=-1))
