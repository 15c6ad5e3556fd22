"""Where the project's own corpus lies: inside the installed package, or beside it in a source checkout."""

import hashlib
from pathlib import Path

from classifier.errors import DataError
from classifier.files import file_sha256
from classifier.labels import LabelScheme, read_labels_toml

_PACKAGE = Path(__file__).resolve().parent


def seeds_directory() -> Path:
    """The corpus directory.

    Raises:
        DataError: if this installation carries none.
    """
    for candidate in (_PACKAGE / "seeds", _PACKAGE.parent / "seeds"):
        if (candidate / "labels.toml").is_file():
            return candidate
    raise DataError("This installation lacks its corpus (classifier/seeds): install the package again.")


def default_scheme() -> LabelScheme:
    """The label scheme of the project's own corpus."""
    return read_labels_toml(seeds_directory() / "labels.toml")[0]


def content_digest(paths: list[Path]) -> str:
    """SHA-256 over the names and contents of files, in sorted order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}\0{file_sha256(path)}\n".encode())
    return digest.hexdigest()
