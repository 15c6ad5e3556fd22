"""Training tells what is odd in the data, keeps the machine out of the model, and is repeatable to the byte."""

import json
import platform
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.errors import DataError
from classifier.labelled import Labelled, read_labelled
from classifier.labels import LabelScheme
from classifier.measures import evaluate_predictions
from classifier.seeds import default_scheme
from training import TrainingConfig, TrainingResult, train

CONFIG = TrainingConfig(char_ngrams=(2, 3), C=(1.0,), cv=3)
Rows = list[dict[str, Any]]
Read = Callable[[Rows], Labelled]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_rows(rows: Rows) -> Labelled:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return read_labelled([path], default=default_scheme())

    return read_rows


@pytest.fixture(scope="module")
def result(labelled: Labelled) -> TrainingResult:
    return train(labelled, CONFIG)


def alike(text: str) -> str:
    """Nearly the same text: another last word, in capitals."""
    return " ".join([*text.split()[:-1], "indeed"]).upper()


def long_rows(rows: Rows) -> Rows:
    return [row for row in rows if len(row["text"].split()) > 30]


def test_near_duplicates_across_groups_are_reported_and_kept_in_one_fold(seed_rows: Rows, read: Read) -> None:
    originals = long_rows(seed_rows)[:8]
    copies = [
        {**row, "id": f"copy-{k}", "group": f"elsewhere-{k}", "text": alike(row["text"])}
        for k, row in enumerate(originals)
    ]
    data = read([*seed_rows[:150], *copies])
    outcome = train(data, CONFIG)
    fold = dict(zip(data.ids, outcome.estimator.folds_.tolist(), strict=True))
    for k, row in enumerate(originals):
        assert fold[row["id"]] == fold[f"copy-{k}"]
    note = next(note for note in outcome.notes if "in different groups" in note)
    assert note.startswith("8 pairs")
    assert f"{originals[0]['id']} and copy-0" in note
    assert note.endswith("and 3 more.")
    assert len(set(fold.values())) == 3
    assert not [note for note in outcome.notes if "different labels" in note]


def test_duplicates_with_conflicting_labels_are_listed_and_others_are_not(seed_rows: Rows, read: Read) -> None:
    sad = next(row for row in long_rows(seed_rows) if row["labels"] == ["sympathy"])
    same = next(row for row in long_rows(seed_rows) if row["labels"] == ["cynicism"])
    rows = [
        {**sad, "id": "without-sympathy", "labels": [], "votes": [[], []]},
        {**same, "id": "same-again", "text": alike(same["text"])},
    ]
    base = [*seed_rows[:100], *(row for row in (sad, same) if row not in seed_rows[:100])]
    notes = train(read([*base, *rows]), CONFIG).notes
    assert len(notes) == 1, notes
    assert notes[0].startswith("1 pairs of equal or nearly equal paragraphs have different labels")
    assert f"{sad['id']} and without-sympathy" in notes[0]
    assert "same-again" not in notes[0]


def test_clean_data_gives_no_note(seed_rows: Rows, read: Read) -> None:
    assert train(read(seed_rows[:100]), CONFIG).notes == []


def test_left_out_rows_are_named_with_file_and_row_and_the_rest_is_counted(seed_rows: Rows, read: Read) -> None:
    blank = [{"id": f"blank-{k}", "text": " \t" if k else None, "labels": []} for k in range(7)]
    data = read([*seed_rows[:60], *blank, *seed_rows[60:100]])
    notes = train(data, CONFIG).notes
    assert len(data) == 100
    assert len(notes) == 1
    assert "rows.jsonl, row 61: the text is missing." in notes[0]
    assert "rows.jsonl, row 62: the text is blank." in notes[0]
    assert notes[0].endswith("and 2 more")


