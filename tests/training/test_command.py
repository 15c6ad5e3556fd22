"""`stance train` on the command line: settings, refusals that destroy nothing, and labels of one's own end to end."""

import csv
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from classifier.predictor import load_model
from training import TrainingConfig

FAST = 'char_ngrams = [2, 3]\nC = [1.0]\ncv = 3\nobjective = "recall>=0.7"\n'
Stance = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "fast.toml"
    path.write_text(FAST, encoding="utf-8")
    return path


PRAISE = ["The rye loaf was wonderful", "Lovely buns and a kind word", "Best croissant in town"]
COMPLAINT = ["I waited half an hour", "The bread was stale again", "Far too expensive for a roll"]
NEITHER = ["opens", "seven", "monday", "corner", "market", "window", "shelf", "oven", "till", "queue", "dog", "door"]


@pytest.fixture
def comments(tmp_path: Path) -> Path:
    """Comments on a bakery with labels of its owner's own; four a day, no two alike."""
    path, random = tmp_path / "comments.csv", np.random.default_rng(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["nr", "text", "labels", "group", "praise", "complaint"])
        for k in range(60):
            good, bad = k % 2 == 0, k % 3 == 0
            parts = [PRAISE[k // 2 % 3]] * good + [COMPLAINT[k // 3 % 3]] * bad
            text = " ".join([*(f"{part}." for part in parts), *random.permutation(NEITHER)])
            names = ";".join(["praise"] * good + ["complaint"] * bad)
            writer.writerow([k, text, names, f"day {k // 4}", int(good), int(bad)])
    return path


def files_of(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_print_config_prints_every_setting_as_toml_and_trains_nothing(stance: Stance, tmp_path: Path) -> None:
    code, out, error = stance("train", "--print-config")
    assert (code, out, error) == (0, TrainingConfig().to_toml(), "")
    assert set(tomllib.loads(out)) == set(TrainingConfig.__dataclass_fields__)


def test_print_config_with_a_file_shows_what_would_be_used(stance: Stance, config: Path) -> None:
    code, out, _ = stance("train", "--config", config, "--print-config")
    assert code == 0
    assert tomllib.loads(out)["objective"] == "recall>=0.7"
    assert tomllib.loads(out)["word_ngrams"] == [1, 2]


def test_the_configuration_of_the_file_is_used_and_recorded(
    stance: Stance, labelled_file: Path, config: Path, tmp_path: Path
) -> None:
    code, out, error = stance("train", labelled_file, "-o", tmp_path / "model", "--config", config, "--n-jobs", 1)
    assert (code, out) == (0, "")
    made = load_model(tmp_path / "model").manifest["provenance"]
    assert made["config"] == tomllib.loads(TrainingConfig.from_toml(config).to_toml())
    assert all(figure["value"] >= 0.7 for figure in made["held_out"]["per_label"]["recall"])
    for said in ("600 rows, 4 labels", "C = 1 ", "cynicism", "macro-F1", f"stance classify FILE --model {tmp_path}"):
        assert said in error
    code, out, error = stance(
        "train", labelled_file, "-o", tmp_path / "silent", "--config", config, "--n-jobs", 1, "--quiet"
    )
    assert (code, out, error) == (0, "", "")
    assert files_of(tmp_path / "silent") == files_of(tmp_path / "model")


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [("minimal_df = 2\n", "unknown setting 'minimal_df'"), ("cv = 1\n", "cv = 1"), ("cv = [\n", "cannot be read")],
)
def test_unknown_and_unusable_settings_are_usage_errors_and_nothing_is_written(
    settings: str, complaint: str, stance: Stance, labelled_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(settings, encoding="utf-8")
    code, _, error = stance("train", labelled_file, "-o", tmp_path / "model", "--config", path)
    assert code == 2
    assert complaint in error
    assert error.startswith("stance train: ")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["DATA"], "-o MODEL"),
        (["-o", "MODEL"], "stance train DATA -o MODEL"),
        (["DATA", "-o", "MODEL", "--n-jobs", "0"], "--n-jobs 0"),
        (["DATA", "-o", "MODEL", "--kind", "magic"], "--kind"),
        (["DATA", "-o", "MODEL", "--epochs", "3"], "--epochs"),
        (["DATA", "-o", "MODEL", "--config", "nowhere.toml"], "nowhere.toml"),
        (["nowhere.jsonl", "-o", "MODEL"], "nowhere.jsonl"),
        (["DATA", "-o", "MODEL", "--label-columns", "praise"], "'praise'"),
        (["DATA", "-o", "MODEL", "--labels", "sympathy,sympathy"], "twice"),
    ],
)
def test_wrong_arguments_are_usage_errors_that_name_them(
    arguments: list[str], complaint: str, stance: Stance, labelled_file: Path, tmp_path: Path
) -> None:
    places = {"DATA": labelled_file, "MODEL": tmp_path / "model"}
    code, _, error = stance("train", *(places.get(argument, argument) for argument in arguments))
    assert code == 2
    assert complaint in error
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def old_model(stance: Stance, comments: Path, config: Path, tmp_path: Path) -> Path:
    line = (comments, "-o", tmp_path / "model", "--config", config, "--labels", "complaint,praise", "--n-jobs", 1)
    assert stance("train", *line)[0] == 0
    return tmp_path / "model"


