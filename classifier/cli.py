"""The `stance` command: finds the command's module, runs it, turns errors into one sentence and an exit code."""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from types import FrameType
from typing import Final, NoReturn

from classifier.errors import DataError, OutputError, StanceError
from classifier.lazy import resolve_name

# Each module offers add_arguments(parser) and run(arguments) and is imported when its command is used.
COMMANDS: Final = {
    "demo": ("classifier.commands.demo", "train, evaluate and classify on the project's own corpus, in a minute"),
    "train": ("training.command", "train a model on labelled paragraphs"),
    "classify": ("classifier.commands.classify", "label commentary with a model"),
    "eval": ("eval.command", "evaluate a model on labelled paragraphs"),
    "explain": ("classifier.commands.explain", "show the words that spoke for each label of a text"),
    "info": ("classifier.commands.info", "say what a model is and what made it"),
    "labels": ("classifier.commands.labels", "list labels and their definitions"),
    "export": ("training.export", "write a model in another tool's format"),
}

_DESCRIPTION: Final = """\
Label commentary by stance: train on labelled paragraphs, classify new ones, review how well it works.

  stance demo                                     see it all once, in ./stance-demo
  stance classify comments.csv -o labelled.csv    label a file with the default model
  stance train labelled.csv -o my-model           train your own
  stance eval my-model test.csv -o report/        see how good it is
"""
_EXIT_CODES: Final = (
    "exit codes: 0 done, 1 a limit you set was passed, 2 usage or bad input, 3 bad model, 4 cannot write, "
    "130 interrupted"
)


class _Parser(argparse.ArgumentParser):
    """Errors in one line, with the exit code of usage errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help lists what there is).\n")


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser; only the named command's own arguments are loaded."""
    parser = _Parser(
        prog="stance",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"stance {version('stance-commentary')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == command:
            resolve_name(module).add_arguments(sub)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = next((argument for argument in arguments if argument in COMMANDS), None)
    try:
        parsed = build_parser(command).parse_args(arguments)
        return int(resolve_name(COMMANDS[parsed.command][0]).run(parsed))
    except StanceError as error:
        print(f"stance {command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"stance {command}: interrupted; nothing was left half-written.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        raise  # whoever read our output has had enough; `run` ends quietly
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        print(
            f"stance {command}: {error.strerror or error}{place}: check the name, the space left and the permissions.",
            file=sys.stderr,
        )
        return OutputError.exit_code
    except RecursionError:
        print(f"stance {command}: the input is nested too deeply to be processed: flatten it.", file=sys.stderr)
        return DataError.exit_code
    except MemoryError:
        print(f"stance {command}: out of memory: close other programs or use a smaller input.", file=sys.stderr)
        return OutputError.exit_code


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def run() -> NoReturn:
    """The entry point of the `stance` script."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = main()
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has had enough, as `head` has
        sys.stdout = None
        code = 0
    except OSError as error:  # what was printed cannot be flushed
        print(
            f"stance: cannot write to standard output ({error.strerror}): free space or write elsewhere.",
            file=sys.stderr,
        )
        sys.stdout = None
        code = OutputError.exit_code
    sys.exit(code)


if __name__ == "__main__":
    run()
