"""Receipts of classification jobs: what was read, what was written, and whether it still stands as it was written."""

import json
from pathlib import Path
from typing import Any, Final

from classifier.errors import OutputError
from classifier.files import exists, file_sha256

KIND: Final = "stance-receipt"
VERSION: Final = 1
ENDING: Final = ".receipt.json"
SHARD_MANIFEST: Final = "manifest.json"
_LARGEST: Final = 64 << 20


def receipt_of(output: Path) -> Path:
    """Where the receipt of an output file lies."""
    return output.with_name(output.name + ENDING)


def receipt_bytes(receipt: dict[str, Any]) -> bytes:
    """ASCII, so that it can also name files whose names are not UTF-8."""
    return (json.dumps(receipt, indent=1) + "\n").encode()


def read_receipt(path: Path) -> dict[str, Any] | None:
    """The receipt in a file; None if the file is missing or holds none."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        receipt = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return receipt if isinstance(receipt, dict) and receipt.get("kind") == KIND else None


def is_receipt(path: Path) -> bool:
    """Whether a file is a receipt, by its name or as a directory's manifest."""
    return path.name.endswith(ENDING) or (path.name == SHARD_MANIFEST and read_receipt(path) is not None)


def is_own_directory(directory: Path) -> bool:
    """Whether a directory may be replaced by a job: it is empty, or holds nothing but the shards of one."""
    if not exists(directory) or not any(directory.iterdir()):
        return True
    receipt = read_receipt(directory / SHARD_MANIFEST)
    files = written_files(receipt, directory) if receipt else None
    return files is not None and {path.name for path in directory.iterdir()} <= {
        SHARD_MANIFEST,
        *(p.name for p in files),
    }


def written_files(receipt: dict[str, Any], output: Path) -> dict[Path, str] | None:
    """The files that a receipt says were written, with their digests; None if it does not say."""
    written = receipt.get("output")
    if not isinstance(written, dict):
        return None
    shards = written.get("shards")
    entries = shards if isinstance(shards, list) else [written]
    files: dict[Path, str] = {}
    for entry in entries:
        name, digest = (entry.get("name"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(digest, str) or Path(name).name != name:
            return None
        files[output / name if isinstance(shards, list) else output] = digest
    return files


def verified(output: Path, path: Path, job: dict[str, Any]) -> dict[str, Any]:
    """The receipt of a finished output of this very job, its files verified by digest.

    Raises:
        OutputError: if the output is another job's, cannot be told, or was changed since.
    """
    receipt = read_receipt(path)
    files = written_files(receipt, output) if receipt else None
    if receipt is None or files is None or receipt.get("job") != json.loads(json.dumps(job)):
        raise OutputError(
            f"{output} exists and is not the output of this very job: choose another place, or add --overwrite."
        )
    for file, digest in files.items():
        if not file.is_file() or file_sha256(file) != digest:
            raise OutputError(f"{file} was changed since this job wrote it: add --overwrite to write it again.")
    return receipt
