"""Evaluation: how good a model is on labelled paragraphs, how sure that is, and a report of it."""

from eval.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
