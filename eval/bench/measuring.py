"""Running commands for benchmarks: wall time and peak memory of the whole process tree's largest member."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One finished command."""

    seconds: float
    peak_mib: float
    output: str


def run(command: Sequence[str]) -> Run:
    """Run a command to its end.

    The peak is the resident memory of the command itself or the largest process it waited for, in MiB.

    Raises:
        SystemExit: if the command fails; its output is shown.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    scale = 1024 * 1024 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return Run(seconds, usage.ru_maxrss / scale, output)


def stance(*arguments: object) -> list[str]:
    """The command line of `stance` in this environment."""
    return [sys.executable, "-m", "classifier.cli", *map(str, arguments)]