def test_a_label_with_too_few_rows_is_named(seed_rows: Rows, read: Read) -> None:
    kept = [row for row in seed_rows if "conspiracy" not in row["labels"]][:80]
    rare = [row for row in seed_rows if "conspiracy" in row["labels"]][:3]
    with pytest.raises(DataError, match="'conspiracy' stands on 3 of 83 rows: at least 4"):
        train(read([*kept, *rare]), CONFIG)


def test_groups_that_only_near_duplicates_link_into_one_are_no_puzzle_to_the_user(read: Read) -> None:
    text = "We waited an hour at the clinic on Harbour Street and nobody told us why, then we were sent home again {}."
    labels = [["sympathy"], ["cynicism"], ["skepticism"], ["conspiracy"]]
    rows = [{"text": text.format(k), "labels": labels[k % 4], "group": f"thread {k // 4}"} for k in range(48)]
    with pytest.raises(DataError, match=r"duplicate|alike|same text"):
        train(read(rows), CONFIG)


def test_held_out_figures_are_those_of_rows_scored_by_the_fold_that_had_not_seen_them(
    result: TrainingResult, labelled: Labelled
) -> None:
    decision = result.estimator.decision_
    probabilities = decision.probabilities(result.estimator.held_out_scores_.astype(np.float32))
    groups = np.unique(labelled.groups, return_inverse=True)[1]
    expected = evaluate_predictions(labelled.hard, probabilities, decision.decide(probabilities), groups)
    assert result.overall == expected[1]
    assert result.per_label == expected[0]
    fitted = result.estimator.predict_proba(labelled.texts)  # texts it has seen: far better, and so not to be shown
    assert evaluate_predictions(labelled.hard, fitted, decision.decide(fitted), groups)[1]["macro_f1"].value > 0.9
    assert result.overall["macro_f1"].value < 0.8


def test_auxiliary_rows_count_for_no_figure(labelled: Labelled, seed_rows: Rows, read: Read) -> None:
    extra = read([{**row, "id": f"extra-{k}", "group": f"extra-{k}"} for k, row in enumerate(seed_rows[100:200])])
    data = read(seed_rows[:100])
    outcome = train(data, CONFIG, auxiliary=extra)
    shares = [interval.value for interval in outcome.per_label["prevalence"]]
    assert shares == pytest.approx(data.hard.mean(axis=0).tolist())
    assert outcome.bundle.provenance["rows"] == 100
    assert outcome.bundle.provenance["auxiliary"] == extra.description
    assert f"Auxiliary, learnt from but not measured on: {extra.description}" in outcome.card
    other = train(data, CONFIG)
    assert outcome.bundle.backend.files() != other.bundle.backend.files()


def test_the_card_counts_the_groups_that_intervals_were_drawn_from(seed_rows: Rows, read: Read) -> None:
    extra = read([{**row, "id": f"extra-{k}", "group": f"extra-{k}"} for k, row in enumerate(seed_rows[100:200])])
    data = read(seed_rows[:100])
    outcome = train(data, CONFIG, auxiliary=extra)
    assert outcome.bundle.provenance["groups"] == data.n_groups
    assert f"bootstrap over\n{data.n_groups} groups" in outcome.card


