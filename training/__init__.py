"""Training: from labelled paragraphs to a model directory."""

from typing import TYPE_CHECKING

from classifier.lazy import lazy_attributes

if TYPE_CHECKING:
    from training.config import TrainingConfig
    from training.fitting import TrainingResult, train
    from training.linear import LinearTextClassifier

__all__ = ["LinearTextClassifier", "TrainingConfig", "TrainingResult", "train"]

__getattr__ = lazy_attributes(
    __name__,
    {
        "LinearTextClassifier": "training.linear",
        "TrainingConfig": "training.config",
        "TrainingResult": "training.fitting",
        "train": "training.fitting",
    },
)
