"""Suspect labels as Label Studio tasks, to be re-checked there; `exports.py` reads back what it exports."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

_CONTROL: Final = "labels"  # the name of the question
_OBJECT: Final = "text"  # the name of what is asked about


def label_studio_config(labels: Sequence[str]) -> str:
    """The labelling interface that the tasks are made for, to be pasted into the project's settings."""
    choices = "\n".join(f'    <Choice value="{html.escape(label)}"/>' for label in labels)
    return (
        f'<View>\n  <Text name="{_OBJECT}" value="$text"/>\n  <Header value="$disputed" size="6"/>\n'
        f'  <Choices name="{_CONTROL}" toName="{_OBJECT}" choice="multiple">\n{choices}\n  </Choices>\n</View>\n'
    )


def label_studio_tasks(suspects: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Tasks to import into a Label Studio project, worst row first.

    Args:
        suspects: rows as `suspect_labels` gives them.
        labels: the labels that annotators choose among, in this order.

    Returns:
        One task a row, JSON-able: `data` with `text`, `id`, `group` (where known) and `disputed` (for the annotator to
        read), and the current labels as a prediction, so that they are ticked at the start. A row without labels has
        no prediction, since some versions of Label Studio refuse empty ones. The prediction's score is the row's
        quality, by which Label Studio can order tasks. Exported as «JSON» (not «JSON-MIN», which puts ids of its own
        in place of these), annotated tasks are labelled data under the same ids and groups.
    """
    return [_task(suspect, labels) for suspect in suspects]


def label_studio_bytes(suspects: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> bytes:
    """The tasks as the file that Label Studio imports."""
    tasks = label_studio_tasks(suspects, labels)
    return (json.dumps(tasks, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _task(suspect: Mapping[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    data = {
        "text": suspect["text"],
        "id": suspect["id"],
        "disputed": "; ".join(
            f"{item['label']}: {'given' if item['given'] else 'not given'}, the model says {item['probability']:.0%}"
            for item in suspect["disputed"]
        ),
    }
    if suspect.get("group") is not None:
        data["group"] = suspect["group"]
    chosen = [label for label in labels if label in suspect["labels"]]
    result = {"from_name": _CONTROL, "to_name": _OBJECT, "type": "choices", "value": {"choices": chosen}}
    prediction = {"model_version": "current labels", "score": suspect["quality"], "result": [result]}
    return {"data": data, "predictions": [prediction] if chosen else []}
