"""Fixtures that tests share: paragraphs of the project's own corpus, and a small model trained on them once."""

import json
from pathlib import Path
from typing import Any

import pytest

from classifier.bundle import save_bundle
from classifier.cli import main
from classifier.labelled import Labelled, read_labelled
from classifier.predictor import Model, load_model
from classifier.reading import corpus_files
from classifier.seeds import seeds_directory
from training import TrainingConfig, train

SMALL = TrainingConfig(char_ngrams=(2, 3), C=(1.0,), cv=3)


@pytest.fixture(scope="session")
def seed_rows() -> list[dict[str, Any]]:
    """Six hundred rows of the corpus's training split, as they stand in the file."""
    with corpus_files(seeds_directory(), ["train"])[0].open(encoding="utf-8") as file:
        return [json.loads(next(file)) for _ in range(600)]


@pytest.fixture(scope="session")
def labelled_file(seed_rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JSONL file of these rows."""
    path = tmp_path_factory.mktemp("data") / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in seed_rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def labelled(labelled_file: Path) -> Labelled:
    from classifier.seeds import default_scheme

    return read_labelled([labelled_file], default=default_scheme())


@pytest.fixture(scope="session")
def model_directory(labelled: Labelled, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the small corpus, saved. Tests that change it copy it first."""
    result = train(labelled, SMALL)
    directory = tmp_path_factory.mktemp("models") / "model"
    save_bundle(result.bundle, directory, result.card)
    return directory


@pytest.fixture(scope="session")
def model(model_directory: Path) -> Model:
    return load_model(model_directory)


@pytest.fixture
def stance(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line in this process: (exit code, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends the process for usage errors and --help
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
