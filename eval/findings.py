"""What the figures say in plain sentences: for the page's summary, a terminal, a pull request."""

import math
from typing import Any, Final

from eval.leakage import is_leaky

Figure = dict[str, float | None]

_ROOM: Final = 0.05  # distances below this are not worth a manager's attention


def figure(entry: Figure, signed: bool = False) -> str:
    """«0.541 (0.492 to 0.588)», or that it is not defined."""
    if entry["value"] is None:
        return "not defined"
    form = "{:+.3f}" if signed else "{:.3f}"
    if entry["low"] is None or entry["high"] is None:
        return form.format(entry["value"])
    return f"{form.format(entry['value'])} ({form.format(entry['low'])} to {form.format(entry['high'])})"


def findings(metrics: dict[str, Any]) -> list[str]:
    """Three plain sentences: where it is strong and weak, how near to people, what a count of its labels would say."""
    return [line for line in (_strength(metrics), _ceiling(metrics) or _none(metrics), _skew(metrics)) if line]


def _strength(metrics: dict[str, Any]) -> str | None:
    per_label = metrics["per_label"]
    ranked = sorted(
        (label for label in per_label if per_label[label]["f1"]["value"] is not None),
        key=lambda label: -per_label[label]["f1"]["value"],
    )
    if not ranked:
        return None
    best, worst = ranked[0], ranked[-1]
    line = f"Best on {best}, F1 {figure(per_label[best]['f1'])}"
    return f"{line}; weakest on {worst}, F1 {figure(per_label[worst]['f1'])}." if len(ranked) > 1 else f"{line}."


def _ceiling(metrics: dict[str, Any]) -> str | None:
    found = metrics["ceiling"]
    if not found or found["macro"]["model"]["value"] is None or found["macro"]["annotators"]["value"] is None:
        return None
    model, people = found["macro"]["model"]["value"], found["macro"]["annotators"]["value"]
    return (
        f"Against a held-out annotator it reaches macro-F1 {model:.2f} where the other annotators reach {people:.2f}."
    )


def _none(metrics: dict[str, Any]) -> str | None:
    right = metrics["overall"]["none_precision"]
    return None if right["value"] is None else f"Where it gives no label, the share that carry none is {figure(right)}."


def _skew(metrics: dict[str, Any]) -> str | None:
    ratios = [
        (label, m["predicted_prevalence"]["value"] / m["prevalence"]["value"])
        for label, m in metrics["per_label"].items()
        if m["prevalence"]["value"] and m["predicted_prevalence"]["value"]
    ]
    if not ratios:
        return None
    label, ratio = max(ratios, key=lambda item: abs(math.log(item[1])))
    return f"Counting given labels would mislead most on {label}: given {ratio:.2f} times as often as it is true."


def advice(metrics: dict[str, Any]) -> str:
    """The one thing that would help most, by simple rules that the page states with their figures."""
    overlap = metrics["overlap"]
    if overlap and is_leaky(overlap):
        return "Evaluate on text that was not trained on; until then believe none of these figures."
    per_label, counts = metrics["per_label"], metrics["counts"]
    scarce = [label for label, c in counts.items() if c["true_positives"] + c["false_negatives"] < 30]
    if scarce:
        return f"Label more rows that carry {' and '.join(scarce)}: below thirty, their figures say little."
    gains = {
        label: found["best"]["f1"] - (per_label[label]["f1"]["value"] or 0.0)
        for label, found in metrics["curves"].items()
        if found
    }
    label = max(gains, key=lambda name: gains[name], default=None)
    if label is not None and gains[label] > _ROOM:
        best = metrics["curves"][label]["best"]
        return (
            f"The threshold of {label} does not suit this text: {best['threshold']:.3g} would have given F1 "
            f"{best['f1']:.2f} here. Try --threshold {label}={best['threshold']:.3g} on other labelled rows like these."
        )
    weakest = min(
        (name for name in per_label if per_label[name]["f1"]["value"] is not None),
        key=lambda name: per_label[name]["f1"]["value"],
        default=None,
    )
    if weakest is None:
        return "Label rows that carry the labels: this set holds none."
    return f"Read the mistakes on {weakest} below and label more rows like them; recheck the disputed labels first."


def text_summary(metrics: dict[str, Any]) -> str:
    """The main figures for a terminal."""
    overall, width = metrics["overall"], max(map(len, metrics["per_label"]))
    lines = [f"evaluated   {metrics['data']['description']}"]
    lines += [
        f"            {label:<{width}}  F1 {figure(m['f1'])}, average precision {figure(m['average_precision'])}"
        for label, m in metrics["per_label"].items()
    ]
    macro, mean_ap = figure(overall["macro_f1"]), figure(overall["mean_average_precision"])
    lines.append(f"overall     macro-F1 {macro}, mean average precision {mean_ap}")
    right, found = figure(overall["none_precision"]), figure(overall["none_recall"])
    lines.append(f"none        right where it gives no label: {right}; of those without one it finds {found}")
    if metrics["behaviour"]:
        rate = metrics["behaviour"]["contrast"]["pass_rate"]
        lines.append(f"behaviour   contrast pairs passed: {figure(rate)}")
    lines += [f"compared    {comparison['verdict']}" for comparison in metrics["comparisons"]]
    lines += [f"note        {note}" for note in metrics["notes"]]
    return "\n".join(lines)


def markdown_summary(metrics: dict[str, Any]) -> str:
    """The main figures for a pull request or a wiki."""
    overall = metrics["overall"]
    lines = [
        f"### Evaluation of {metrics['model']['name']}",
        "",
        f"{metrics['data']['description']}. Macro-F1 **{figure(overall['macro_f1'])}**, "
        f"mean average precision {figure(overall['mean_average_precision'])}.",
        "",
        "| label | F1 | precision | recall | average precision |",
        "| --- | --- | --- | --- | --- |",
    ]
    for label, m in metrics["per_label"].items():
        cells = [figure(m[name]) for name in ("f1", "precision", "recall", "average_precision")]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    lines.append("")
    lines += [f"- {line}" for line in findings(metrics)]
    lines += [f"- Compared: {comparison['verdict']}" for comparison in metrics["comparisons"]]
    lines += [f"- **Note:** {note}" for note in metrics["notes"]]
    return "\n".join(lines) + "\n"
