"""Using a model: `from classifier import load_model`. Imports no training or evaluation code, and needs no torch."""

from typing import TYPE_CHECKING, Any

from classifier.lazy import resolve_name

if TYPE_CHECKING:
    from classifier.labels import Label, LabelScheme
    from classifier.predictor import Explanation, Model, load_model
    from classifier.records import Prediction

__all__ = ["Explanation", "Label", "LabelScheme", "Model", "Prediction", "load_model"]

_HOMES = {
    "Explanation": "classifier.predictor",
    "Label": "classifier.labels",
    "LabelScheme": "classifier.labels",
    "Model": "classifier.predictor",
    "Prediction": "classifier.records",
    "load_model": "classifier.predictor",
}


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562), so that the command line starts fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'classifier' has no attribute {name!r}")
    return resolve_name(f"{_HOMES[name]}:{name}")
