"""Backends: texts in, raw scores out. Each kind of model is one file here."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


class Backend(Protocol):
    """What every kind of model offers. Raw scores are logits before calibration."""

    def scores(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Raw scores. Shape: (n_texts, n_labels), float32; a text's scores do not depend on its neighbours."""
        ...

    def unfamiliar(self, texts: list[str]) -> npt.NDArray[np.bool_]:
        """Whether so few of a text's words are known that it must be in another language. Shape: (n_texts,), bool."""
        ...

    def evidence(self, text: str) -> npt.NDArray[np.float64]:
        """What each white-space delimited word adds to each raw score. Shape: (n_words, n_labels), float64."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The `backend` entry of the manifest."""
        ...

    def files(self) -> dict[str, bytes]:
        """The files of the model directory that hold the weights."""
        ...
