"""What strangers stumbled over in their first minutes with the program."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from classifier.errors import DataError
from classifier.labelled import Labelled, read_labelled
from classifier.predictor import Model, load_model
from classifier.seeds import default_scheme
from training import TrainingConfig, train

Stance = Callable[..., tuple[int, str, str]]
ROWS = [{"text": f"The {thing} closed early and nobody said why."} for thing in ("pool", "library", "ferry", "school")]


def written(tmp_path: Path, labels: list[list[str]]) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({**row, "labels": given}) for row, given in zip(ROWS, labels, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_one_text_in_place_of_a_list_is_refused(model: Model) -> None:
    with pytest.raises(TypeError, match="put it in a list"):
        model.predict("They only publish this to get clicks.")


def test_jsonl_taken_for_plain_text_is_refused_with_the_remedy(
    stance: Stance, model_directory: Path, tmp_path: Path
) -> None:
    path = tmp_path / "export.txt"
    path.write_text('{"text": "Nobody said why."}\n', encoding="utf-8")
    code, _, told = stance("classify", path, "-o", tmp_path / "out.csv", "--model", model_directory)
    assert code == 2
    assert "--input-format jsonl" in told


def test_gzip_under_another_name_is_named(stance: Stance, model_directory: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(b"\x1f\x8b\x08\x00rest")
    assert "gzip" in stance("classify", path, "-o", tmp_path / "out.csv", "--model", model_directory)[2]


def test_labels_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="differ in case only"):
        read_labelled([written(tmp_path, [["anger"], ["Anger"], [], []])], default=default_scheme())


def test_the_standard_labels_in_another_case_are_no_scheme_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'sympathy'"):
        read_labelled([written(tmp_path, [["Sympathy"], [], [], []])], default=default_scheme())


def test_labels_run_together_are_told_to_be_separated(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="separate labels with a semicolon"):
        read_labelled([written(tmp_path, [["sympathy, cynicism"], ["cynicism"], [], []])], default=default_scheme())


def test_the_demonstration_leaves_the_files_of_others_alone(stance: Stance, tmp_path: Path) -> None:
    (tmp_path / "comments.csv").write_text("mine", encoding="utf-8")
    code, _, told = stance("demo", "-o", tmp_path)
    assert code == 4
    assert "name another place" in told
    assert (tmp_path / "comments.csv").read_text(encoding="utf-8") == "mine"


def test_an_output_whose_ending_contradicts_its_format_is_refused(
    stance: Stance, model_directory: Path, tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    path.write_text("text\nNobody said why.\n", encoding="utf-8")
    line = ("classify", path, "-o", tmp_path / "out.csv", "--output-format", "jsonl", "--model", model_directory)
    assert stance(*line)[0] == 2


def test_a_trained_result_saves_itself(labelled: Labelled, tmp_path: Path) -> None:
    result = train(labelled, TrainingConfig(char_ngrams=(2, 2), C=(1.0,), cv=2))
    assert result.save(tmp_path / "m") == load_model(tmp_path / "m").digest


def test_training_lists_its_suspect_labels_for_label_studio(
    stance: Stance, labelled_file: Path, tmp_path: Path
) -> None:
    config = tmp_path / "quick.toml"
    config.write_text("char_ngrams = [2, 2]\nC = [1.0]\ncv = 2\n", encoding="utf-8")
    suspects = tmp_path / "suspects.json"
    line = ("train", labelled_file, "-o", tmp_path / "m", "--config", config, "--suspects", suspects)
    assert stance(*line)[0] == 0
    tasks = json.loads(suspects.read_text(encoding="utf-8"))
    assert tasks
    assert all(task["data"]["disputed"] for task in tasks)
