"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere, nothing when asked to be quiet."""

import sys
import time
from typing import Any, Final

_EVERY: Final = 10.0  # seconds between plain lines


class Progress:
    """Counts units of work; use it as a context manager.

    `fraction` in `advance` is the share of all work done so far, where it is known better than by a total.
    """

    def __init__(self, what: str, unit: str, total: int | None = None, quiet: bool = False) -> None:
        self._what, self._unit, self._total, self._quiet = what, unit, total, quiet
        self._done, self._fraction = 0, 0.0
        self._start = self._last = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> "Progress":
        if not self._quiet and sys.stderr.isatty():
            from tqdm import tqdm  # noqa: PLC0415 (only a terminal needs it)

            self._bar = tqdm(total=1.0, desc=self._what, file=sys.stderr, leave=False, bar_format=(
                "{desc}: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]"
            ))  # fmt: skip
        return self

    def advance(self, amount: int = 1, fraction: float | None = None) -> None:
        """Count `amount` more units."""
        self._done += amount
        self._fraction = fraction if fraction is not None else self._done / self._total if self._total else 0.0
        now = time.monotonic()
        if self._bar is not None:
            self._bar.set_postfix_str(self._rate(now), refresh=False)
            self._bar.n = min(self._fraction, 1.0)
            self._bar.refresh()
        elif not self._quiet and now - self._last >= _EVERY:
            self._last = now
            print(f"{self._what}: {self._rate(now)}{self._left(now)}", file=sys.stderr, flush=True)

    def _rate(self, now: float) -> str:
        rate = self._done / max(now - self._start, 1e-9)
        return f"{self._done:,} {self._unit}, {rate:,.0f}/s" if rate >= 10 else f"{self._done:,} {self._unit}"

    def _left(self, now: float) -> str:
        if not 0 < self._fraction < 1:
            return ""
        seconds = (now - self._start) * (1 - self._fraction) / self._fraction
        return f", {self._fraction:.0%} done, about {seconds:,.0f} s left"

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
