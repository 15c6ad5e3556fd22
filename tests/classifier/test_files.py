"""Files and directories that appear whole or not at all."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from classifier.errors import OutputError
from classifier.files import atomic_directory, atomic_file, file_sha256, sha256


class InterruptedWorkError(Exception):
    """Stands for whatever may go wrong while a file is written."""


def fail_while_writing(target: Path, error: type[BaseException]) -> None:
    with atomic_file(target) as file:
        file.write(b"x" * 100_000)
        raise error


def fail_while_filling(target: Path, error: type[BaseException]) -> None:
    with atomic_directory(target, replace=True) as fresh:
        (fresh / "one").write_text("new")
        raise error


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_a_file_appears_under_its_name_only_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "out.csv"
    with atomic_file(target) as file:
        file.write(b"one\n")
        file.flush()
        assert not target.exists()
    assert target.read_bytes() == b"one\n"
    assert names(target.parent) == ["out.csv"]


def test_a_file_is_replaced_only_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(InterruptedWorkError):
        fail_while_writing(target, InterruptedWorkError)
    assert target.read_text() == "old"
    with atomic_file(target) as file:
        file.write(b"new")
    assert target.read_text() == "new"
    assert names(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("error", [InterruptedWorkError, KeyboardInterrupt, MemoryError, SystemExit])
def test_nothing_is_left_of_a_file_when_work_is_interrupted(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        fail_while_writing(tmp_path / "out.csv", error)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_and_a_directory_get_the_permissions_that_an_ordinary_one_would(
    tmp_path: Path, mask: int, mode: int
) -> None:
    before = os.umask(mask)
    try:
        with atomic_file(tmp_path / "out.csv") as file:
            file.write(b"x")
        with atomic_directory(tmp_path / "out") as fresh:
            (fresh / "inner").write_text("x")
        assert os.umask(mask) == mask  # and the mask itself is as it was
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o777 & ~mask


@pytest.mark.parametrize("name", ["plain/out.csv", "plain/deeper/out.csv", "directory", "a\0b.csv", "n" * 300 + ".csv"])
def test_a_file_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "plain").write_text("a file where a directory would have to be")
    (tmp_path / "directory" / "inner").mkdir(parents=True)
    before = names(tmp_path)
    error = ValueError if "\0" in name else OutputError
    with pytest.raises(error), atomic_file(tmp_path / name) as file:
        file.write(b"x")
    assert names(tmp_path) == before
    assert (tmp_path / "plain").read_text() == "a file where a directory would have to be"


def test_the_error_says_what_cannot_be_written_and_why(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    said = r"Cannot write .*plain/out\.csv \(.+\): .*nothing was left half-written"
    with pytest.raises(OutputError, match=said), atomic_file(tmp_path / "plain" / "out.csv"):
        pass


def test_a_file_of_the_longest_name_that_the_system_takes_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 251 + ".csv")
    with atomic_file(target) as file:
        file.write(b"x")
    assert names(tmp_path) == [target.name]


def test_writing_through_a_link_replaces_the_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    (tmp_path / "link.csv").symlink_to("precious")
    with atomic_file(tmp_path / "link.csv") as file:
        file.write(b"x")
    assert (tmp_path / "precious").read_text() == "data"
    assert (tmp_path / "link.csv").read_text() == "x"


def test_a_directory_appears_whole_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with atomic_directory(target) as fresh:
        (fresh / "one").write_text("1")
        (fresh / "sub").mkdir()
        (fresh / "sub" / "two").write_text("2")
        assert not target.exists()
    assert names(target) == ["one", "sub"]
    assert (target / "sub" / "two").read_text() == "2"
    assert names(target.parent) == ["model"]


@pytest.mark.parametrize("error", [InterruptedWorkError, KeyboardInterrupt, MemoryError])
def test_nothing_is_left_of_a_directory_when_work_is_interrupted(tmp_path: Path, error: type[BaseException]) -> None:
    old = tmp_path / "model"
    old.mkdir()
    (old / "one").write_text("old")
    with pytest.raises(error):
        fail_while_filling(old, error)
    assert (old / "one").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_a_directory_that_exists_is_refused_before_any_work_is_done(tmp_path: Path) -> None:
    worked = False
    (tmp_path / "file").write_text("somebody's")
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"), atomic_directory(tmp_path):
        worked = True
    assert not worked


def test_a_replaced_directory_holds_only_what_is_new(tmp_path: Path) -> None:
    old = tmp_path / "model"
    old.mkdir()
    (old / "stale").write_text("old")
    with atomic_directory(old, replace=True) as fresh:
        (fresh / "one").write_text("new")
    assert names(old) == ["one"]
    assert names(tmp_path) == ["model"]


def test_the_old_directory_comes_back_when_the_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    old = tmp_path / "model"
    old.mkdir()
    (old / "one").write_text("old")
    with pytest.raises(OutputError, match="Cannot write"), atomic_directory(old, replace=True) as fresh:
        fresh.rmdir()
    assert (old / "one").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_a_relative_directory_is_the_same_whether_or_not_it_ends_in_a_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "./b/", "c/../d"):
        with atomic_directory(Path(name)) as fresh:
            (fresh / "one").write_text("1")
    assert names(tmp_path) == ["a", "b", "d"]


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_digests_of_bytes_and_files_are_sha256(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"\xff" * (size % 256)
    (tmp_path / "file").write_bytes(data)
    assert (
        sha256(data) == sha256(memoryview(data)) == file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()
    )
