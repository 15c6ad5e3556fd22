"""`stance train`: from labelled paragraphs to a model directory, with a short summary."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.bundle import is_replaceable
from classifier.commands.arguments import add_labelled_data, columns_of, names_of, scheme_of
from classifier.errors import OutputError, UsageError
from classifier.files import atomic_file
from classifier.label_studio import label_studio_bytes
from classifier.labelled import read_labelled
from classifier.provenance import describe_sources
from classifier.seeds import default_scheme

if TYPE_CHECKING:
    from training.config import TrainingConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="*", metavar="DATA", help="labelled paragraphs: files, directories, hf://NAME")
    parser.add_argument("-o", "--output", metavar="MODEL", help="the model directory to write")
    parser.add_argument(
        "--auxiliary",
        action="append",
        default=[],
        metavar="DATA",
        help="more to learn from, of another kind: not used for calibration, thresholds and figures (repeatable)",
    )
    parser.add_argument("--kind", choices=["linear"], default="linear", help="the kind of model")
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="settings; see --print-config")
    parser.add_argument("--print-config", action="store_true", help="print all settings with their values, and stop")
    parser.add_argument("--labels", metavar="A,B,…|FILE.toml", help="the labels, where the data does not say them")
    parser.add_argument(
        "--suspects", type=Path, metavar="FILE.json", help="write rows whose labels look wrong, for Label Studio"
    )
    add_labelled_data(parser)
    parser.add_argument(
        "--n-jobs", type=int, default=-1, metavar="N", help="processes (-1: all cores); changes no result"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a model that exists")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(arguments: argparse.Namespace) -> int:
    from training.config import TrainingConfig  # noqa: PLC0415 (imports scikit-learn, which --help must not wait for)

    config = TrainingConfig.from_toml(arguments.config) if arguments.config else TrainingConfig()
    if arguments.print_config:
        print(config.to_toml(), end="")
        return 0
    if not arguments.data or not arguments.output:
        raise UsageError("Name the labelled data and where the model goes: stance train DATA -o MODEL.")
    if arguments.n_jobs == 0:
        raise UsageError("--n-jobs 0 means nothing: give a number of processes, or -1 for all cores.")
    output = Path(arguments.output)
    if output.exists() and not (arguments.overwrite and is_replaceable(output)):
        remedy = ", or add --overwrite to replace it" if is_replaceable(output) else "; it is no model, so it stays"
        raise OutputError(f"{output} exists already: choose another place{remedy}.")
    _train(arguments, config, output)
    return 0


def _train(arguments: argparse.Namespace, config: "TrainingConfig", output: Path) -> None:
    from training.fitting import train  # noqa: PLC0415

    def say(line: str) -> None:
        if not arguments.quiet:
            print(line, file=sys.stderr)

    splits, started = names_of(arguments.splits), time.monotonic()
    columns, kind = columns_of(arguments), arguments.input_format
    data = read_labelled(
        arguments.data,
        scheme_of(arguments.labels),
        default=default_scheme(),
        columns=columns,
        input_format=kind,
        splits=splits,
    )
    say(f"read        {data.description}")
    auxiliary = None
    if arguments.auxiliary:
        auxiliary = read_labelled(arguments.auxiliary, data.scheme, columns=columns, input_format=kind, splits=splits)
        say(f"auxiliary   {auxiliary.description}")
    result = train(
        data,
        config,
        auxiliary=auxiliary,
        find_suspects=arguments.suspects is not None,
        n_jobs=arguments.n_jobs,
        verbose=not arguments.quiet,
        sources=describe_sources([*arguments.data, *arguments.auxiliary], kind, splits),
    )
    for note in result.notes:
        say(f"note        {note}")
    result.save(output, arguments.overwrite)
    if arguments.suspects is not None:
        with atomic_file(arguments.suspects) as file:
            file.write(label_studio_bytes(result.suspects, data.scheme.names))
        say(f"suspects    {len(result.suspects):,} rows to check again: {arguments.suspects}")
    say(f"selected    C = {result.estimator.C_:g} by mean average precision over {config.cv} grouped folds")
    say("held out    rows scored by the fold that had not seen their group, 95 % intervals over groups")
    width = max(map(len, data.scheme.names))
    for k, name in enumerate(data.scheme.names):
        f1, ap = result.per_label["f1"][k], result.per_label["average_precision"][k]
        threshold = result.bundle.decision.thresholds[k]
        say(f"            {name:<{width}}  F1 {f1}, average precision {ap}, threshold {threshold:.2f}")
    say(f"            {'macro-F1':<{width}}  {result.overall['macro_f1']}")
    say(f"model       {output} ({time.monotonic() - started:.0f} s)")
    say(f"            classify with: stance classify FILE --model {output}")
