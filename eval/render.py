"""The report's page: one HTML file without scripts or network, from an evaluation's data alone."""

from collections.abc import Sequence
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eval.evaluation import Evaluation

# Okabe and Ito's palette, told apart by colour-blind readers; every colour also comes with its label's name.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#666666")
_ERRORS_SHOWN: Final = 15
_ERROR_CHARS: Final = 1_200

MEASURE_NAMES: Final = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "average_precision": "average precision",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "prevalence": "share in truth",
    "predicted_prevalence": "share given",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "mean_average_precision": "mean average precision",
    "exact_match": "all labels right",
    "none_precision": "«none» is right",
    "none_recall": "«none» is found",
}
MEASURE_HELP: Final = {
    "macro_f1": "the mean of the labels' F1",
    "micro_f1": "F1 over all labels' decisions together",
    "mean_average_precision": "how well labels are ranked, whatever the threshold",
    "exact_match": "share of paragraphs whose labels are exactly those of the truth",
    "none_precision": "of paragraphs given no label, the share that carry none",
    "none_recall": "of paragraphs that carry no label, the share given none",
}


def figure(entry: dict[str, float | None]) -> str:
    """«0.541 (0.492 to 0.588)», or why there is no number."""
    if entry["value"] is None:
        return "not defined"
    ends = f" ({entry['low']:.3f} to {entry['high']:.3f})" if entry["low"] is not None else ""
    return f"{entry['value']:.3f}{ends}"


def interval_bar(entry: dict[str, float | None], colour: str) -> Markup:
    """A point with its interval on a scale from 0 to 1, as inline SVG."""
    if entry["value"] is None:
        return Markup("")
    x = 150 * entry["value"]
    low, high = (150 * (entry[end] if entry[end] is not None else entry["value"]) for end in ("low", "high"))  # type: ignore[operator]
    return Markup(
        '<svg class="bar" viewBox="-6 0 162 20" width="162" height="20" aria-hidden="true">'
        '<line x1="0" x2="150" y1="10" y2="10" class="axis"/>'
        '<line x1="{low:.1f}" x2="{high:.1f}" y1="10" y2="10" stroke="{colour}" class="range"/>'
        '<circle cx="{x:.1f}" cy="10" r="5" fill="{colour}"/></svg>'
    ).format(low=low, high=high, x=x, colour=colour)


def reliability_plot(bins: Sequence[dict[str, float]], colour: str, label: str) -> Markup:
    """Mean probability against the observed share, as inline SVG; on the diagonal they agree."""
    points = [(10 + 140 * b["mean_probability"], 150 - 140 * b["observed"]) for b in bins]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dot = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>')
    dots = Markup("").join(dot.format(x, y, colour) for x, y in points)
    return Markup(
        '<svg viewBox="0 0 160 170" width="200" height="212" role="img" aria-label="Reliability of {label}">'
        '<rect x="10" y="10" width="140" height="140" class="frame"/>'
        '<line x1="10" y1="150" x2="150" y2="10" class="axis" stroke-dasharray="3 3"/>'
        '<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>{dots}'
        '<text x="80" y="165" text-anchor="middle">{label}</text></svg>'
    ).format(label=label, path=path, colour=colour, dots=dots)


def findings(metrics: dict[str, Any]) -> list[str]:
    """Three plain sentences for a reader in a hurry."""
    per_label, overall = metrics["per_label"], metrics["overall"]
    ranked = sorted(
        (label for label in per_label if per_label[label]["f1"]["value"] is not None),
        key=lambda label: -per_label[label]["f1"]["value"],
    )
    lines = []
    if len(ranked) > 1:
        best, worst = ranked[0], ranked[-1]
        lines.append(
            f"Best on {best}, F1 {figure(per_label[best]['f1'])}; "
            f"weakest on {worst}, F1 {figure(per_label[worst]['f1'])}."
        )
    if overall["none_precision"]["value"] is not None:
        lines.append(
            f"Where it gives no label, it is right to do so with a share of {figure(overall['none_precision'])}."
        )
    skewed = [
        (label, m["predicted_prevalence"]["value"] / m["prevalence"]["value"])
        for label, m in per_label.items()
        if m["prevalence"]["value"]
    ]
    if skewed:
        label, ratio = max(skewed, key=lambda item: abs(item[1] - 1))
        lines.append(
            f"Counting given labels would mislead most on {label}: "
            f"it is given {ratio:.2f} times as often as it is true."
        )
    return lines


def _errors_by_label(evaluation: Evaluation) -> dict[str, dict[str, list[dict[str, Any]]]]:
    table: dict[str, dict[str, list[dict[str, Any]]]] = {
        label: {"false positive": [], "false negative": []} for label in evaluation.metrics["per_label"]
    }
    for error in evaluation.errors.to_pylist():
        kept = table[error["label"]][error["kind"]]
        if len(kept) < _ERRORS_SHOWN:
            text = error["text"]
            kept.append({**error, "text": text if len(text) <= _ERROR_CHARS else text[:_ERROR_CHARS] + " …"})
    return table


def render_html(evaluation: Evaluation) -> str:
    """The whole page. Every text is escaped, and the page's content policy allows no script and no request."""
    environment = Environment(
        loader=PackageLoader("eval"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(figure=figure, interval_bar=interval_bar, reliability_plot=reliability_plot)
    labels = list(evaluation.metrics["per_label"])
    return environment.get_template("report.html.j2").render(
        m=evaluation.metrics,
        names=MEASURE_NAMES,
        help=MEASURE_HELP,
        findings=findings(evaluation.metrics),
        colours={label: _COLOURS[k % len(_COLOURS)] for k, label in enumerate(labels)},
        errors=_errors_by_label(evaluation),
    )
