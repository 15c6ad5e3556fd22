"""Training: from labelled paragraphs to a model directory."""

from training.config import TrainingConfig
from training.linear import LinearTextClassifier
from training.train import train, train_to

__all__ = ["LinearTextClassifier", "TrainingConfig", "train", "train_to"]
