"""The report's directory: the page, the figures, the mistakes, the disputed labels, a summary; written whole."""

import json
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from classifier.files import atomic_directory
from classifier.label_studio import label_studio_bytes, label_studio_config
from eval.evaluation import KIND, Evaluation
from eval.findings import markdown_summary
from eval.render import render_html

REPORT: Final = "report.html"
METRICS: Final = "metrics.json"
ERRORS: Final = "errors.parquet"
SUSPECTS: Final = "suspects.json"  # tasks for Label Studio
INTERFACE: Final = "suspects.xml"  # the labelling interface these tasks are made for
SUMMARY: Final = "summary.md"


def is_report(directory: Path) -> bool:
    """Whether a directory may be replaced by a report: it is empty, or a report and nothing else."""
    if not directory.is_dir():
        return False
    names = {path.name for path in directory.iterdir()}
    if not names <= {REPORT, METRICS, ERRORS, SUSPECTS, INTERFACE, SUMMARY}:
        return False
    try:
        metrics = json.loads((directory / METRICS).read_bytes()) if names else {"kind": KIND}
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(metrics, dict) and metrics.get("kind") == KIND


def write_report(evaluation: Evaluation, output: Path, overwrite: bool) -> None:
    """Write the report's directory whole; with `overwrite` in the place of one that stands there.

    Raises:
        OutputError: if it cannot be written.
    """
    metrics = evaluation.metrics
    with atomic_directory(output, replace=overwrite) as fresh:
        text = json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False)
        (fresh / METRICS).write_text(text + "\n", encoding="utf-8")
        (fresh / SUSPECTS).write_bytes(label_studio_bytes(metrics["suspects"], evaluation.rows.labels))
        (fresh / INTERFACE).write_text(label_studio_config(evaluation.rows.labels), encoding="utf-8")
        pq.write_table(evaluation.errors, fresh / ERRORS, compression="zstd")
        (fresh / SUMMARY).write_text(markdown_summary(metrics), encoding="utf-8")
        (fresh / REPORT).write_text(render_html(evaluation), encoding="utf-8")
