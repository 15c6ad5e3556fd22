"""`stance explain`: the probability of each label for one text, and the words that spoke for and against it."""

import argparse
import sys

from classifier.errors import DataError
from classifier.predictor import load_model
from classifier.shipped import DEFAULT
from classifier.terminal import describe, explain_lines, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", help="the text, or - to read it from standard input")
    parser.add_argument("--model", default=DEFAULT, metavar="MODEL", help="a model directory, or default")


def run(arguments: argparse.Namespace) -> int:
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    model = load_model(arguments.model)
    scored = model.score([text])
    if scored.statuses[0] != "ok":
        raise DataError(f"The text cannot be scored: {scored.reasons[0]}.")
    lines = explain_lines(model.explain(text), model, scored)
    print(printable("\n".join([describe(model, scored, 0), "", *lines])))
    return 0
