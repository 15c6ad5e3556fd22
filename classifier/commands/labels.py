"""`stance labels`: the labels and what they mean, of the project's own scheme or of a model."""

import argparse
import textwrap
from pathlib import Path

from classifier.predictor import load_model
from classifier.seeds import default_scheme


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="MODEL", help="a model directory (the project's own label scheme)")


def run(arguments: argparse.Namespace) -> int:
    scheme = load_model(Path(arguments.model)).scheme if arguments.model else default_scheme()
    for label in scheme.labels:
        print(label.name)
        if label.definition:
            print(textwrap.indent(textwrap.fill(label.definition, 96), "    "))
    return 0
