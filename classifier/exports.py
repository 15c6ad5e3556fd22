"""Exports of annotation tools (Label Studio, doccano, Argilla), read as they are: each row made flat."""

from collections.abc import Iterator
from typing import Any, Final

_RESPONSES: Final = ".responses"  # Argilla's columns when a dataset is exported flat


def flatten(row: dict[str, Any], labels_column: str = "labels") -> tuple[dict[str, Any], str | None]:
    """The row in this project's form, and the name of the tool whose form it was in (None: it was flat already).

    Votes are None where nobody has annotated the row. Known are Label Studio's «JSON», doccano's JSONL and CSV, and
    Argilla's records and flat datasets; Label Studio's flat forms name their own column, see `parse_labels`.
    """
    if isinstance(row.get("data"), dict) and isinstance(row.get("annotations"), list):
        flat = {"id": row.get("id"), **row["data"]}
        return {**flat, "votes": list(_label_studio_votes(row["annotations"])) or None}, "Label Studio"
    if isinstance(row.get("fields"), dict) and isinstance(row.get("responses"), dict | list):
        metadata = row["metadata"] if isinstance(row.get("metadata"), dict) else {}
        flat = {"id": row.get("id"), **metadata, **row["fields"]}
        return {**flat, "votes": list(_argilla_votes(row["responses"])) or None}, "Argilla"
    return (row, None) if {"labels", "votes", labels_column} & row.keys() else _flat_export(row)


def _flat_export(row: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Exports that are flat already, under other names."""
    label = row.get("label")
    if isinstance(label, str) and "Comments" in row:
        label = label.split("#") if label else []
    if isinstance(label, list) and all(isinstance(name, str) for name in label):
        return {**{key: value for key, value in row.items() if key != "label"}, "labels": label}, "doccano"
    question = next((name for name in row if name.endswith(_RESPONSES)), None)
    if question is None:
        return row, None
    answers = row[question] if isinstance(row[question], list) else []
    return {**row, "votes": [_listed(answer) for answer in answers if answer is not None] or None}, "Argilla"


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _label_studio_votes(annotations: list[Any]) -> Iterator[list[str]]:
    """Every annotation that was not cancelled is one annotator's vote."""
    for annotation in annotations:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        results = annotation.get("result")
        values = [item.get("value") for item in results if isinstance(item, dict)] if isinstance(results, list) else []
        chosen = [value.get("choices") for value in values if isinstance(value, dict)]
        yield [name for choices in chosen if isinstance(choices, list) for name in choices if isinstance(name, str)]


def _argilla_votes(responses: dict[str, Any] | list[Any]) -> Iterator[Any]:
    """The answers to the first question that has any, one an annotator."""
    if isinstance(responses, dict):  # version 2: {question: [{"value": …, "user_id": …}]}
        answers = next((given for given in responses.values() if isinstance(given, list) and given), [])
    else:  # version 1: [{"values": {question: {"value": …}}}]
        values = [answer.get("values") for answer in responses if isinstance(answer, dict)]
        answers = [next(iter(given.values()), None) for given in values if isinstance(given, dict)]
    for answer in answers:
        if isinstance(answer, dict) and answer.get("value") is not None:
            yield _listed(answer["value"])
