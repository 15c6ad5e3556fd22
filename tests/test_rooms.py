"""The architecture holds: arrows between rooms, light starts, what the wheel contains."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("classifier", "training", "eval")
ALLOWED = {"classifier": {"classifier"}, "training": {"training", "classifier"}, "eval": {"eval", "classifier"}}


def imported_rooms(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names & set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_along_the_arrows(room: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): sorted(imported_rooms(path) - ALLOWED[room])
        for path in (ROOT / room).rglob("*.py")
        if imported_rooms(path) - ALLOWED[room]
    }
    assert not wrong


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_says_in_its_first_line_what_it_is_for(room: str) -> None:
    silent = [str(p.relative_to(ROOT)) for p in (ROOT / room).rglob("*.py") if not p.read_text().startswith('"""')]
    assert not silent


def modules_after(code: str) -> set[str]:
    listing = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys; print(*sys.modules)"], check=True, capture_output=True, text=True
    )
    return {name.split(".")[0] for name in listing.stdout.split()}


HEAVY = {"torch", "transformers", "datasets", "ray", "sklearn", "pandas", "joblib"}


def test_help_imports_nothing_heavy() -> None:
    code = "from classifier.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert not modules_after(code) & (HEAVY | {"numpy", "scipy", "pyarrow"})


@pytest.mark.parametrize("command", ["classify", "train", "eval", "export", "info"])
def test_help_of_a_command_imports_no_learning_library(command: str) -> None:
    code = f"from classifier.cli import main\ntry: main(['{command}', '--help'])\nexcept SystemExit: pass"
    assert not modules_after(code) & HEAVY


def test_classifying_with_a_linear_model_imports_no_learning_library(model_directory: Path) -> None:
    code = f"from classifier import load_model\nload_model({str(model_directory)!r}).predict(['A text of some words.'])"
    assert not modules_after(code) & HEAVY


def test_every_public_name_resolves() -> None:
    import classifier
    import eval as evaluation
    import training

    for package in (classifier, training, evaluation):
        for name in package.__all__:
            assert getattr(package, name) is not None


def test_every_command_stands_in_the_readme() -> None:
    from classifier.cli import COMMANDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"stance {name}" not in readme] == []


@pytest.mark.slow
def test_the_wheel_holds_three_packages_and_the_corpus(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(tmp_path), str(ROOT)], check=True
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(ROOMS)
    assert "classifier/seeds/labels.toml" in names
    assert "eval/templates/report.html.j2" in names
