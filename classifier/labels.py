"""The label scheme: names and definitions of the labels a corpus or a model uses, and their digest."""

import difflib
import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.errors import DataError

_NAME = re.compile(r"[^\s;,\"'=\x00-\x1f](?:[^;,\"'=\x00-\x1f]*[^\s;,\"'=\x00-\x1f])?")


_SEPARATORS = re.compile(r"[,|/#+]")


@dataclass(frozen=True)
class Label:
    """One label: its name as it stands in data and columns, and what it means."""

    name: str
    definition: str = ""


@dataclass(frozen=True)
class LabelScheme:
    """An ordered set of labels; a paragraph carries zero or more of them.

    Raises:
        DataError: if there are no labels, a name stands twice, or a name could not stand in a column or an option
            (it must not contain `;`, `,`, `=`, quotation marks or control characters).
    """

    name: str
    labels: tuple[Label, ...]
    version: str = "1"
    language: str = ""

    def __post_init__(self) -> None:
        if not self.labels:
            raise DataError(f"The label scheme {self.name!r} has no labels: name at least one.")
        for name in self.names:
            printable = all(unicodedata.category(char) not in ("Cc", "Cs") for char in name)
            if not _NAME.fullmatch(name) or not printable or len(name) > 200:
                raise DataError(
                    f"The label name {name!r} cannot be used: take 1 to 200 characters without ; , = quotation marks "
                    "or control characters, and no space at either end."
                )
        if len(set(self.names)) < len(self.names):
            raise DataError(f"The label scheme {self.name!r} names a label twice: {', '.join(self.names)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names, in the order of every score matrix's columns."""
        return tuple(label.name for label in self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, name: str) -> int:
        """The column of the label `name`.

        Raises:
            DataError: if the scheme has no such label; the message names the nearest one.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise DataError(f"unknown label {name!r}: {self.suggestion(name)}.") from None

    def suggestion(self, name: str) -> str:
        """«did you mean …?», or the list of the labels there are."""
        parts = [part.strip() for part in _SEPARATORS.split(name)]
        if len(parts) > 1 and set(parts) & set(self.names):
            return "separate labels with a semicolon"
        near = difflib.get_close_matches(name.lower(), [known.lower() for known in self.names], n=1)
        known = ", ".join(self.names)
        if not near:
            return f"the labels are {known}"
        nearest = next(label for label in self.names if label.lower() == near[0])
        return f"did you mean {nearest!r}? The labels are {known}"

    @property
    def digest(self) -> str:
        """SHA-256 of the scheme's content, the same wherever it was read from."""
        canonical = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "language": self.language,
            "labels": [{"name": label.name, "definition": label.definition} for label in self.labels],
        }

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any], where: str) -> "LabelScheme":
        """Read the form that `to_json` gives and `labels.toml` has.

        Raises:
            DataError: if a field is missing or of another type; `where` says in which file.
        """
        entries = data.get("labels")
        texts = [data.get("name", ""), data.get("version", ""), data.get("language", "")]
        if not isinstance(entries, list) or not all(isinstance(text, str) for text in texts):
            raise DataError(
                f"{where} is no label scheme: it needs a list `labels`, and text in name, version, language."
            )
        labels = []
        for entry in entries:
            label = (entry.get("name"), entry.get("definition", "")) if isinstance(entry, dict) else (None, "")
            if not isinstance(label[0], str) or not isinstance(label[1], str):
                raise DataError(f"{where}: each label needs a `name` and may have a `definition`, both text.")
            labels.append(Label(label[0], " ".join(label[1].split())))
        return cls(name=texts[0], labels=tuple(labels), version=texts[1], language=texts[2])

    @classmethod
    def from_names(cls, names: Iterable[str], name: str = "custom") -> "LabelScheme":
        return cls(name=name, labels=tuple(Label(label) for label in names))


def read_labels_toml(path: Path) -> tuple[LabelScheme, dict[str, Any]]:
    """The label scheme in a corpus's `labels.toml`, and the file's other content (splits, pairs).

    Raises:
        DataError: if the file is missing, no TOML, or no label scheme.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise DataError(f"There is no {path}: a corpus directory needs a labels.toml.") from None
    except OSError as error:
        raise DataError(f"Cannot read {path} ({error.strerror}): check what it is and its permissions.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not valid TOML ({error}): correct it.") from None
    return LabelScheme.from_mapping(data, str(path)), data
