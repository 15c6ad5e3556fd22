"""What identifies the data that a model was trained on, or a report made from: names and digests, never paths."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from classifier.formats import Format
from classifier.reading import resolve
from classifier.sources import DatasetSource, FileSource


def describe_sources(
    inputs: Sequence[str | Path], input_format: Format | None = None, splits: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Name and content digest of each input; a path would tell of the machine."""
    described: list[dict[str, Any]] = []
    for source in resolve(inputs, input_format, splits):
        if isinstance(source, FileSource):
            described.append({"name": source.path.name, "sha256": source.digest()})
        elif isinstance(source, DatasetSource):
            described.append({"name": Path(source.name).name, "fingerprint": source.digest()})
    return described
