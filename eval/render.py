"""The report's page: one HTML file that opens from disk, from an evaluation's data alone.

It makes no request and runs one script of its own, allowed by its digest, for filtering; without it all is readable.
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eval.evaluation import Evaluation
from eval.findings import advice, figure, findings
from eval.leakage import is_leaky
from eval.mistakes import marked, shown
from eval.plots import difference_bar, interval_bar, precision_recall_plot, reliability_plot, risk_coverage_plot

# Okabe and Ito's palette, told apart by colour-blind readers; every colour also comes with its label's name.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#767676")
_TEXT_CHARS: Final = 700
_SLICES_SHOWN: Final = 25
_PAIRS_SHOWN: Final = 60

_NAMES: Final = {
    "macro_f1": ("macro-F1", "the mean of the labels' F1"),
    "micro_f1": ("micro-F1", "F1 over all labels' decisions together"),
    "weighted_f1": ("weighted F1", "the labels' F1, weighted by how common each is"),
    "macro_precision": ("macro precision", ""),
    "macro_recall": ("macro recall", ""),
    "micro_precision": ("micro precision", ""),
    "micro_recall": ("micro recall", ""),
    "macro_mcc": ("macro MCC", "Matthews correlation, the mean of the labels'"),
    "mean_average_precision": ("mean average precision", "how well labels are ranked, whatever the threshold"),
    "macro_roc_auc": ("macro ROC-AUC", "the chance that a row with the label is ranked above one without"),
    "exact_match": ("all labels right", "share of paragraphs whose labels are exactly those of the truth"),
    "none_precision": ("«none»: precision", "of paragraphs given no label, the share that carry none"),
    "none_recall": ("«none»: recall", "of paragraphs that carry no label, the share given none"),
    "none_f1": ("«none»: F1", ""),
}


def _sections(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    candidates = [
        ("comparison", "Comparison", bool(metrics["comparisons"])),
        ("quality", "Quality", True),
        ("calibration", "Probabilities", any(metrics["calibration"].values())),
        ("ceiling", "Human ceiling", bool(metrics["ceiling"])),
        ("behaviour", "Behaviour", bool(metrics["behaviour"])),
        ("slices", "Slices", True),
        ("confusions", "Confusions", True),
        ("abstention", "Abstention", bool(metrics["abstention"]["rows"])),
        ("suspects", "Labels to check", bool(metrics["suspects"])),
        ("mistakes-title", "Mistakes", True),
        ("method", "Method", True),
    ]
    return [(anchor, title) for anchor, title, there in candidates if there]


def _comparison_rows(comparison: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "macro-F1", comparison["overall"]["macro_f1"]
    yield "mean average precision", comparison["overall"]["mean_average_precision"]
    for label, found in comparison["per_label"].items():
        yield f"{label}: F1", found["f1"]
        yield f"{label}: average precision", found["average_precision"]


def _leaks(comparison: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The compared models that were trained on a good part of the rows."""
    named = zip(comparison["names"], comparison["overlap"], strict=True)
    return [(name, found) for name, found in named if found and is_leaky(found)]


def _as_figure(found: dict[str, Any]) -> dict[str, float | None]:
    return {"value": found["difference"], "low": found["low"], "high": found["high"]}


def _cell(entry: dict[str, float | None], signed: bool = False) -> Markup:
    """A figure for a narrow table cell: the value, its interval beneath."""
    value, _, interval = figure(entry, signed).partition(" (")
    return Markup("{}<small>{}</small>").format(value, interval.rstrip(")")) if interval else Markup("{}").format(value)


def _slices_of_rows(evaluation: Evaluation) -> dict[str, list[str]]:
    """For each row id the slices of named columns that it lies in, as «column: value»."""
    columns = evaluation.rows.columns
    values = zip(*([f"{name}: {value or '(empty)'}" for value in columns[name]] for name in columns), strict=True)
    return dict(zip(evaluation.rows.ids, map(list, values), strict=True)) if columns else {}


def render_html(evaluation: Evaluation) -> str:
    """The whole page; every text is escaped."""
    metrics = evaluation.metrics
    environment = Environment(
        loader=PackageLoader("eval"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    for name in ("report", "quality", "trust", "where", "mistakes", "comparison"):
        environment.get_template(f"{name}.html.j2")  # a syntax error shows before any work is done
    assert environment.loader is not None  # noqa: S101 (given above)
    style, script = (environment.loader.get_source(environment, name)[0] for name in ("style.css", "script.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    slices = _slices_of_rows(evaluation)
    errors = [
        {
            **mistake,
            "pieces": marked(mistake["text"], mistake["evidence"], _TEXT_CHARS),
            "slices": "\n".join(slices.get(mistake["id"], [])),
        }
        for mistake in shown(evaluation.errors)
    ]
    return environment.get_template("report.html.j2").render(
        m=metrics,
        names={name: shown for name, (shown, _) in _NAMES.items()},
        help={name: text for name, (_, text) in _NAMES.items()},
        colours={label: _COLOURS[k % len(_COLOURS)] for k, label in enumerate(metrics["per_label"])},
        sections=_sections(metrics),
        findings=findings(metrics),
        advice=advice(metrics),
        errors=errors,
        n_mistakes=len(evaluation.errors),
        slice_values=sorted({value for values in slices.values() for value in values}),
        slices_shown=_SLICES_SHOWN,
        pairs_shown=_PAIRS_SHOWN,
        style=Markup(style),  # noqa: S704 (our own file)
        script=Markup(script),  # noqa: S704 (our own file)
        script_digest=f"sha256-{digest}",
        figure=figure,
        cell=_cell,
        interval_bar=interval_bar,
        difference_bar=difference_bar,
        reliability_plot=reliability_plot,
        precision_recall_plot=precision_recall_plot,
        risk_coverage_plot=risk_coverage_plot,
        comparisons=[("comparison" + (str(k) if k else ""), found) for k, found in enumerate(metrics["comparisons"])],
        comparison_rows=_comparison_rows,
        leaks=_leaks,
        as_figure=_as_figure,
    )