def test_an_existing_model_is_kept_until_overwrite_is_said(
    stance: Stance, comments: Path, config: Path, old_model: Path
) -> None:
    before = files_of(old_model)
    line = ("train", comments, "-o", old_model, "--config", config, "--labels", "praise,complaint", "--n-jobs", 1)
    code, _, error = stance(*line)
    assert code == 4
    assert "--overwrite" in error
    assert files_of(old_model) == before
    assert stance(*line, "--overwrite")[0] == 0
    assert load_model(old_model).labels == ("praise", "complaint")
    assert [path.name for path in old_model.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    "kept",
    [
        "place",
        "place/thesis.txt",
        "place/manifest.json",
    ],
)
def test_what_is_no_model_is_never_replaced(
    kept: str, stance: Stance, comments: Path, config: Path, tmp_path: Path
) -> None:
    path = tmp_path / kept
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"name": "years of work on a web application"}', encoding="utf-8")
    line = ("train", comments, "-o", tmp_path / "place", "--config", config, "--overwrite", "--n-jobs", 1)
    code, _, error = stance(*line)
    assert path.is_file()
    assert "years of work" in path.read_text(encoding="utf-8")
    assert code == 4
    assert "no model" in error


def test_files_of_others_in_a_model_directory_survive_its_replacement(
    stance: Stance, comments: Path, config: Path, old_model: Path
) -> None:
    (old_model / "my notes.txt").write_text("the threshold of praise needs a look", encoding="utf-8")
    code, _, _ = stance("train", comments, "-o", old_model, "--config", config, "--overwrite", "--n-jobs", 1)
    assert (old_model / "my notes.txt").is_file()
    assert code in (0, 4)


def test_an_empty_directory_may_be_filled_with_overwrite(
    stance: Stance, comments: Path, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "place").mkdir()
    line = ("train", comments, "-o", tmp_path / "place", "--config", config, "--n-jobs", 1)
    assert stance(*line)[0] == 4
    assert stance(*line, "--overwrite")[0] == 0
    assert (tmp_path / "place" / "manifest.json").is_file()


def test_data_that_cannot_be_learnt_from_leaves_nothing_behind_and_the_old_model_in_place(
    stance: Stance, config: Path, old_model: Path, tmp_path: Path
) -> None:
    before, poor = files_of(old_model), tmp_path / "poor.csv"
    poor.write_text("text,labels\nOne bun.,praise\nTwo buns.,\n", encoding="utf-8")
    code, _, error = stance("train", poor, "-o", old_model, "--config", config, "--overwrite", "--n-jobs", 1)
    assert code == 2
    assert "'praise' stands on 1 of 2 rows" in error
    assert files_of(old_model) == before


def test_own_labels_are_trained_evaluated_and_given_end_to_end(
    stance: Stance, comments: Path, old_model: Path, tmp_path: Path
) -> None:
    code, _, error = stance("classify", comments, "-o", tmp_path / "out.csv", "--model", old_model, "--prefix", "m_")
    assert code == 0, error
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    added = [name for name in rows[0] if name.startswith("m_")]
    assert added == ["m_labels", "m_score_complaint", "m_score_praise", "m_status", "m_reason"]
    right = [set(row["m_labels"].split(";")) == set(row["labels"].split(";")) for row in rows]
    assert sum(right) > 50
    assert stance("eval", old_model, comments, "-o", tmp_path / "report", "--allow-overlap")[0] == 0
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert list(metrics["per_label"]) == ["complaint", "praise"]
    assert "sympathy" not in (old_model / "manifest.json").read_text(encoding="utf-8")


def test_own_labels_are_taken_from_columns_and_from_a_scheme_file_with_definitions(
    stance: Stance, comments: Path, config: Path, tmp_path: Path
) -> None:
    scheme = tmp_path / "bakery.toml"
    labels = [f'[[labels]]\nname = "{name}"\ndefinition = "A {name} in words."\n' for name in ("praise", "complaint")]
    scheme.write_text('name = "bakery"\n' + "".join(labels), encoding="utf-8")
    options = ("--label-columns", "praise,complaint", "--labels", scheme, "--id-column", "nr", "--config", config)
    code, _, error = stance("train", comments, "-o", tmp_path / "model", *options, "--n-jobs", 1)
    assert code == 0, error
    assert "from a column a label, 15 groups" in error
    code, out, _ = stance("labels", "--model", tmp_path / "model")
    assert (code, out) == (0, "praise\n    A praise in words.\ncomplaint\n    A complaint in words.\n")


def test_a_label_outside_the_named_ones_is_an_error_with_its_row_and_the_nearest(
    stance: Stance, comments: Path, tmp_path: Path
) -> None:
    code, _, error = stance("train", comments, "-o", tmp_path / "model", "--labels", "prase,complaint")
    assert code == 2
    assert "comments.csv, row 1: unknown label 'praise': did you mean 'prase'?" in error


def test_auxiliary_data_is_recorded_apart(stance: Stance, comments: Path, config: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    row = {"text": "The cake was dry and the coffee cold.", "labels": ["complaint"]}
    more.write_text(json.dumps(row) + "\n", encoding="utf-8")
    line = ("train", comments, "--auxiliary", more, "-o", tmp_path / "model", "--config", config, "--n-jobs", 1)
    assert stance(*line)[0] == 0
    made = load_model(tmp_path / "model").manifest["provenance"]
    assert made["rows"] == 60
    assert made["auxiliary"].startswith("1 rows, 2 labels")
    assert [source["name"] for source in made["data"]] == ["comments.csv", "more.jsonl"]
