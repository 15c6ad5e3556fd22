"""`stance classify`: label commentary from files, directories or standard input."""

import argparse
import sys
from pathlib import Path
from typing import Any, get_args

from classifier.batch.job import Job, Options
from classifier.commands.arguments import add_input_format, add_text_column, thresholds_of
from classifier.errors import UsageError
from classifier.predictor import load_model
from classifier.reading import resolve
from classifier.shipped import DEFAULT
from classifier.sources import FileSource, Source, StreamSource
from classifier.terminal import TerminalWriter
from classifier.text import DEFAULT_MAX_CHARS
from classifier.writing import OUTPUT_ENDINGS, OutputFormat


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input",
        nargs="+",
        metavar="INPUT",
        help="files, directories, hf://NAME, or - (standard input, plain text)",
    )
    parser.add_argument("-o", "--output", metavar="OUTPUT", help="a file (.csv .tsv .jsonl .parquet) or a directory/")
    parser.add_argument("--model", default=DEFAULT, metavar="MODEL", help="a model directory, or default")
    parser.add_argument(
        "--threshold", action="append", metavar="LABEL=X", help="give LABEL from probability X on (repeatable)"
    )
    add_input_format(parser)
    add_text_column(parser)
    parser.add_argument(
        "--output-format", choices=get_args(OutputFormat), help="format of a directory's shards or of standard output"
    )
    parser.add_argument("--prefix", default="", metavar="TEXT", help="put TEXT before the names of the added columns")
    parser.add_argument("--explain", action="store_true", help="add the words that spoke for each label given")
    parser.add_argument(
        "--max-chars", type=int, default=DEFAULT_MAX_CHARS, metavar="N", help="longer texts are not scored (100000)"
    )
    parser.add_argument(
        "--max-errors", type=int, metavar="N", help="stop with exit code 1 once more than N rows cannot be scored"
    )
    parser.add_argument(
        "--no-formula-guard", action="store_true", help="leave cells that look like formulas as they are"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    parser.add_argument("--quiet", action="store_true", help="no progress and no summary")


def run(arguments: argparse.Namespace) -> int:
    if arguments.max_chars < 1 or (arguments.max_errors is not None and arguments.max_errors < 0):
        raise UsageError("--max-chars must be at least 1 and --max-errors at least 0.")
    sources = resolve(arguments.input, arguments.input_format)
    if arguments.output is None:
        return _to_standard_output(arguments, sources)
    # A plain string tells `name/` from `name`, which Path does not.
    output, is_directory = Path(arguments.output), arguments.output.endswith("/") or Path(arguments.output).is_dir()
    if is_directory:
        chosen = arguments.output_format or _like_input(sources[0])
    else:
        chosen = _of_ending(output)
        if arguments.output_format not in (None, chosen):
            raise UsageError(
                f"{output} ends like {chosen}, and --output-format says {arguments.output_format}: drop one."
            )
    job = Job(sources, load_model(arguments.model), _options(arguments, chosen), arguments.quiet)
    receipt = job.run_sharded(output, arguments.overwrite) if is_directory else job.run(output, arguments.overwrite)
    if not arguments.quiet:
        _summarise(receipt, job.model.labels, str(output))
    return 0


def _to_standard_output(arguments: argparse.Namespace, sources: list[Source]) -> int:
    chosen = arguments.output_format or _like_input(sources[0])
    if chosen == "parquet":
        raise UsageError("Parquet cannot be written to standard output: name a file with -o, or --output-format jsonl.")
    job = Job(sources, load_model(arguments.model), _options(arguments, chosen), arguments.quiet)
    if sys.stdout.isatty() and arguments.output_format is None:
        job.write_with(TerminalWriter(sys.stdout, arguments.text_column, job.columns))
        return 0
    tally = job.write_to(sys.stdout.buffer)
    sys.stdout.buffer.flush()
    if not arguments.quiet:
        _summarise(tally.to_json(), tally.labels, "standard output")
    return 0


def _options(arguments: argparse.Namespace, chosen: OutputFormat) -> Options:
    return Options(
        output_format=chosen,
        text_column=arguments.text_column,
        max_chars=arguments.max_chars,
        max_errors=arguments.max_errors,
        prefix=arguments.prefix,
        explain=arguments.explain,
        formula_guard=not arguments.no_formula_guard,
        thresholds=thresholds_of(arguments.threshold),
    )


def _of_ending(output: Path) -> OutputFormat:
    ending = Path(output.name.lower().removesuffix(".gz")).suffix
    if ending not in OUTPUT_ENDINGS or output.name.lower().endswith(".parquet.gz"):
        known = ", ".join(OUTPUT_ENDINGS)
        raise UsageError(f"{output} has no ending that names an output format ({known}; all but Parquet also .gz).")
    return OUTPUT_ENDINGS[ending]


def _like_input(source: Source) -> OutputFormat:
    """The input's own format where it can be written, else JSONL."""
    if isinstance(source, FileSource | StreamSource) and source.format in ("csv", "tsv", "parquet"):
        return source.format
    return "jsonl"


def _summarise(counts: dict[str, Any], labels: tuple[str, ...], output: str) -> None:
    """A few lines on standard error: what was done, what was found, what to be wary of."""
    rows, ok = counts["rows"], counts["statuses"].get("ok", 0)
    verb = "verified, was written before" if counts.get("verified") else "written"
    lines = [f"{rows:,} rows → {output} ({verb})"]
    if ok:
        shares = [f"{label} {counts['rows_per_label'][label]:,}" for label in labels]
        lines.append(f"labels given: {', '.join(shares)}; none on {counts['rows_without_label']:,}")
    bad = {status: n for status, n in counts["statuses"].items() if status != "ok"}
    if bad:
        lines.append(
            "not scored: " + ", ".join(f"{n:,} {status}" for status, n in bad.items()) + " (see the status column)"
        )
    foreign = counts["rows_in_another_language"]
    if foreign:
        lines.append(
            f"warning: {foreign:,} rows seem to be in a language the model does not know; do not trust their labels"
        )
    if counts["guarded_cells"]:
        lines.append(
            f"cells that a spreadsheet would run as formulas, given a leading apostrophe: {counts['guarded_cells']:,} "
            "(--no-formula-guard leaves them as they are)"
        )
    print("\n".join(lines), file=sys.stderr)
