"""The model directory: written whole, verified before anything in it is parsed, loaded without executing code.

Loading has three phases. *Parse*: the manifest alone, its size capped. *Audit*: its own digest, its format version,
then every file it names: a plain file inside the directory, of the stated size, under the cap, with the stated SHA-256.
*Construct*: the backend is built from the very bytes that were verified. Files that the manifest does not name are
never opened.
"""

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from classifier.backends import Backend
from classifier.backends.linear import VOCABULARY, WEIGHTS, LinearBackend
from classifier.decision import Decision
from classifier.errors import DataError, ModelError, OutputError
from classifier.files import atomic_directory, exists, sha256
from classifier.fingerprints import SKETCH_SIZE, Fingerprints
from classifier.labels import LabelScheme

FORMAT: Final = "stance-model"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
CARD: Final = "README.md"
FINGERPRINTS: Final = "fingerprints.safetensors"

_MANIFEST_CAP: Final = 4 << 20
_FILE_CAPS: Final = {WEIGHTS: 2 << 30, VOCABULARY: 256 << 20, FINGERPRINTS: 2 << 30}
_FILES_OF: Final = {"linear": (FINGERPRINTS, VOCABULARY, WEIGHTS)}
_AGAIN: Final = "get the model again or train it anew"


@dataclass(frozen=True)
class Bundle:
    """A model as it lies on disk."""

    scheme: LabelScheme
    backend: Backend
    decision: Decision
    provenance: Mapping[str, Any]
    fingerprints: Fingerprints

    @property
    def content(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The manifest, digests filled in, and the bytes of the files it names."""
        tensors = {"exact": self.fingerprints.exact, "sketch": self.fingerprints.sketch}
        files = {**self.backend.files(), FINGERPRINTS: save_tensors(tensors)}
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "scheme": self.scheme.to_json(),
            "backend": self.backend.to_json(),
            "decision": self.decision.to_json(),
            "provenance": dict(self.provenance),
            "files": {name: {"size": len(files[name]), "sha256": sha256(files[name])} for name in sorted(files)},
            "digest": "",
        }
        return {**manifest, "digest": sha256(_manifest_bytes(manifest))}, files


def _manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def save_bundle(bundle: Bundle, directory: Path, card: str, overwrite: bool = False) -> str:
    """Write a model directory whole, with its model card; returns the model's digest.

    Raises:
        OutputError: if it cannot be written, or `directory` exists and is not to be overwritten, or is no model.
    """
    if overwrite and directory.exists() and not is_replaceable(directory):
        raise OutputError(f"{directory} is no model, so it is not replaced: choose another place.")
    manifest, files = bundle.content
    with atomic_directory(directory, replace=overwrite) as fresh:
        for name, data in files.items():
            (fresh / name).write_bytes(data)
        (fresh / MANIFEST).write_bytes(_manifest_bytes(manifest))
        (fresh / CARD).write_text(card, encoding="utf-8")
    return str(manifest["digest"])


def is_replaceable(directory: Path) -> bool:
    """Whether a directory may be replaced: it is empty, or a model and nothing else. No other file is ever removed."""
    if not directory.is_dir():
        return False
    names = {path.name for path in directory.iterdir()}
    if not names:
        return True
    known = {MANIFEST, CARD, *(name for files in _FILES_OF.values() for name in files)}
    if not names <= known or not (directory / MANIFEST).is_file():
        return False
    try:
        manifest = json.loads(_read_plain_file(directory, MANIFEST, _MANIFEST_CAP))
    except (ModelError, ValueError, RecursionError):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT


def load_bundle(directory: Path) -> tuple[Bundle, dict[str, Any]]:
    """Verify and load a model directory; returns it with its manifest.

    Raises:
        ModelError: if it is missing, damaged, foreign, of a newer format, or too large to be a model.
    """
    manifest = read_manifest(directory)
    files = _audited_files(directory, manifest)
    scheme = _scheme(manifest)
    decision = Decision.from_json(manifest.get("decision"), len(scheme))
    backend = LinearBackend.from_files(manifest["backend"], files, len(scheme))
    provenance = manifest.get("provenance")
    if not isinstance(provenance, dict):
        raise ModelError(f"{directory / MANIFEST}: provenance is no object: {_AGAIN}.")
    return Bundle(scheme, backend, decision, provenance, _fingerprints(files[FINGERPRINTS])), manifest


def read_manifest(directory: Path) -> dict[str, Any]:
    """The parsed manifest, its own digest, format and version verified.

    Raises:
        ModelError: if there is none, or it is not what this version of the program wrote.
    """
    if not exists(directory) or not directory.is_dir():
        raise ModelError(f"There is no model directory {directory}: check the path, or train one with stance train.")
    data = _read_plain_file(directory, MANIFEST, _MANIFEST_CAP)
    try:
        manifest = json.loads(data)
        canonical = _manifest_bytes(manifest)
    except (ValueError, RecursionError) as error:  # half a surrogate pair is a ValueError, too
        raise ModelError(f"{directory / MANIFEST} is not valid JSON ({error}): {_AGAIN}.") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError(
            f"{directory} is no model of this program (its manifest.json is of another kind): check the path."
        )
    version = manifest.get("format_version")
    if type(version) is not int or version < 1:
        raise ModelError(f"{directory / MANIFEST}: format_version is {version!r}, not a number: {_AGAIN}.")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{directory} has model format {version}, this program reads up to {FORMAT_VERSION}: update the program."
        )
    if data != canonical or manifest.get("digest") != sha256(_manifest_bytes({**manifest, "digest": ""})):
        raise ModelError(f"{directory / MANIFEST} was changed after it was written (its digest differs): {_AGAIN}.")
    return manifest


def _read_plain_file(directory: Path, name: str, cap: int, size: int | None = None) -> bytes:
    """The bytes of a file in the directory; links, devices and files over the cap or of another size are refused."""
    path = directory / name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ModelError(f"Cannot read {path} ({error.strerror}): {_AGAIN}.") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise ModelError(f"{path} is no plain file: {_AGAIN}.")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > cap:
            raise ModelError(f"{path} has {status.st_size:,} bytes, more than the {cap:,} allowed: {_AGAIN}.")
        if size is not None and status.st_size != size:
            raise ModelError(f"{path} has {status.st_size:,} bytes where the manifest says {size:,}: {_AGAIN}.")
        return file.read(cap + 1)


def _audited_files(directory: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    backend, entries = manifest.get("backend"), manifest.get("files")
    kind = backend.get("kind") if isinstance(backend, dict) else None
    if not isinstance(kind, str) or kind not in _FILES_OF:
        raise ModelError(f"{directory} holds a model of kind {kind!r}, which this program does not know: update it.")
    if not isinstance(entries, dict) or sorted(entries) != sorted(_FILES_OF[kind]):
        raise ModelError(
            f"{directory / MANIFEST}: a {kind} model has the files {', '.join(_FILES_OF[kind])}: {_AGAIN}."
        )
    files = {}
    for name, entry in entries.items():
        size, digest = (entry.get("size"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if type(size) is not int or not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ModelError(f"{directory / MANIFEST}: the entry of {name} needs size and sha256: {_AGAIN}.")
        data = _read_plain_file(directory, name, _FILE_CAPS[name], size)
        if sha256(data) != digest:
            raise ModelError(f"{directory / name} was changed after it was written (its digest differs): {_AGAIN}.")
        files[name] = data
    return files


def _scheme(manifest: Mapping[str, Any]) -> LabelScheme:
    scheme = manifest.get("scheme")
    try:
        return LabelScheme.from_mapping(scheme if isinstance(scheme, dict) else {}, MANIFEST)
    except DataError as error:
        raise ModelError(f"{error} ({_AGAIN})") from None


def _fingerprints(data: bytes) -> Fingerprints:
    try:
        tensors = load_tensors(data)
        exact, sketch = tensors["exact"], tensors["sketch"]
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{FINGERPRINTS} is no valid safetensors file ({error}): {_AGAIN}.") from None
    if exact.ndim != 1 or exact.dtype != np.uint64 or sketch.dtype != np.uint32:
        raise ModelError(f"{FINGERPRINTS} holds tensors of another type: {_AGAIN}.")
    if sketch.shape != (len(exact), SKETCH_SIZE):
        raise ModelError(f"{FINGERPRINTS}: the sketches have shape {sketch.shape}, not {(len(exact), SKETCH_SIZE)}.")
    return Fingerprints(exact, sketch)
