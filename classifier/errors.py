"""Every error that `stance` raises on purpose, and the exit code that the command line gives it.

StanceError                exit
├── GateError              1     a limit that the user set was passed (--max-errors, --fail-under)
├── UsageError             2     an option or an argument is wrong
├── DataError              2     an input cannot be used as what it claims to be
├── ModelError             3     a model directory is damaged, foreign, or of another version
└── OutputError            4     the output cannot be written, exists, or resources ran out

The message of each is one sentence that says what was wrong, where, and what to do.
"""

from typing import ClassVar


class StanceError(Exception):
    """Base of all errors raised on purpose; its text is meant for the user as it stands."""

    exit_code: ClassVar[int] = 2


class GateError(StanceError):
    """A limit that the user set was passed."""

    exit_code = 1


class UsageError(StanceError):
    """An option or an argument is wrong."""


class DataError(StanceError):
    """An input cannot be used as what it claims to be."""


class ModelError(StanceError):
    """A model directory is damaged, foreign, or of another version."""

    exit_code = 3


class OutputError(StanceError):
    """The output cannot be written, exists already, or resources ran out."""

    exit_code = 4
