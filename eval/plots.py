"""The report's plots as inline SVG: small, drawn from the figures alone, readable in light, dark and print."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

# A figure is {"value", "low", "high"}, None where undefined.
Figure = dict[str, float | None]


def interval_bar(figure: Figure, colour: str) -> Markup:
    """A point with its interval on a scale from 0 to 1."""
    value = figure["value"]
    if value is None:
        return Markup("")
    low, high = (value if figure[end] is None else figure[end] for end in ("low", "high"))
    return Markup(
        '<svg class="bar" viewBox="-6 0 162 20" width="162" height="20" aria-hidden="true">'
        '<line x1="0" x2="150" y1="10" y2="10" class="axis"/>'
        '<line x1="{low:.1f}" x2="{high:.1f}" y1="10" y2="10" stroke="{colour}" class="range"/>'
        '<circle cx="{x:.1f}" cy="10" r="5" fill="{colour}"/></svg>'
    ).format(low=150 * (low or 0.0), high=150 * (high or 0.0), x=150 * value, colour=colour)


def difference_bar(figure: Figure, colour: str, span: float) -> Markup:
    """A difference with its interval around a line at zero, on a scale from -span to span."""
    value = figure["value"]
    if value is None:
        return Markup("")
    low, high = (value if figure[end] is None else figure[end] for end in ("low", "high"))

    def place(x: float | None) -> float:
        return 75 + 75 * max(-1.0, min(1.0, (x or 0.0) / span))

    return Markup(
        '<svg class="bar" viewBox="-6 0 162 20" width="162" height="20" aria-hidden="true">'
        '<line x1="0" x2="150" y1="10" y2="10" class="axis"/><line x1="75" x2="75" y1="2" y2="18" class="zero"/>'
        '<line x1="{low:.1f}" x2="{high:.1f}" y1="10" y2="10" stroke="{colour}" class="range"/>'
        '<circle cx="{x:.1f}" cy="10" r="5" fill="{colour}"/></svg>'
    ).format(low=place(low), high=place(high), x=place(value), colour=colour)


def _square(label: str, what: str, inside: Markup, across: str, up: str) -> Markup:
    """A unit square with ticks and named axes; coordinates inside run from (30, 150) to (170, 10)."""
    ticks = Markup("").join(
        Markup(
            '<text x="{x:.0f}" y="163" text-anchor="middle">{t}</text>'
            '<text x="26" y="{y:.0f}" text-anchor="end">{t}</text>'
        ).format(x=30 + 140 * t, y=154 - 140 * t, t=f"{t:g}")
        for t in (0, 0.5, 1)
    )
    return Markup(
        '<svg viewBox="0 0 180 196" width="216" height="235" role="img" aria-label="{what} of {label}">'
        '<rect x="30" y="10" width="140" height="140" class="frame"/>{ticks}{inside}'
        '<text x="100" y="176" text-anchor="middle" class="soft">{across}</text>'
        '<text x="10" y="80" text-anchor="middle" transform="rotate(-90 10 80)" class="soft">{up}</text>'
        '<text x="100" y="192" text-anchor="middle" class="name">{label}</text></svg>'
    ).format(label=label, what=what, ticks=ticks, inside=inside, across=across, up=up)


def _x(value: float) -> float:
    return 30 + 140 * value


def _y(value: float) -> float:
    return 150 - 140 * value


def _line(points: Sequence[tuple[float, float]], colour: str) -> Markup:
    path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    return Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="1.6"/>').format(path, colour)


def reliability_plot(found: dict[str, Any], colour: str, label: str) -> Markup:
    """Mean probability against the observed share with its interval; on the diagonal they agree."""
    bins = found["bins"]
    diagonal = Markup('<line x1="30" y1="150" x2="170" y2="10" class="axis" stroke-dasharray="3 3"/>')
    whisker = Markup('<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{c}" class="thin"/>')
    dot = Markup('<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{c}"/>')
    marks = Markup("").join(
        (
            whisker.format(x=_x(b["mean_probability"]), low=_y(b["low"]), high=_y(b["high"]), c=colour)
            if b["low"] is not None
            else Markup("")
        )
        + dot.format(x=_x(b["mean_probability"]), y=_y(b["observed"]), c=colour)
        for b in bins
    )
    line = _line([(b["mean_probability"], b["observed"]) for b in bins], colour)
    return _square(label, "Reliability", diagonal + line + marks, "probability", "observed share")


def precision_recall_plot(found: dict[str, Any], colour: str, label: str) -> Markup:
    """The precision-recall curve with the operating point as a ring."""
    inside = _line([(recall, precision) for recall, precision in found["points"]], colour)
    if found["operating"] is not None:
        inside += Markup('<circle cx="{:.1f}" cy="{:.1f}" r="5" class="ring" stroke="{}"/>').format(
            _x(found["operating"]["recall"]), _y(found["operating"]["precision"]), colour
        )
    return _square(label, "Precision and recall", inside, "recall", "precision")


def risk_coverage_plot(found: dict[str, Any], colour: str) -> Markup:
    """The share of rows not exactly right among the surest, for growing shares of rows."""
    points = [(step["coverage"], step["risk"]) for step in found["curve"] if step["risk"] is not None]
    return _square("all labels", "Risk and coverage", _line(points, colour), "share of rows answered", "share wrong")
