"""Files that appear whole or not at all: atomic writing of files and directories, and digests."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from classifier.errors import OutputError


def sha256(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def exists(path: Path) -> bool:
    """Whether there is something at `path`; a text that can be no path at all is not there."""
    try:
        return path.exists()
    except OSError:  # a name too long, a directory that may not be entered
        return False


def require_possible(path: Path) -> None:
    """Raises OutputError if nothing could ever be written at `path`: its name is too long, its parent is a file."""
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for an operating-system failure while writing `path`."""
    return OutputError(
        f"Cannot write {path} ({error.strerror or error}): free space, fix the permissions or choose another place; "
        "nothing was left half-written."
    )


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems cannot sync a directory; the rename itself stays atomic
        pass
    finally:
        os.close(descriptor)


def _default_mode(base: int) -> int:
    """Temporary files are private; what replaces the target gets the permissions a plain `open` would give."""
    mask = os.umask(0)
    os.umask(mask)
    return base & ~mask


@contextlib.contextmanager
def atomic_file(path: Path, replace: bool = True) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends well, and vanishes when it does not.

    Raises:
        OutputError: if the file cannot be written, or without `replace` something stands there by then.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), _default_mode(0o666))
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
            temporary = None
        else:
            _link(temporary, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _link(temporary: Path, path: Path) -> None:
    """Give the file its name unless the name is taken, in one step where the file system has links."""
    taken = OutputError(f"{path} was made by another job in the meantime: choose another place, or add --overwrite.")
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise taken from None
    except OSError:  # no links here
        if path.exists():
            raise taken from None
        temporary.rename(path)


@contextlib.contextmanager
def atomic_directory(path: Path, replace: bool = False) -> Iterator[Path]:
    """A new directory that takes the place of `path` when the block ends well, and vanishes when it does not.

    With `replace`, a directory that stands at `path` is removed after the new one has taken its place.

    Raises:
        OutputError: if the directory cannot be written, or `path` exists and `replace` is false.
    """
    target = Path(os.path.abspath(path))
    scratch: Path | None = None
    try:
        if target.exists() and not replace and any(target.iterdir()):
            raise OutputError(f"{path} exists already: choose another place, or add --overwrite to replace it.")
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", suffix=".tmp", dir=target.parent))
        fresh = scratch / "new"
        fresh.mkdir()
        yield fresh
        for file in fresh.rglob("*"):
            if file.is_file():
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
        if target.exists() and replace:
            target.rename(scratch / "old")
        fresh.rename(target)  # an empty directory gives way, any other refuses
        _sync_directory(target.parent)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise OutputError(f"{path} was made by another job in the meantime: choose another place.") from None
        raise cannot_write(path, error) from error
    finally:
        if scratch is not None:
            old = scratch / "old"
            if old.exists() and not target.exists():  # the second rename failed: put the old one back
                old.rename(target)
            shutil.rmtree(scratch, ignore_errors=True)
