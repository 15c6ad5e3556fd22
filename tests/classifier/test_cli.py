"""The command line: exit codes, one-sentence errors, pipes, signals, terminals."""

import csv
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from classifier.cli import COMMANDS

STANCE = [sys.executable, "-m", "classifier.cli"]
SORRY = "I am so sorry for the families in that street, poor souls; nobody should lose a home like this."
DOUBT = "Where is the evidence for that figure? Show me the source before I believe a word of it."


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """A command line in a process of its own, as a shell would start it."""
    command = [*STANCE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def is_one_sentence(error: str) -> bool:
    """Whether standard error holds one line that ends like a sentence, and no traceback."""
    return error.startswith("stance") and error.endswith(".\n") and error.count("\n") == 1


@pytest.fixture
def comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small file of comments in the current directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "comments.csv").write_text(f'id,text\n1,"{SORRY}"\n2,"{DOUBT}"\n3,\n')
    return tmp_path / "comments.csv"


@pytest.fixture
def damaged(model_directory: Path, tmp_path: Path) -> Path:
    shutil.copytree(model_directory, tmp_path / "damaged")
    with (tmp_path / "damaged" / "weights.safetensors").open("ab") as file:
        file.write(b"\0")
    return tmp_path / "damaged"


def test_done_is_exit_code_0_with_a_summary_on_standard_error_alone(
    stance: Any, model_directory: Path, comments: Path
) -> None:
    code, out, err = stance("classify", comments, "-o", "out.csv", "--model", model_directory)
    assert (code, out) == (0, "")
    assert err.startswith("3 rows → out.csv (written)\n")
    assert "not scored: 1 empty" in err
    assert stance("classify", comments, "-o", "quiet.csv", "--model", model_directory, "--quiet") == (0, "", "")


def test_a_passed_limit_is_exit_code_1_and_leaves_no_output(stance: Any, model_directory: Path, comments: Path) -> None:
    code, out, err = stance("classify", comments, "-o", "out.csv", "--model", model_directory, "--max-errors", 0)
    assert (code, out) == (1, "")
    assert is_one_sentence(err)
    assert os.listdir() == ["comments.csv"]


