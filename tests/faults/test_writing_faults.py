"""Real faults while output is written: no space, limits, no permission, sudden death. Nothing half-written remains."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STANCE = [sys.executable, "-m", "classifier.cli"]
COMMENT = "Where is the evidence for that figure? Show me the source before I believe a word of it."
LIMIT = 20_000  # bytes that a file may grow to; every output below is larger, and the receipt smaller


def run(
    *arguments: object, before: Callable[[], None] | None = None, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*STANCE, *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=before,
    )


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


def is_one_sentence(error: str) -> bool:
    return error.startswith("stance") and error.endswith(".\n") and error.count("\n") == 1


@pytest.fixture
def comments(tmp_path: Path) -> Path:
    """Rows enough that every output format passes the limit, several chunks of them."""
    path = tmp_path / "in" / "comments.jsonl"
    path.parent.mkdir()
    noise = (os.urandom(12).hex() for _ in range(5_000))  # or compression would get below the limit
    path.write_text("".join(json.dumps({"id": code, "text": COMMENT}) + "\n" for code in noise))
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty directory for output."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.csv.gz", "out.parquet", "shards/"])
def test_a_file_that_may_not_grow_further_is_exit_code_4_and_leaves_nothing(
    stance: Any, model_directory: Path, comments: Path, place: Path, output: str
) -> None:
    arguments = ("classify", comments, "-o", f"{place}/{output}", "--model", model_directory)
    ran = run(*arguments, before=limit_file_size)
    assert ran.returncode == 4
    assert is_one_sentence(ran.stderr)
    assert output.rstrip("/") in ran.stderr
    assert os.strerror(errno.EFBIG) in ran.stderr
    assert os.listdir(place) == []
    assert stance(*arguments)[0] == 0  # and once there is room, the same command works


def test_an_output_that_stood_there_survives_a_failed_overwrite(
    stance: Any, model_directory: Path, comments: Path, place: Path
) -> None:
    small = comments.with_name("small.jsonl")
    small.write_text(json.dumps({"text": COMMENT}) + "\n")
    for output in (place / "out.csv", f"{place}/shards/"):
        assert stance("classify", small, "-o", output, "--model", model_directory)[0] == 0
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert len(before) == 4
    for output in (place / "out.csv", f"{place}/shards/"):
        arguments = ("classify", comments, "-o", output, "--model", model_directory, "--overwrite")
        assert run(*arguments, before=limit_file_size).returncode == 4
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("command", ["classify to csv", "classify to jsonl", "labels", "info", "explain"])
def test_a_full_standard_output_is_exit_code_4_and_one_sentence(
    model_directory: Path, comments: Path, command: str
) -> None:
    arguments = {
        "classify to csv": ["classify", comments, "--output-format", "csv", "--model", model_directory],
        "classify to jsonl": ["classify", comments, "--output-format", "jsonl", "--model", model_directory],
        "explain": ["explain", COMMENT, "--model", model_directory],
        "info": ["info", model_directory],
        "labels": ["labels"],
    }[command]
    with Path("/dev/full").open("wb") as full:
        ran = run(*arguments, stdout=full.fileno())
    assert ran.returncode == 4
    assert is_one_sentence(ran.stderr)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any directory")
def test_a_read_only_directory_is_exit_code_4_and_stays_as_it_was(
    model_directory: Path, comments: Path, place: Path
) -> None:
    place.chmod(0o500)
    try:
        for output in ("out.csv", "out.parquet", "shards/"):
            ran = run("classify", comments, "-o", f"{place}/{output}", "--model", model_directory)
            assert ran.returncode == 4
            assert is_one_sentence(ran.stderr)
        assert os.listdir(place) == []
    finally:
        place.chmod(0o700)


@pytest.mark.parametrize("output", ["out.jsonl", "shards/"])
def test_a_job_that_is_killed_leaves_no_output_and_the_next_run_works(
    model_directory: Path, comments: Path, place: Path, output: str
) -> None:
    arguments = ["classify", "-", "-o", f"{place}/{output}", "--output-format", "jsonl", "--input-format", "jsonl"]
    arguments += ["--model", str(model_directory)]
    content = comments.read_bytes()
    with subprocess.Popen([*STANCE, *arguments], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(content)
        process.stdin.flush()  # it stays open: the job waits for more rows when it is killed
        end = time.monotonic() + 60
        while not any(path.is_file() and path.stat().st_size for path in place.rglob("*")):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        process.kill()
        assert process.wait(timeout=60) == -signal.SIGKILL
    assert [name for name in os.listdir(place) if not name.startswith(".")] == []
    ran = subprocess.run([*STANCE, *arguments], input=content, capture_output=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    written = place / output
    shard = written / "part-00000.jsonl" if written.is_dir() else written
    ids = [json.loads(line)["id"] for line in shard.read_text().splitlines()]
    assert ids == [json.loads(line)["id"] for line in content.splitlines()]


@pytest.mark.slow
def test_training_that_is_cut_short_leaves_no_model(labelled_file: Path, place: Path) -> None:
    config = labelled_file.with_name("quick.toml")
    config.write_text("char_ngrams = [2, 2]\nC = [1.0]\ncv = 2\n")
    arguments = ("train", labelled_file, "-o", place / "model", "--config", config, "--n-jobs", 1)
    ran = run(*arguments, before=limit_file_size)
    assert ran.returncode == 4
    assert ran.stderr.splitlines()[-1].startswith(f"stance train: Cannot write {place / 'model'}")
    assert "Traceback" not in ran.stderr
    assert os.listdir(place) == []
