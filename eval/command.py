"""`stance eval`: evaluate a model on labelled paragraphs, write the report, and check the limits that the user set."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from classifier.commands.arguments import add_labelled_data, columns_of, names_of, thresholds_of
from classifier.errors import GateError, OutputError, UsageError

if TYPE_CHECKING:
    from eval.evaluation import Evaluation

REPORT: Final = "report.html"
METRICS: Final = "metrics.json"
ERRORS: Final = "errors.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model directory, or default")
    parser.add_argument("data", nargs="+", metavar="DATA", help="labelled paragraphs: files, directories, hf://NAME")
    parser.add_argument(
        "-o", "--output", required=True, metavar="REPORT/", help=f"directory for {REPORT}, {METRICS}, {ERRORS}"
    )
    parser.add_argument(
        "--threshold", action="append", metavar="LABEL=X", help="give LABEL from probability X on (repeatable)"
    )
    parser.add_argument(
        "--fail-under",
        action="append",
        metavar="NAME=X",
        help="exit with 1 if macro_f1, LABEL.recall, … is below X (repeatable)",
    )
    add_labelled_data(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace a report that exists")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    from classifier.labelled import read_labelled  # noqa: PLC0415 (not for --help)
    from classifier.predictor import load_model  # noqa: PLC0415
    from classifier.provenance import describe_sources  # noqa: PLC0415
    from eval.evaluation import evaluate  # noqa: PLC0415

    limits, output = _limits(arguments.fail_under), Path(arguments.output)
    if output.exists() and not arguments.overwrite:
        raise OutputError(f"{output} exists already: choose another place, or add --overwrite to replace it.")
    if output.exists() and not (output / METRICS).is_file() and any(output.iterdir()):
        raise OutputError(f"{output} is no report, so it is not replaced: choose another place.")
    model = load_model(arguments.model).with_thresholds(thresholds_of(arguments.threshold))
    splits = names_of(arguments.splits)
    data = read_labelled(
        arguments.data,
        model.scheme,
        columns=columns_of(arguments),
        input_format=arguments.input_format,
        splits=splits,
    )
    evaluation = evaluate(model, data, sources=describe_sources(arguments.data, arguments.input_format, splits))
    checked = [(name, limit, evaluation.measure(name)) for name, limit in limits.items()]
    write_report(evaluation, output)
    if not arguments.quiet:
        print(summary(evaluation.metrics), file=sys.stderr)
        print(f"report      {output / REPORT}", file=sys.stderr)
    missed = [f"{name} is {value if value is not None else 'not defined'}, below {limit}"
              for name, limit, value in checked if value is None or value < limit]  # fmt: skip
    if missed:
        raise GateError("; ".join(missed) + f" (the report is in {output}).")
    return 0


def _limits(given: list[str] | None) -> dict[str, float]:
    limits = {}
    for text in given or ():
        name, _, value = text.rpartition("=")
        try:
            limits[name] = float(value)
        except ValueError:
            name = ""
        if not name:
            raise UsageError(f"--fail-under {text} is not of the form NAME=X with a number X.")
    return limits


def write_report(evaluation: "Evaluation", output: Path) -> None:
    """Write the report's directory whole, in the place of one that stands there."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    from classifier.files import atomic_directory  # noqa: PLC0415
    from eval.render import render_html  # noqa: PLC0415

    with atomic_directory(output, replace=True) as fresh:
        text = json.dumps(evaluation.metrics, indent=1, ensure_ascii=False, allow_nan=False)
        (fresh / METRICS).write_text(text + "\n", encoding="utf-8")
        pq.write_table(evaluation.errors, fresh / ERRORS, compression="zstd")
        (fresh / REPORT).write_text(render_html(evaluation), encoding="utf-8")


def summary(metrics: dict[str, Any]) -> str:
    """The main figures for a terminal."""

    def shown(figure: dict[str, float | None]) -> str:
        if figure["value"] is None:
            return "not defined"
        ends = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
        return f"{figure['value']:.3f}{ends}"

    overall, width = metrics["overall"], max(map(len, metrics["per_label"]))
    lines = [f"evaluated   {metrics['data']['description']}"]
    lines += [
        f"            {label:<{width}}  F1 {shown(m['f1'])}, average precision {shown(m['average_precision'])}"
        for label, m in metrics["per_label"].items()
    ]
    macro, mean_ap = shown(overall["macro_f1"]), shown(overall["mean_average_precision"])
    lines.append(f"overall     macro-F1 {macro}, mean average precision {mean_ap}")
    right, found = shown(overall["none_precision"]), shown(overall["none_recall"])
    lines.append(f"none        right where it gives no label: {right}; of those without one it finds {found}")
    lines += [f"note        {note}" for note in metrics["notes"]]
    return "\n".join(lines)