USAGE = {
    "no such input": ("absent.csv", "absent.csv"),
    "a spreadsheet": ("book.xlsx", "save it as CSV"),
    "no text column": ("comments.csv -o out.csv --text-column texts", "has no column 'texts'"),
    "no known output format": ("comments.csv -o out.docx", "out.docx has no ending"),
    "packed Parquet": ("comments.csv -o out.parquet.gz", "no ending"),
    "Parquet to a pipe": ("comments.csv --output-format parquet", "standard output"),
    "a column that is there": ("comments.csv -o out.csv --text-column id --prefix", "--prefix"),
    "an output that is an input": ("comments.csv -o comments.csv --overwrite", "is an input"),
    "a threshold without number": ("comments.csv --threshold sympathy", "LABEL=X"),
    "a threshold without label": ("comments.csv --threshold =0.5", "LABEL=X"),
    "a threshold of an unknown label": ("comments.csv --threshold symphaty=0.5", "did you mean 'sympathy'"),
    "a threshold of fifty": ("comments.csv --threshold sympathy=50", "0 to 1"),
    "no text is short enough": ("comments.csv --max-chars 0", "--max-chars"),
    "fewer than no errors": ("comments.csv --max-errors -1", "--max-errors"),
    "an unknown option": ("comments.csv --loud", "--loud"),
    "an unknown format": ("comments.csv --input-format docx", "docx"),
    "standard input twice": ("- -", "twice"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_and_bad_input_are_exit_code_2_and_one_sentence(
    stance: Any, model_directory: Path, comments: Path, case: str
) -> None:
    (comments.parent / "book.xlsx").write_bytes(b"PK")
    arguments, says = USAGE[case]
    code, out, err = stance("classify", "--model", model_directory, *arguments.split())
    assert (code, out) == (2, "")
    assert is_one_sentence(err)
    assert says in err
    assert sorted(os.listdir()) == ["book.xlsx", "comments.csv"]


@pytest.mark.parametrize("arguments", [(), ("clasify",), ("classify",), ("explain",), ("info", "a", "b")])
def test_a_command_line_that_cannot_be_understood_is_exit_code_2_and_one_sentence(
    stance: Any, arguments: tuple[str, ...]
) -> None:
    code, out, err = stance(*arguments)
    assert (code, out) == (2, "")
    assert is_one_sentence(err)
    assert "--help" in err


@pytest.mark.parametrize("command", [["classify", "comments.csv"], ["info"], ["labels"], ["explain", "Some text."]])
@pytest.mark.parametrize("model", ["absent", "damaged", "no model"])
def test_a_bad_model_is_exit_code_3_and_one_sentence(
    stance: Any, comments: Path, damaged: Path, command: list[str], model: str
) -> None:
    path = {"absent": "nowhere", "damaged": damaged, "no model": "."}[model]
    code, out, err = stance(*command, *([path] if command == ["info"] else ["--model", path]))
    assert (code, out) == (3, "")
    assert is_one_sentence(err)


@pytest.mark.parametrize("output", ["taken.csv", "taken/", "comments.csv/out.csv", "/proc/out.csv"])
def test_an_output_that_cannot_be_written_is_exit_code_4_and_one_sentence(
    stance: Any, model_directory: Path, comments: Path, output: str
) -> None:
    Path("taken.csv").write_text("somebody else's")
    Path("taken").mkdir()
    Path("taken/file").write_text("somebody else's")
    code, out, err = stance("classify", comments, "-o", output, "--model", model_directory)
    assert (code, out) == (4, "")
    assert is_one_sentence(err)
    assert Path("taken.csv").read_text() == Path("taken/file").read_text() == "somebody else's"
    assert sorted(os.listdir()) == ["comments.csv", "taken", "taken.csv"]


UNCAUGHT = {
    "an input of too long a name": (["i" * 300 + ".csv", "-o", "out.csv"], 2),
    "an output of too long a name": (["comments.csv", "-o", "o" * 300 + ".csv"], 4),
    "a receipt of too long a name": (["comments.csv", "-o", "o" * 246 + ".csv"], 4),
    "a model of too long a name": (["comments.csv", "--model", "m" * 300], 3),
    "a file named as a directory": (["comments.csv", "-o", "comments.csv/"], 4),
}
if Path("/proc/self/mem").exists():
    UNCAUGHT["an input that cannot be read on"] = (["/proc/self/mem", "--input-format", "csv", "-o", "out.csv"], 2)


@pytest.mark.parametrize("case", UNCAUGHT)
def test_errors_of_the_operating_system_are_one_sentence_and_leave_nothing(
    stance: Any, model_directory: Path, comments: Path, case: str
) -> None:
    arguments, expected = UNCAUGHT[case]
    code, out, err = stance("classify", "--model", model_directory, *arguments)
    assert (code, out) == (expected, "")
    assert is_one_sentence(err)
    assert os.listdir() == [comments.name]


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses such names itself")
def test_an_input_whose_name_is_not_utf8_is_classified_like_any_other(
    stance: Any, model_directory: Path, comments: Path
) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    comments.rename(name)
    assert stance("classify", name, "-o", "out.csv", "--model", model_directory)[0] == 0
    assert Path("out.csv.receipt.json").exists()


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_every_command_has_help(stance: Any, command: str | None) -> None:
    code, out, err = stance(*([command] if command else []), "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: stance {command or ''}".rstrip())
    if command is None:
        assert all(name in out for name in COMMANDS)
    else:
        assert COMMANDS[command][1].split()[-1] in out


def test_the_version_is_that_of_the_distribution(stance: Any) -> None:
    assert stance("--version") == (0, f"stance {version('stance-commentary')}\n", "")


def test_the_other_commands_answer_on_standard_output(stance: Any, model_directory: Path) -> None:
    code, out, _ = stance("info", model_directory)
    assert code == 0
    assert "verified" in out
    assert json.loads(stance("info", model_directory, "--json")[1])["format"] == "stance-model"
    assert [line for line in stance("labels")[1].splitlines() if not line.startswith(" ")] == [
        *("sympathy", "cynicism", "skepticism", "conspiracy")
    ]
    assert stance("labels", "--model", model_directory)[1].startswith("sympathy\n")
    code, out, _ = stance("explain", SORRY, "--model", model_directory)
    assert code == 0
    assert "sorry" in out
    code, out, err = stance("explain", " ", "--model", model_directory)
    assert (code, out) == (2, "")
    assert is_one_sentence(err)


@pytest.mark.parametrize("output_format", ["csv", "tsv", "jsonl"])
def test_standard_output_carries_the_very_bytes_that_a_file_would(
    stance: Any, model_directory: Path, comments: Path, output_format: str
) -> None:
    ran = run("classify", comments, "--output-format", output_format, "--model", model_directory)
    assert ran.returncode == 0
    assert stance("classify", comments, "-o", f"out.{output_format}", "--model", model_directory)[0] == 0
    assert ran.stdout == Path(f"out.{output_format}").read_text()
    assert ran.stderr.startswith("3 rows → standard output")


def test_standard_input_is_paragraphs_a_line_or_a_block_unless_another_format_is_named(
    model_directory: Path, comments: Path
) -> None:
    by_line = run("classify", "-", "--model", model_directory, input=f"{SORRY}\n{DOUBT}\n")
    assert [json.loads(line)["text"] for line in by_line.stdout.splitlines()] == [SORRY, DOUBT]
    by_block = run("classify", "-", "--model", model_directory, input=f"{SORRY}\n{SORRY}\n\n\n{DOUBT}\n")
    assert [json.loads(line)["text"] for line in by_block.stdout.splitlines()] == [f"{SORRY}\n{SORRY}", DOUBT]
    as_csv = run("classify", "-", "--input-format", "csv", "--model", model_directory, input=comments.read_text())
    assert [row["id"] for row in csv.DictReader(io.StringIO(as_csv.stdout))] == ["1", "2", "3"]


def test_on_a_terminal_the_answer_is_readable_and_cannot_steer_the_terminal(model_directory: Path) -> None:
    ours, theirs = pty.openpty()
    text = f"{SORRY} \x1b[31m\x07"
    with subprocess.Popen(
        [*STANCE, "classify", "-", "--model", str(model_directory), "--quiet"], stdin=subprocess.PIPE, stdout=theirs
    ) as process:
        process.communicate(text.encode(), timeout=120)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert process.returncode == 0
    assert "→ sympathy 0." in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_a_reader_that_has_had_enough_is_no_error(model_directory: Path, comments: Path, output_format: str) -> None:
    with comments.open("a") as file:
        file.writelines(f"{number},No.\n" for number in range(20_000))
    arguments = ["classify", str(comments), "--output-format", output_format, "--model", str(model_directory)]
    with subprocess.Popen([*STANCE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"id,text," if output_format == "csv" else b'{"id": "1"')
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(("limit", "code"), [([], 2), (["--max-errors", "0"], 1)])
def test_an_error_while_writing_csv_to_standard_output_keeps_its_exit_code(
    model_directory: Path, comments: Path, limit: list[str], code: int
) -> None:
    if not limit:  # the limit is passed by the bad rows there are
        with comments.open("a") as file:
            file.write("4,a cell,too many\n")
    ran = run("classify", comments, "--model", model_directory, *limit)
    assert ran.returncode == code
    assert is_one_sentence(ran.stderr)


def test_a_column_clash_of_a_later_input_is_told_before_any_row_is_out(model_directory: Path, comments: Path) -> None:
    Path("labelled.csv").write_text("text,labels\nNo.,mine\n")
    ran = run("classify", comments, "labelled.csv", "--output-format", "jsonl", "--model", model_directory)
    assert (ran.returncode, ran.stdout) == (2, "")


def test_other_standard_input_is_another_job(model_directory: Path, comments: Path) -> None:
    arguments = ("classify", "-", "-o", "out.csv", "--model", model_directory)
    assert run(*arguments, input=SORRY).returncode == 0
    assert run(*arguments, input=DOUBT).returncode == 4


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_named_pipe_is_an_input_like_a_file(model_directory: Path, comments: Path, ending: str) -> None:
    os.mkfifo("pipe.csv")
    with subprocess.Popen(["sh", "-c", f"cat {comments.name} > pipe.csv"]) as feeder:
        try:
            ran = run("classify", "pipe.csv", "-o", f"out.{ending}", "--model", model_directory)
        finally:
            feeder.kill()
    assert ran.returncode == 0
    assert SORRY in Path(f"out.{ending}").read_text()


HARD_ROWS: dict[str, list[dict[str, Any]]] = {
    "half a surrogate pair": [{"text": "half \ud83d"}],
    "half a pair in a name": [{"text": DOUBT, "\ud83d": 1}],
    "an empty object": [{"text": DOUBT, "meta": {}}],
    "whole numbers, later a fraction": [{"text": "No.", "n": 2**53 + 1}] * 4_000 + [{"text": "No.", "n": 0.5}],
    "an error amid the rows": [{"text": "No."}] * 4_000 + [{"text": "No.", "status": "mine"}],
}


@pytest.mark.parametrize("rows", HARD_ROWS)
def test_json_that_parquet_cannot_hold_is_refused_in_one_sentence_or_written_differently(
    model_directory: Path, comments: Path, rows: str
) -> None:
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in HARD_ROWS[rows]))
    ran = run("classify", "in.jsonl", "-o", "out.parquet", "--model", model_directory, "--quiet")
    assert (ran.returncode, ran.stderr) == (0, "") or (ran.returncode == 2 and is_one_sentence(ran.stderr))


def wait_for_rows(directory: Path, process: "subprocess.Popen[bytes]") -> None:
    """Until the job has written rows somewhere below the directory."""
    end = time.monotonic() + 60
    while not any(path.is_file() and path.stat().st_size for path in directory.rglob("*")):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(params=["out.jsonl", "out/", None])
def busy(request: pytest.FixtureRequest, model_directory: Path, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A job that has written rows into a new directory and waits for more, for ever."""
    arguments = ["classify", "-", "--output-format", "jsonl", "--model", str(model_directory)]
    if request.param:
        arguments += ["-o", request.param]
    directory = tmp_path / "work"
    directory.mkdir()
    with (tmp_path / "stdout").open("wb") as out:
        process = subprocess.Popen(
            [*STANCE, *arguments], cwd=directory, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE
        )
    with process:
        assert process.stdin is not None
        process.stdin.write(f"{DOUBT}\n".encode() * 9_000)
        process.stdin.flush()
        wait_for_rows(tmp_path, process)
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_job_is_exit_code_130_and_leaves_nothing(
    busy: "subprocess.Popen[bytes]", tmp_path: Path, number: signal.Signals
) -> None:
    busy.send_signal(number)
    assert busy.wait(timeout=60) == 130
    assert busy.stderr is not None
    assert is_one_sentence(busy.stderr.read().decode())
    assert os.listdir(tmp_path / "work") == []