def test_auxiliary_data_of_another_label_scheme_is_refused(labelled: Labelled, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("text,labels\nThe soup was cold again.,complaint\n", encoding="utf-8")
    other = read_labelled([path], LabelScheme.from_names(["complaint"]))
    with pytest.raises(DataError, match=r"labels differ: sympathy.*and complaint"):
        train(labelled, CONFIG, auxiliary=other)


def test_soft_labels_are_used_only_where_the_configuration_says_so(labelled: Labelled, result: TrainingResult) -> None:
    hard_only = train(labelled, TrainingConfig(char_ngrams=(2, 3), C=(1.0,), cv=3, soft_labels=False))
    assert (labelled.soft != labelled.hard).any()
    assert hard_only.bundle.backend.files() != result.bundle.backend.files()


def test_the_card_shows_every_label_with_its_figures_and_their_intervals(
    result: TrainingResult, labelled: Labelled
) -> None:
    card = result.card
    assert card.startswith("---\nlibrary_name: stance\n")
    assert "language: en\n" in card.split("---")[1]
    for k, label in enumerate(labelled.scheme.labels):
        rows = [line for line in card.splitlines() if line.startswith(f"| {label.name} |")]
        assert len(rows) == 2
        assert label.definition in rows[0]
        assert f"| {labelled.hard[:, k].sum()} |" in rows[0]
        cells = [cell.strip() for cell in rows[1].split("|")[2:-1]]
        names = ("f1", "precision", "recall", "average_precision", "brier")
        assert cells == [str(result.per_label[name][k]) for name in names]
        assert all(re.fullmatch(r"0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)", cell) for cell in cells)
    assert f"macro f1: {result.overall['macro_f1']}" in card
    assert f"bootstrap over\n{labelled.n_groups} groups" in card


def test_a_vertical_bar_in_a_label_name_breaks_no_table_of_the_card() -> None:
    scheme = LabelScheme.from_names(["hot|cold", "late"])
    texts = [f"The tram number {k} was {'freezing' if k % 2 else 'late'} this morning." for k in range(40)]
    hard = np.array([[k % 2, 1 - k % 2] for k in range(40)], np.int8)
    groups = np.array([f"g{k}" for k in range(40)])
    data = Labelled(scheme, groups.tolist(), texts, hard, hard.astype(np.float32), [], groups, "40 rows")
    lines = train(data, CONFIG).card.splitlines()
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith(("| label |", "| hot"))]
    assert len(bars) == 4
    assert bars[0] == bars[1]
    assert bars[2] == bars[3]


@pytest.fixture(scope="module")
def trained_twice(labelled_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same data under the same name in two places, trained with one process and with two."""
    from classifier.cli import main

    config = tmp_path_factory.mktemp("config") / "settings-of-mine.toml"
    config.write_text(CONFIG.to_toml(), encoding="utf-8")
    models = []
    for place, n_jobs in (("first-place", 1), ("second-place", 2)):
        directory = tmp_path_factory.mktemp(place)
        shutil.copy(labelled_file, directory / "labelled.jsonl")
        models.append(directory / f"model-of-{place}")
        line = [directory / "labelled.jsonl", "-o", models[-1], "--config", config, "--n-jobs", n_jobs, "--quiet"]
        assert main(["train", *map(str, line)]) == 0
    return models[0], models[1]


def test_training_twice_gives_byte_identical_directories(trained_twice: tuple[Path, Path]) -> None:
    contents = [{file.name: file.read_bytes() for file in model.iterdir()} for model in trained_twice]
    assert contents[0] == contents[1]
    assert sorted(contents[0]) == [
        "README.md", "fingerprints.safetensors", "manifest.json", "vocabulary.json", "weights.safetensors",
    ]  # fmt: skip


def test_nothing_in_the_model_tells_of_path_host_user_time_or_number_of_jobs(trained_twice: tuple[Path, Path]) -> None:
    text = "".join((trained_twice[0] / name).read_text(encoding="utf-8") for name in ("manifest.json", "README.md"))
    manifest = json.loads((trained_twice[0] / "manifest.json").read_text(encoding="utf-8"))
    for telling in ("first-place", "settings-of-mine", "pytest", str(Path.home()), platform.node()):
        if len(telling) > 4:  # a host might be called «rows»
            assert not re.search(rf"(?<!\w){re.escape(telling)}(?!\w)", text), telling
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b|\b1[789]\d{8}\b|\d\d:\d\d:\d\d", text)

    def keys(value: Any) -> list[str]:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [*(value if isinstance(value, dict) else ()), *(key for child in inner for key in keys(child))]

    telling_words = {"time", "date", "host", "path", "user", "jobs", "machine", "platform", "directory"}
    assert not [key for key in keys(manifest) if telling_words & set(key.lower().split("_"))]
    assert [source["name"] for source in manifest["provenance"]["data"]] == ["labelled.jsonl"]
