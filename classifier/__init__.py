"""Using a model: `from classifier import load_model`. Imports no training or evaluation code, and needs no torch."""

from typing import TYPE_CHECKING

from classifier.lazy import lazy_attributes

if TYPE_CHECKING:
    from classifier.labels import Label, LabelScheme
    from classifier.predictor import Explanation, Model, load_model
    from classifier.records import Prediction

__all__ = ["Explanation", "Label", "LabelScheme", "Model", "Prediction", "load_model"]

__getattr__ = lazy_attributes(
    __name__,
    {
        "Explanation": "classifier.predictor",
        "Label": "classifier.labels",
        "LabelScheme": "classifier.labels",
        "Model": "classifier.predictor",
        "Prediction": "classifier.records",
        "load_model": "classifier.predictor",
    },
)
