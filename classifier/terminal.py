"""Readable answers for a terminal: a paragraph with its labels, and the words that spoke for them."""

import shutil
import textwrap
from typing import IO, Any

from classifier.predictor import Explanation, Model, Scored
from classifier.records import Chunk, OutputColumns


def describe(model: Model, scored: Scored, row: int) -> str:
    """«cynicism 0.81, skepticism 0.55», «none (nearest: cynicism 0.21)», or why the text was not scored."""
    if scored.statuses[row] != "ok":
        return f"not scored: {scored.reasons[row]}"
    values = dict(zip(model.labels, scored.probabilities[row].tolist(), strict=True))
    given = sorted(
        (label for k, label in enumerate(model.labels) if scored.given[row, k]), key=lambda label: -values[label]
    )
    if given:
        return ", ".join(f"{label} {values[label]:.2f}" for label in given)
    nearest = max(values, key=lambda label: values[label] - model.thresholds[label])
    return f"none (nearest: {nearest} {values[nearest]:.2f}, given from {model.thresholds[nearest]:.2f})"


def explain_lines(explanation: Explanation, model: Model, scored: Scored) -> list[str]:
    """For each label its probability, its threshold, and the words for and against it."""
    width, lines = max(map(len, model.labels)), []
    for k, label in enumerate(model.labels):
        mark = "yes" if scored.given[0, k] else "no"
        lines.append(
            f"{label:<{width}}  {scored.probabilities[0, k]:.2f}  {mark:<3} (given from {model.thresholds[label]:.2f})"
        )
        for sign, against in (("for", False), ("against", True)):
            words = explanation.strongest(label, against=against)
            if words:
                lines.append(f"{'':<{width}}  {sign}: " + ", ".join(f"{word} {value:+.2f}" for word, value in words))
    return lines


class TerminalWriter:
    """Writes each paragraph's first lines with its labels beneath; for people, not for programs."""

    guarded = 0

    def __init__(self, file: IO[str], text_column: str, columns: OutputColumns) -> None:
        self._file, self._text, self._columns = file, text_column, columns
        self._width = max(40, min(shutil.get_terminal_size().columns, 110))

    def write(self, chunk: Chunk, added: dict[str, list[Any]]) -> None:
        columns = self._columns
        for row, value in enumerate(chunk.column(self._text)):
            text = textwrap.shorten(printable(str(value)), 3 * self._width, placeholder=" …")
            self._file.write(textwrap.fill(text, self._width) + "\n")
            labels = added[columns.labels][row]
            if added[columns.status][row] != "ok":
                answer = f"not scored: {added[columns.reason][row]}"
            else:
                answer = ", ".join(f"{name} {added[columns.score(name)][row]:.2f}" for name in labels) or "none"
            self._file.write(f"  → {answer}\n")
            for name in labels if columns.evidence else ():
                self._file.write(f"    {name}: {', '.join(map(printable, added[columns.evidence_of(name)][row]))}\n")
            self._file.write("\n")

    def close(self) -> None: ...


def printable(text: str) -> str:
    """Text without control characters, which could steer the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
