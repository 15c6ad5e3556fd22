"""`stance eval`: evaluate models on labelled paragraphs, compare them, write the report, check the user's limits."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.commands.arguments import add_labelled_data, columns_of, names_of, thresholds_of
from classifier.errors import GateError, OutputError, UsageError
from classifier.files import exists

if TYPE_CHECKING:
    from classifier.labelled import Labelled
    from classifier.predictor import Model
    from eval.evaluation import Evaluation
    from eval.pairs import Pair
    from eval.rows import ScoredRows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", nargs="+", metavar="MODEL", help="a model directory, default, or a predictions file of any tool"
    )
    parser.add_argument("data", metavar="DATA", help="labelled paragraphs: a file, a directory, hf://NAME")
    parser.add_argument("-o", "--output", required=True, metavar="REPORT/", help="the directory for the report")
    parser.add_argument(
        "--threshold", action="append", metavar="LABEL=X", help="give LABEL from probability X on (repeatable)"
    )
    parser.add_argument("--pairs", metavar="FILE", help="contrast and invariance pairs (those of the project's corpus)")
    parser.add_argument(
        "--slice", metavar="A,B,…", help="columns by whose values to tell quality apart; length always is"
    )
    parser.add_argument("--allow-overlap", action="store_true", help="evaluate even on rows that were trained on")
    parser.add_argument(
        "--fail-under",
        action="append",
        metavar="NAME=X",
        help="exit with 1 if macro_f1, LABEL.recall, behaviour.reject, … is below X (repeatable)",
    )
    parser.add_argument("--update-card", action="store_true", help="write the figures into the model's README.md")
    add_labelled_data(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace a report that exists")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    from eval.card import update_card  # noqa: PLC0415 (not for --help)
    from eval.findings import text_summary  # noqa: PLC0415
    from eval.report import REPORT, is_report, write_report  # noqa: PLC0415

    limits, output = _limits(arguments.fail_under), Path(arguments.output)
    if output.exists() and not is_report(output):
        raise OutputError(f"{output} is no report, so it is not replaced: choose another place.")
    if output.exists() and not arguments.overwrite and any(output.iterdir()):
        raise OutputError(f"{output} exists already: choose another place, or add --overwrite to replace it.")
    if len(set(arguments.model)) < len(arguments.model):
        raise UsageError("A model is named twice: a comparison with itself says nothing.")
    if arguments.update_card and (
        arguments.allow_overlap or arguments.threshold or _is_predictions(arguments.model[0])
    ):
        raise UsageError(
            "--update-card takes a model's own thresholds on rows it was not trained on: leave out the rest."
        )
    evaluation = _evaluate(arguments)
    checked = [(name, limit, evaluation.measure(name)) for name, limit in limits.items()]
    write_report(evaluation, output, arguments.overwrite)
    if arguments.update_card:
        update_card(evaluation.metrics, Path(arguments.model[0]))
    if not arguments.quiet:
        print(text_summary(evaluation.metrics), file=sys.stderr)
        print(f"report      {output / REPORT}", file=sys.stderr)
    missed = [
        f"{name} is {'not defined' if value is None else f'{value:.4g}'}, below {limit:g}"
        for name, limit, value in checked
        if value is None or value < limit
    ]
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
        if not name or limits[name] != limits[name]:
            raise UsageError(f"--fail-under {text} is not of the form NAME=X with a number X.")
    return limits


def _evaluate(arguments: argparse.Namespace) -> "Evaluation":
    """The first model's evaluation, with a comparison for each further one."""
    from classifier.labelled import read_labelled  # noqa: PLC0415
    from classifier.provenance import describe_sources  # noqa: PLC0415
    from classifier.seeds import default_scheme  # noqa: PLC0415
    from eval.compare import compare  # noqa: PLC0415
    from eval.evaluation import evaluate, evaluate_answers  # noqa: PLC0415
    from eval.leakage import overlap, refuse_overlap  # noqa: PLC0415

    models = {name: None if _is_predictions(name) else _load(name, arguments) for name in arguments.model}
    scheme = next((model.scheme for model in models.values() if model is not None), None)
    splits, names = names_of(arguments.splits), names_of(arguments.slice) or ()
    data = read_labelled(
        [arguments.data],
        scheme,
        default=default_scheme(),
        columns=columns_of(arguments),
        input_format=arguments.input_format,
        splits=splits,
        keep=[name for name in names if name != "length"],
    )
    sources = describe_sources([arguments.data], arguments.input_format, splits)
    named = [(name, model, _rows(name, model, data, arguments)) for name, model in models.items()]
    (name, model, rows), *others = named
    overlaps = {other: None if m is None else overlap(m, r) for other, m, r in named}
    for other, found in overlaps.items():
        if found and not arguments.allow_overlap:
            refuse_overlap(found, other)
    if model is None:
        evaluation = evaluate_answers(rows, data, Path(name).name, slice_names=names, sources=sources)
    else:
        pairs = _pairs(arguments.pairs, model)
        evaluation = evaluate(model, data, pairs=pairs, slice_names=names, sources=sources)
    for other, _, answers in others:
        pair = Path(name).name, Path(other).name
        found = compare(rows, answers, pair if pair[0] != pair[1] else ("A", "B"))
        evaluation.metrics["comparisons"].append({**found, "overlap": [overlaps[name], overlaps[other]]})
    return evaluation


def _is_predictions(name: str) -> bool:
    """Whether a name is a predictions file, or the directory of shards that `stance classify` wrote."""
    from classifier.receipts import SHARD_MANIFEST, read_receipt  # noqa: PLC0415

    path = Path(name)
    return exists(path) and (path.is_file() or read_receipt(path / SHARD_MANIFEST) is not None)


def _load(name: str, arguments: argparse.Namespace) -> "Model":
    from classifier.predictor import load_model  # noqa: PLC0415

    return load_model(name).with_thresholds(thresholds_of(arguments.threshold))


def _rows(name: str, model: "Model | None", data: "Labelled", arguments: argparse.Namespace) -> "ScoredRows":
    from eval.predictions import read_predictions  # noqa: PLC0415
    from eval.rows import answered_rows, scored_rows  # noqa: PLC0415

    if model is not None:
        return scored_rows(model, data)
    answers = read_predictions(name, data, columns_of(arguments))
    if not arguments.quiet:
        print(f"answers     {answers.description}", file=sys.stderr)
    return answered_rows(data, answers.given, answers.probabilities, answers.thresholds)


def _pairs(given: str | None, model: "Model") -> "list[Pair]":
    """The user's pairs, else those of the project's corpus for models of its labels."""
    from classifier.seeds import default_scheme, seeds_directory  # noqa: PLC0415
    from eval.pairs import read_pairs  # noqa: PLC0415

    own = seeds_directory() / "pairs.jsonl"
    if given is None and (not own.is_file() or set(default_scheme().names) != set(model.labels)):
        return []
    return read_pairs(given or own, model.scheme)
