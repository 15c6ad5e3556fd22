"""A loaded model: texts in, labels and calibrated probabilities out, the same from Python as from the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.backends import Backend
from classifier.bundle import Bundle, load_bundle
from classifier.decision import Decision
from classifier.errors import ModelError
from classifier.files import exists
from classifier.fingerprints import Fingerprints
from classifier.labels import LabelScheme
from classifier.records import Prediction
from classifier.shipped import DEFAULT, shipped_model
from classifier.text import DEFAULT_MAX_CHARS, Status, assess


@dataclass(frozen=True, eq=False)
class Scored:
    """What a model says of n values of a text column.

    Attributes:
        statuses, reasons: of each value; the reason is None where the status is `ok`.
        probabilities: NaN where the status is not `ok`. Shape: (n, n_labels), float32.
        given: which labels are given. Shape: (n, n_labels), bool.
        unfamiliar: whether the text seems to be in a language the model does not know. Shape: (n,), bool.
    """

    statuses: list[Status]
    reasons: list[str | None]
    probabilities: npt.NDArray[np.float32]
    given: npt.NDArray[np.bool_]
    unfamiliar: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.statuses)


_PUNCTUATION = " \t\r\n.,;:!?\"'()[]{}«»„“”‘’…-–—*_/"


def word_key(word: str) -> str:
    """A word without the punctuation around it and without case: what counts as the same word in explanations."""
    return word.strip(_PUNCTUATION).lower() or word


@dataclass(frozen=True, eq=False)
class Explanation:
    """How the words of a text add up to each label's score.

    Attributes:
        words: the text's white-space delimited words.
        contributions: on the logit scale of the probabilities. Shape: (n_words, n_labels), float64.
        base: the logit of a text without known words. Shape: (n_labels,), float64.
    """

    labels: tuple[str, ...]
    words: list[str]
    contributions: npt.NDArray[np.float64]
    base: npt.NDArray[np.float64]

    def strongest(self, label: str, n: int = 5, against: bool = False) -> list[tuple[str, float]]:
        """The words that spoke most for a label (or against it), occurrences of a word added up, strongest first."""
        column = self.labels.index(label)
        totals: dict[str, float] = {}
        for word, value in zip(self.words, self.contributions[:, column].tolist(), strict=True):
            key = word_key(word)
            totals[key] = totals.get(key, 0.0) + value
        sign = -1 if against else 1
        ranked = sorted(totals.items(), key=lambda item: (-sign * item[1], item[0]))
        return [(word, value) for word, value in ranked[:n] if sign * value > 0.01]


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model.

    Attributes:
        scheme: its labels; every matrix has one column each, in this order.
        digest: SHA-256 that identifies the model, weights and thresholds as they were saved.
        manifest: everything its directory says of it.
    """

    scheme: LabelScheme
    decision: Decision
    fingerprints: Fingerprints = field(repr=False)
    digest: str
    manifest: Mapping[str, Any] = field(repr=False)
    backend: Backend = field(repr=False)

    @classmethod
    def from_bundle(cls, bundle: Bundle, manifest: Mapping[str, Any]) -> "Model":
        return cls(
            bundle.scheme, bundle.decision, bundle.fingerprints, str(manifest["digest"]), manifest, bundle.backend
        )

    def __eq__(self, other: object) -> bool:
        """Models are equal where they were saved as the same and decide the same."""
        if not isinstance(other, Model):
            return NotImplemented
        return (self.digest, self.decision) == (other.digest, other.decision)

    def __hash__(self) -> int:
        return hash((self.digest, self.decision))

    @property
    def labels(self) -> tuple[str, ...]:
        return self.scheme.names

    @property
    def thresholds(self) -> dict[str, float]:
        """The probability from which each label is given."""
        return dict(zip(self.labels, self.decision.thresholds, strict=True))

    def with_thresholds(self, thresholds: Mapping[str, float]) -> "Model":
        """The same model with other thresholds for some labels.

        Raises:
            UsageError: if a threshold lies outside 0 to 1.
            DataError: if a label is unknown.
        """
        return replace(self, decision=self.decision.with_thresholds(self.scheme, thresholds))

    def score(self, values: Sequence[object], max_chars: int = DEFAULT_MAX_CHARS) -> Scored:
        """Score the values of a text column, good and bad; nothing is dropped, and bad ones get no label."""
        if isinstance(values, str):
            raise TypeError("texts must be a sequence of texts, not one text: put it in a list")
        assessed = [assess(value, max_chars) for value in values]
        good = [k for k, (status, _) in enumerate(assessed) if status == "ok"]
        texts = [str(values[k]) for k in good]
        probabilities = np.full((len(values), len(self.scheme)), np.nan, np.float32)
        probabilities[good] = self.decision.probabilities(self.backend.scores(texts))
        unfamiliar = np.zeros(len(values), bool)
        unfamiliar[good] = self.backend.unfamiliar(texts)
        statuses, reasons = [status for status, _ in assessed], [reason for _, reason in assessed]
        return Scored(statuses, reasons, probabilities, self.decision.decide(probabilities), unfamiliar)

    def predict(self, texts: Sequence[object], max_chars: int = DEFAULT_MAX_CHARS) -> list[Prediction]:
        """Labels, probabilities and status of each text."""
        scored = self.score(texts, max_chars)
        return [
            Prediction(
                labels=tuple(
                    label for label, given in zip(self.labels, scored.given[k].tolist(), strict=True) if given
                ),
                scores=dict(zip(self.labels, scored.probabilities[k].tolist(), strict=True)) if status == "ok" else {},
                status=status,
                reason=scored.reasons[k],
            )
            for k, status in enumerate(scored.statuses)
        ]

    def predict_proba(self, texts: Sequence[object]) -> npt.NDArray[np.float32]:
        """Calibrated probabilities. Shape: (n_texts, n_labels), float32; NaN rows for texts that cannot be scored."""
        return self.score(texts).probabilities

    def explain(self, text: str) -> Explanation:
        """What each word of a text adds to each label's logit."""
        slope = np.asarray(self.decision.slope)
        contributions = self.backend.evidence(text) * slope
        total = self.backend.scores([text])[0].astype(np.float64) * slope + np.asarray(self.decision.intercept)
        return Explanation(self.labels, text.split(), contributions, total - contributions.sum(axis=0))


def load_model(name: str | Path = DEFAULT) -> Model:
    """Load a model directory, or a shipped model by its name.

    Raises:
        ModelError: if it is missing, damaged, foreign, or of a newer format.
    """
    if str(name) != DEFAULT or exists(Path(name)):
        return Model.from_bundle(*load_bundle(Path(name)))
    try:
        return Model.from_bundle(*load_bundle(shipped_model(DEFAULT)))
    except ModelError:  # a damaged cache is made again, once
        return Model.from_bundle(*load_bundle(shipped_model(DEFAULT, again=True)))
