"""Suspects go to Label Studio and come back as training data: ids, groups and the annotators' labels survive."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from classifier.label_studio import label_studio_config, label_studio_tasks
from classifier.labelled import Labelled, read_labelled
from classifier.predictor import Model
from classifier.suspects import suspect_labels
from training import TrainingConfig, train

SUSPECT = {
    "id": "c-7",
    "group": "thread 1",
    "text": "Poor souls, all of them.",
    "labels": ["cynicism", "sympathy"],
    "quality": 0.1,
    "method": "cleanlab",
    "disputed": [
        {"label": "cynicism", "given": True, "probability": 0.031, "method": "cleanlab"},
        {"label": "skepticism", "given": False, "probability": 0.9, "method": "cleanlab"},
    ],
}
LABELS = ("sympathy", "cynicism", "skepticism")


def exported(task: dict[str, Any], number: int, *choices: list[str]) -> dict[str, Any]:
    """The task as Label Studio 1.23 exports it (JSON), with an annotation a list of choices."""
    annotations = [
        {
            "id": 100 * number + k,
            "completed_by": k + 1,
            "result": [
                {"from_name": "labels", "to_name": "text", "type": "choices", "value": {"choices": chosen}, "id": "x1"}
            ]
            if chosen
            else [],
            "was_cancelled": False,
            "ground_truth": False,
            "lead_time": 4.2,
            "prediction": task["predictions"][0] if task["predictions"] else {},
            "task": number,
        }
        for k, chosen in enumerate(choices)
    ]
    return {
        "id": number,
        "annotations": annotations,
        "drafts": [],
        "predictions": [number] if task["predictions"] else [],
        "data": task["data"],
        "meta": {},
        "inner_id": number,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "project": 1,
    }


def test_what_annotators_say_of_real_suspects_is_read_back_as_training_data(
    model: Model, labelled: Labelled, tmp_path: Path
) -> None:
    probabilities = model.predict_proba(labelled.texts)
    names, groups = labelled.scheme.names, labelled.groups.tolist()
    suspects = suspect_labels(names, 1 - labelled.hard, probabilities, labelled.ids, labelled.texts, 40, groups=groups)
    answers = [[], [names[0]], [names[2], names[1]], [*names]] * 10
    tasks = json.loads(json.dumps(label_studio_tasks(suspects, names), allow_nan=False))
    pairs = zip(tasks, answers, strict=True)
    export = [exported(task, number, answer) for number, (task, answer) in enumerate(pairs, 1)]
    path = tmp_path / "project-1-export.json"
    path.write_text(json.dumps(export), encoding="utf-8")

    corrected = read_labelled([path], labelled.scheme)

    assert corrected.ids == [suspect["id"] for suspect in suspects]
    assert corrected.texts == [suspect["text"] for suspect in suspects]
    assert corrected.hard.tolist() == [[int(name in answer) for name in names] for answer in answers]
    rows = [labelled.ids.index(row_id) for row_id in corrected.ids]
    assert corrected.groups.tolist() == [groups[row] for row in rows]
    assert "a Label Studio export" in corrected.description
    again = train(corrected, TrainingConfig(char_ngrams=(2, 3), C=(1.0,), cv=2))
    assert again.bundle.scheme == labelled.scheme


def test_several_annotators_of_a_task_become_votes(tmp_path: Path) -> None:
    (task,) = label_studio_tasks([SUSPECT], LABELS)
    path = tmp_path / "export.json"
    path.write_text(json.dumps([exported(task, 1, ["sympathy"], ["sympathy", "cynicism"], [])]), encoding="utf-8")
    read = read_labelled([path])
    assert read.scheme.names == ("cynicism", "sympathy")
    assert (read.hard.tolist(), [len(votes) for votes in read.votes]) == ([[0, 1]], [3])
    assert np.allclose(read.soft, [[1 / 3, 2 / 3]])


def test_the_current_labels_are_ticked_and_the_disputed_ones_spelt_out() -> None:
    (task,) = label_studio_tasks([SUSPECT], LABELS)
    assert task["data"] == {
        "text": "Poor souls, all of them.",
        "id": "c-7",
        "disputed": "cynicism: given, the model says 3%; skepticism: not given, the model says 90%",
        "group": "thread 1",
    }
    (prediction,) = task["predictions"]
    assert prediction["score"] == 0.1
    assert prediction["result"] == [
        {"from_name": "labels", "to_name": "text", "type": "choices", "value": {"choices": ["sympathy", "cynicism"]}}
    ]


def test_a_row_without_labels_or_group_has_no_prediction_and_no_made_up_group() -> None:
    (task,) = label_studio_tasks([{**SUSPECT, "labels": [], "group": None}], LABELS)
    assert task["predictions"] == []
    assert sorted(task["data"]) == ["disputed", "id", "text"]


def test_the_interface_asks_for_the_very_names_that_the_tasks_use() -> None:
    labels = ("sympathy", "R&D <hype>")
    view = ElementTree.fromstring(label_studio_config(labels))
    text, choices = view.find("Text"), view.find("Choices")
    assert text is not None
    assert choices is not None
    assert [choice.get("value") for choice in choices] == list(labels)
    (task,) = label_studio_tasks([SUSPECT], LABELS)
    result = task["predictions"][0]["result"][0]
    assert (choices.get("name"), choices.get("toName")) == (result["from_name"], result["to_name"])
    assert text.get("name") == result["to_name"]
    assert text.get("value") == "$text"
