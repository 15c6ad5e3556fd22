"""`stance info`: what a model is, how it decides, what made it, how well it did; after verifying it whole."""

import argparse
import json
from typing import Any

from classifier.predictor import load_model
from classifier.terminal import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model directory, or default")
    parser.add_argument("--json", action="store_true", help="print the whole manifest")


def run(arguments: argparse.Namespace) -> int:
    model = load_model(arguments.model)
    if arguments.json:
        print(json.dumps(model.manifest, indent=2, ensure_ascii=False))
        return 0
    backend, made = model.manifest["backend"], model.manifest["provenance"]
    lines = [
        f"{model.scheme.name}: a {backend['kind']} model, verified",
        f"digest      {model.digest}",
        "thresholds  " + ", ".join(f"{label} {value:.3f}" for label, value in model.thresholds.items()),
        f"trained on  {made.get('description', 'not recorded')}",
        *_held_out(model.labels, made.get("held_out")),
        "made with   " + ", ".join(f"{name} {version}" for name, version in _items(made.get("versions"))),
    ]
    print(printable("\n".join(lines)))
    return 0


def _items(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _held_out(labels: tuple[str, ...], measured: Any) -> list[str]:
    """F1 on the held-out rows of training; provenance is free-form, so nothing in it is relied upon."""
    try:
        f1 = [f"{label} {entry['value']:.2f}" for label, entry in zip(labels, measured["per_label"]["f1"], strict=True)]
        return [f"held out    macro-F1 {measured['overall']['macro_f1']['value']:.2f} ({', '.join(f1)})"]
    except (KeyError, TypeError, ValueError, IndexError):
        return []
