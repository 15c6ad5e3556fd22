"""Evaluation: how good a model is on labelled paragraphs, how sure that is, and a report of it."""

from typing import TYPE_CHECKING

from classifier.lazy import lazy_attributes

if TYPE_CHECKING:
    from eval.compare import compare
    from eval.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "compare", "evaluate"]

__getattr__ = lazy_attributes(
    __name__, {"Evaluation": "eval.evaluation", "compare": "eval.compare", "evaluate": "eval.evaluation"}
)
