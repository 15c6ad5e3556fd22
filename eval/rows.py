"""Labelled rows with a model's answers: what every part of an evaluation starts from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from classifier.labelled import Labelled
from classifier.predictor import Model


@dataclass(frozen=True)
class ScoredRows:
    """n labelled paragraphs and what a model says of them.

    Attributes:
        labels: the names of the matrices' columns.
        truth: 1 where a label holds. Shape: (n, n_labels), int8.
        soft: the share of annotators who see a label. Shape: (n, n_labels), float32.
        votes: each annotator's labels, a matrix a row, empty where there are none. Shapes: (n_annotators, n_labels).
        annotators: who gave each of a row's votes, by number; by place in the row where empty. Shapes: (n_annotators,).
        groups: threads, articles or authors. Shape: (n,), str.
        probabilities: calibrated, in [0, 1]; NaN where a predictions file has none. Shape: (n, n_labels), float32.
        given: the labels given. Shape: (n, n_labels), bool.
        thresholds: the probability from which each label is given; NaN where not known. Shape: (n_labels,).
        uncalibrated: the logistic of the raw scores; None where there are none. Shape: (n, n_labels), float32.
        columns: other columns of the data by name, as text, for slices.
    """

    labels: tuple[str, ...]
    ids: list[str]
    texts: list[str]
    truth: npt.NDArray[np.int8]
    soft: npt.NDArray[np.float32]
    votes: list[npt.NDArray[np.int8]]
    groups: npt.NDArray[np.str_]
    probabilities: npt.NDArray[np.float32]
    given: npt.NDArray[np.bool_]
    thresholds: tuple[float, ...]
    uncalibrated: npt.NDArray[np.float32] | None = None
    columns: Mapping[str, list[str]] = field(default_factory=dict)
    annotators: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def n_groups(self) -> int:
        return len(np.unique(self.groups))

    @property
    def is_right(self) -> npt.NDArray[np.bool_]:
        """Whether all labels of a row are right. Shape: (n,), bool."""
        return np.asarray((self.given == (self.truth == 1)).all(axis=1))


def answered_rows(
    data: Labelled,
    given: npt.NDArray[np.bool_],
    probabilities: npt.NDArray[np.float32],
    thresholds: tuple[float, ...],
) -> ScoredRows:
    """The answers of another tool to labelled paragraphs, in the data's order."""
    return ScoredRows(
        labels=data.scheme.names,
        ids=data.ids,
        texts=data.texts,
        truth=data.hard,
        soft=data.soft,
        votes=data.votes,
        groups=data.groups,
        probabilities=probabilities,
        given=given,
        thresholds=thresholds,
        columns=data.columns,
        annotators=data.annotators,
    )


def scored_rows(model: Model, data: Labelled) -> ScoredRows:
    """The model's answers to labelled paragraphs, which reading has already checked to be scorable."""
    scored, raw = model.score(data.texts), model.backend.scores(data.texts)
    rows = answered_rows(data, scored.given, scored.probabilities, model.decision.thresholds)
    return replace(rows, uncalibrated=(0.5 * (1.0 + np.tanh(0.5 * raw))).astype(np.float32))
