"""Exports of annotation tools (Label Studio, doccano, Argilla), read as they are: each row made flat."""

from typing import Any


def flatten(row: dict[str, Any], text_column: str) -> tuple[dict[str, Any], str | None]:
    """The row in this project's form, and the name of the tool whose form it was in (None: it was flat already)."""
    if isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list):
        return _label_studio(row, text_column), "Label Studio"
    if isinstance(row.get("fields"), dict) and isinstance(row.get("responses"), dict | list):
        return _argilla(row, text_column), "Argilla"
    if isinstance(row.get("label"), list) and "labels" not in row and all(isinstance(x, str) for x in row["label"]):
        return {**{k: v for k, v in row.items() if k != "label"}, "labels": row["label"]}, "doccano"
    return row, None


def _label_studio(row: dict[str, Any], text_column: str) -> dict[str, Any]:
    """A task with its annotations; every annotation that was not cancelled is one annotator's vote."""
    votes = []
    for annotation in row["annotations"]:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        values = [item.get("value") for item in annotation.get("result") or [] if isinstance(item, dict)]
        votes.append([label for value in values if isinstance(value, dict) for label in value.get("choices") or []])
    flat = {"id": row.get("id"), **row["data"]}
    flat.setdefault(text_column, None)
    return {**flat, "votes": votes or None}


def _argilla(row: dict[str, Any], text_column: str) -> dict[str, Any]:
    """A record whose first question with list or string answers holds the labels, an answer an annotator."""
    responses = row["responses"]
    answers: list[Any] = []
    if isinstance(responses, dict):  # version 2: {question: [{"value": …, "user_id": …}]}
        answers = next((given for given in responses.values() if isinstance(given, list) and given), [])
        values = [answer.get("value") for answer in answers if isinstance(answer, dict)]
    else:  # version 1: [{"values": {question: {"value": …}}}]
        questions = [list((answer.get("values") or {}).values()) for answer in responses if isinstance(answer, dict)]
        values = [given[0].get("value") for given in questions if given and isinstance(given[0], dict)]
    votes = [value if isinstance(value, list) else [value] for value in values if value is not None]
    flat = {"id": row.get("id"), **(row.get("metadata") or {}), **row["fields"]}
    flat.setdefault(text_column, None)
    return {**flat, "votes": votes or None}
