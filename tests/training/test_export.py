"""An exported pipeline is the model itself; and nothing in this project ever unpickles anything."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from classifier.labelled import Labelled
from classifier.predictor import Model
from classifier.seeds import seeds_directory

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def exported(model_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from classifier.cli import main

    path = tmp_path_factory.mktemp("exported") / "pipeline.joblib"
    assert main(["export", str(model_directory), "--format", "joblib", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def texts(labelled: Labelled) -> list[str]:
    """Texts that the model was trained on, and others; some that hold no word at all."""
    with (seeds_directory() / "pairs.jsonl").open(encoding="utf-8") as file:
        return [*labelled.texts[:200], *(json.loads(line)["text"] for line in file), "?!", "Straße İstanbul ﬁne ǅ 你好"]


def test_probabilities_of_the_exported_pipeline_are_the_models(exported: Path, model: Model, texts: list[str]) -> None:
    probabilities = joblib.load(exported).predict_proba(texts)
    assert [matrix.shape for matrix in probabilities] == [(len(texts), 2)] * len(model.labels)
    ours = model.predict_proba(texts)
    for k, matrix in enumerate(probabilities):
        assert np.abs(matrix[:, 1] - ours[:, k]).max() < 1e-6
        assert np.abs(matrix.sum(axis=1) - 1).max() < 1e-9


def test_labels_of_the_exported_pipeline_are_the_models_at_its_own_thresholds(
    exported: Path, model: Model, texts: list[str]
) -> None:
    scored, labels = model.score(texts), joblib.load(exported).predict(texts)
    # Closer to a threshold than the last decimal of a written probability, either answer would be right.
    clear = np.abs(scored.probabilities - np.float32(model.decision.thresholds)) > 1e-6
    assert labels.shape == scored.given.shape
    assert np.array_equal((labels == 1)[clear], scored.given[clear])
    assert clear.mean() > 0.999
    assert all(0.05 < threshold < 0.95 and threshold != 0.5 for threshold in model.decision.thresholds)
    assert (scored.given != (scored.probabilities >= 0.5)).any()  # so that thresholds ignored would show


def test_the_exported_pipeline_needs_nothing_of_this_project(exported: Path, model: Model, texts: list[str]) -> None:
    code = (
        "import sys, joblib, json\n"
        "for room in ('classifier', 'training', 'eval'): sys.modules[room] = None\n"
        f"print(json.dumps(joblib.load({str(exported)!r}).predict({texts[:20]!r}).tolist()))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == model.score(texts[:20]).given.astype(int).tolist()


def test_an_existing_file_is_kept_unless_told_otherwise(stance: Any, model_directory: Path, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.joblib"
    path.write_text("mine", encoding="utf-8")
    code, _, error = stance("export", model_directory, "--format", "joblib", "-o", path)
    assert code == 4
    assert "--overwrite" in error
    assert path.read_text(encoding="utf-8") == "mine"
    code, out, _ = stance("export", model_directory, "--format", "joblib", "-o", path, "--overwrite")
    assert code == 0
    assert "Loading a joblib file runs code" in out
    assert joblib.load(path).predict(["A text of some words."]).shape == (1, 4)


@pytest.mark.parametrize("arguments", [("--format", "pickle"), ()])
def test_only_known_formats_are_taken_and_one_must_be_named(
    arguments: tuple[str, ...], stance: Any, model_directory: Path, tmp_path: Path
) -> None:
    code, _, error = stance("export", model_directory, *arguments, "-o", tmp_path / "file")
    assert code == 2
    assert "--format" in error
    assert not (tmp_path / "file").exists()


def test_what_is_no_model_is_not_exported(stance: Any, tmp_path: Path) -> None:
    code, _, error = stance("export", tmp_path, "--format", "joblib", "-o", tmp_path / "file.joblib")
    assert code == 3
    assert "manifest.json" in error
    assert not list(tmp_path.iterdir())


PICKLING = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "jsonpickle", "skops"}
MAY_LOAD = {"joblib", "torch", "np", "numpy", "pickle"}
BUILTINS = {"eval", "exec", "compile", "__import__"}


def unpickles(source: str) -> list[int]:
    """The lines of Python source that could turn bytes or text into running code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        bad = False
        if isinstance(node, ast.Import):
            bad = bool(PICKLING & {alias.name.split(".")[0] for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            room, names = (node.module or "").split(".")[0], {alias.name for alias in node.names}
            bad = room in PICKLING or (room in MAY_LOAD and bool(names & {"load", "loads", "*", "numpy_pickle"}))
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            bad = node.attr == "read_pickle" or (owner in MAY_LOAD and node.attr in {"load", "loads", "numpy_pickle"})
        elif isinstance(node, ast.Call):
            bad = isinstance(node.func, ast.Name) and node.func.id in BUILTINS
        elif isinstance(node, ast.keyword):
            bad = node.arg in {"allow_pickle", "trust_remote_code"}
        if bad:
            found.append(node.lineno)
    return found


def test_nothing_in_the_three_packages_unpickles_or_evaluates_code() -> None:
    files = [path for room in ("classifier", "training", "eval") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 30
    wrong = {str(path.relative_to(ROOT)): unpickles(path.read_text(encoding="utf-8")) for path in files}
    assert {path: lines for path, lines in wrong.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import joblib\njoblib.load('x')",
        "from joblib import Parallel, load",
        "import pickle",
        "def f():\n    from pickle import Unpickler",
        "load = joblib.load",
        "import numpy as np\nnp.load(file, allow_pickle=True)",
        "torch.load(file)",
        "pandas.read_pickle(file)",
        "eval('1')",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
    ],
)
def test_the_search_above_sees_what_it_is_for(source: str) -> None:
    assert unpickles(source)
