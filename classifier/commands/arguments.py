"""Command-line arguments that several commands share."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from classifier.errors import UsageError
from classifier.formats import ENDINGS
from classifier.labelled import Columns
from classifier.labels import LabelScheme, read_labels_toml


def add_input_format(parser: argparse.ArgumentParser) -> None:
    formats = sorted(set(ENDINGS.values()))
    parser.add_argument("--input-format", choices=formats, metavar="FORMAT", help=f"read as {', '.join(formats)}")


def add_text_column(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--text-column", default="text", metavar="NAME", help="the column with the text (text)")


def add_labelled_data(parser: argparse.ArgumentParser) -> None:
    """Options that say how labelled paragraphs are to be read."""
    add_input_format(parser)
    add_text_column(parser)
    parser.add_argument("--id-column", default="id", metavar="NAME", help="the column with the row ids (id)")
    parser.add_argument(
        "--group-column", default="group", metavar="NAME", help="thread, article or author, never split (group)"
    )
    parser.add_argument("--labels-column", default="labels", metavar="NAME", help="the column with the labels (labels)")
    parser.add_argument(
        "--label-columns", metavar="A,B,…", help="one 0/1 or 0..1 column a label, instead of a column of labels"
    )
    parser.add_argument("--splits", metavar="A,B,…", help="which splits of a corpus directory to use (all)")


def columns_of(arguments: argparse.Namespace) -> Columns:
    return Columns(
        text=arguments.text_column,
        id=arguments.id_column,
        group=arguments.group_column,
        labels=arguments.labels_column,
        label_columns=names_of(arguments.label_columns) or (),
    )


def names_of(text: str | None) -> tuple[str, ...] | None:
    """`a,b` as names."""
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text is not None else None


def scheme_of(text: str | None) -> LabelScheme | None:
    """The scheme that `--labels` names: a labels.toml, or the labels themselves separated by commas."""
    if text is None:
        return None
    if text.endswith(".toml"):
        return read_labels_toml(Path(text))[0]
    return LabelScheme.from_names(names_of(text) or ())


def thresholds_of(given: Sequence[str] | None) -> dict[str, float]:
    """`LABEL=X` settings as numbers by label.

    Raises:
        UsageError: if one is not of that form.
    """
    thresholds = {}
    for text in given or ():
        label, _, value = text.rpartition("=")
        try:
            thresholds[label] = float(value)
        except ValueError:
            label = ""
        if not label:
            raise UsageError(f"--threshold {text} is not of the form LABEL=X with a number X from 0 to 1.")
    return thresholds
