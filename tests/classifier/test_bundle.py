"""The model directory: written whole, and refused with a reason when a byte of it is not what was written."""

import copy
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from classifier.backends.linear import Block, LinearBackend
from classifier.backends.ngrams import NgramSpec
from classifier.bundle import Bundle, load_bundle, save_bundle
from classifier.decision import Decision
from classifier.errors import ModelError, OutputError
from classifier.fingerprints import fingerprint
from classifier.labels import Label, LabelScheme
from classifier.predictor import load_model

TEXTS = [
    "The bridge was closed all winter.",
    "Who closed the bridge, and who was paid?",
    "Winter — «naturally» — again",
]
FILES = ("manifest.json", "vocabulary.json", "weights.safetensors", "fingerprints.safetensors")


def small_bundle() -> Bundle:
    """A model of a few terms, so that thousands of its mutations load in no time."""
    words = Block(NgramSpec("word", 1, 2), ["bridge", "closed the", "«", "winter"], np.float32([1.5, 2, 1, 1.25]))
    chars = Block(NgramSpec("char_wb", 2, 3), [" b", "who", "ç"], np.float32([1, 1.75, 3]))
    coef = np.random.default_rng(3).normal(size=(2, 7)).astype(np.float32)
    backend = LinearBackend((words, chars), coef, np.float32([0.5, -0.25]), True, 0.25)
    scheme = LabelScheme("tones", (Label("calm", "Says it «as it is»."), Label("cross")), "2", "en")
    decision = Decision((1.5, 2.0), (-0.5, 0.125), (0.5, 0.25))
    provenance = {"rows": 3, "versions": {"numpy": "2"}, "held_out": [0.5, None], "note": "ein Versuch – «klein»"}
    return Bundle(scheme, backend, decision, provenance, fingerprint(TEXTS))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    save_bundle(small_bundle(), tmp_path / "model", "# A small model\n")
    return tmp_path / "model"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical(manifest: dict[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def manifest_of(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "manifest.json").read_bytes())


def seal(directory: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest with the digest that fits it, as whoever forges a model would."""
    digest = sha256(canonical({**manifest, "digest": ""}))
    (directory / "manifest.json").write_bytes(canonical({**manifest, "digest": digest}))


def replace_file(directory: Path, name: str, data: bytes) -> None:
    """Put another content into a file of the model and reseal, so that only the content itself can be at fault."""
    (directory / name).write_bytes(data)
    manifest = manifest_of(directory)
    manifest["files"][name] = {"size": len(data), "sha256": sha256(data)}
    seal(directory, manifest)


def refused(directory: Path, match: str = ".{20}") -> None:
    with pytest.raises(ModelError, match=match):
        load_bundle(directory)


def test_the_manifest_seals_itself_and_every_other_file_but_the_card(directory: Path) -> None:
    manifest = manifest_of(directory)
    assert manifest["digest"] == sha256(canonical({**manifest, "digest": ""}))
    for name in FILES[1:]:
        data = (directory / name).read_bytes()
        assert manifest["files"][name] == {"size": len(data), "sha256": sha256(data)}
    assert sorted(manifest["files"]) == sorted(FILES[1:])
    assert sorted(os.listdir(directory)) == sorted([*FILES, "README.md"])


def test_a_loaded_model_is_the_saved_one_bit_by_bit(directory: Path, tmp_path: Path) -> None:
    original, (loaded, manifest) = small_bundle(), load_bundle(directory)
    np.testing.assert_array_equal(loaded.backend.scores(TEXTS), original.backend.scores(TEXTS))
    np.testing.assert_array_equal(loaded.fingerprints.exact, original.fingerprints.exact)
    np.testing.assert_array_equal(loaded.fingerprints.sketch, original.fingerprints.sketch)
    for part in ("scheme", "decision", "provenance"):
        assert getattr(loaded, part) == getattr(original, part)
    assert save_bundle(loaded, tmp_path / "again", "# A small model\n") == manifest["digest"]
    for name in os.listdir(directory):
        assert (tmp_path / "again" / name).read_bytes() == (directory / name).read_bytes()


def test_a_trained_model_predicts_identically_after_another_round_trip(
    model_directory: Path, tmp_path: Path, seed_rows: list[dict[str, Any]]
) -> None:
    bundle, manifest = load_bundle(model_directory)
    save_bundle(bundle, tmp_path / "copy", "card")
    one, other = load_model(model_directory), load_model(tmp_path / "copy")
    texts = [row["text"] for row in seed_rows[:200]]
    np.testing.assert_array_equal(one.predict_proba(texts), other.predict_proba(texts))
    assert one.predict(texts) == other.predict(texts)
    assert other.digest == one.digest == manifest["digest"]


def test_a_changed_model_card_does_not_matter(directory: Path) -> None:
    (directory / "README.md").write_text("Edited by its reader.")
    load_bundle(directory)
    (directory / "README.md").unlink()
    load_bundle(directory)


BYTE_MUTATIONS: dict[str, Callable[[bytes], bytes]] = {
    "first bit flipped": lambda data: bytes([data[0] ^ 1, *data[1:]]),
    "last bit flipped": lambda data: bytes([*data[:-1], data[-1] ^ 0x40]),
    "two bytes swapped": lambda data: data[:40] + data[41:42] + data[40:41] + data[42:],
    "first byte lost": lambda data: data[1:],
    "last byte lost": lambda data: data[:-1],
    "second half lost": lambda data: data[: len(data) // 2],
    "emptied": lambda _: b"",
    "newline added": lambda data: data + b"\n",
    "byte-order mark added": lambda data: b"\xef\xbb\xbf" + data,
    "doubled": lambda data: data * 2,
    "zeroed": lambda data: bytes(len(data)),
    "made UTF-16": lambda data: data.decode("latin-1").encode("utf-16"),
    "line ends of Windows": lambda data: data.replace(b"\n", b"\r\n") + b"\r\n",
    "pickled": lambda _: b"\x80\x04N.",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mutation", BYTE_MUTATIONS)
def test_a_mutated_file_is_refused(directory: Path, name: str, mutation: str) -> None:
    data = (directory / name).read_bytes()
    mutated = BYTE_MUTATIONS[mutation](data)
    assert mutated != data
    (directory / name).write_bytes(mutated)
    refused(directory, name)


def test_no_flipped_bit_in_the_manifest_goes_unnoticed(directory: Path) -> None:
    data = (directory / "manifest.json").read_bytes()
    for position in range(0, len(data), 3):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        (directory / "manifest.json").write_bytes(changed)
        refused(directory)


Place = tuple[Any, ...]


def places(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every field of a JSON value, containers too, with where it stands."""
    if at:
        yield at, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, key))


def changed_values(value: Any) -> dict[str, Any]:
    """What a field may be turned into: nothing, another type, another value of its own type."""
    of_its_type: dict[str, Any] = {"other": 1}
    match value:
        case bool():
            of_its_type = {"other": not value}
        case str():
            of_its_type = {"other": value + "x"}
        case int():
            of_its_type = {"other": value + 1, "huge": 10**30, "negative": -1}
        case float():
            of_its_type = {"other": value / 2, "NaN": float("nan"), "infinite": float("inf"), "a million": 1e6}
        case list():
            of_its_type = {"longer": [*value, value[-1]], "empty": []}
        case dict():
            of_its_type = {"with one more": {**value, "x": 1}, "empty": {}}
    return {"null": None, "of another type": 7 if isinstance(value, str) else "seven", **of_its_type}


def mutations(manifest: dict[str, Any]) -> Iterator[tuple[Place, str, dict[str, Any]]]:
    for at, value in places(manifest):
        for what, change in {"deleted": ..., **changed_values(value)}.items():
            if change is value or (change is None and value is None):
                continue
            mutated = copy.deepcopy(manifest)
            parent = mutated
            for key in at[:-1]:
                parent = parent[key]
            if change is ...:
                del parent[at[-1]]
            else:
                parent[at[-1]] = change
            yield at, what, mutated


def is_another_model(at: Place, what: str) -> bool:
    """Whether a resealed change makes another well-formed model: what a different training could have written."""
    allowed: tuple[str, ...] = ()
    match at:
        case ("provenance",):
            allowed = ("with one more", "empty")
        case ("provenance", *_):
            return True
        case ("scheme", "name" | "version" | "language") | ("scheme", "labels", _, "definition"):
            allowed = ("deleted", "other")
        case ("decision", "slope" | "intercept", _):
            allowed = ("other", "a million")
        case ("scheme", "labels", _, "name") | ("backend", "blocks", _, "min_n" | "max_n"):
            allowed = ("other",)
        case ("decision", "thresholds", _) | ("backend", "sublinear_tf" | "coverage_floor"):
            allowed = ("other",)
        case ("scheme" | "decision" | "backend",) | ("scheme", "labels", _) | ("backend", "blocks", _) | ("files", _):
            allowed = ("with one more",)  # a field that a later, compatible version might add
    return what in allowed


def test_every_changed_field_of_the_manifest_is_refused_while_the_digest_is_the_old_one(directory: Path) -> None:
    count = 0
    for _, _, mutated in mutations(manifest_of(directory)):
        (directory / "manifest.json").write_bytes(canonical(mutated))
        refused(directory)
        count += 1
    assert count > 200


def test_a_resealed_change_is_refused_unless_it_makes_another_well_formed_model(directory: Path) -> None:
    wrong = []
    for at, what, mutated in mutations(manifest_of(directory)):
        if at[0] == "digest":
            continue  # a new seal overwrites it
        seal(directory, mutated)
        loaded = True
        try:
            assert np.isfinite(load_model(directory).predict_proba(TEXTS)).all()
        except ModelError:
            loaded = False
        if loaded != is_another_model(at, what):
            wrong.append((at, what, "loaded" if loaded else "refused"))
    assert wrong == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("becomes", ["nothing", "a link", "a pipe", "a socket"])
def test_a_file_that_is_no_plain_file_is_refused_without_waiting_for_it(
    directory: Path, name: str, becomes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / name).rename(directory / "aside")
    if becomes == "a link":  # to the very bytes that are expected
        (directory / name).symlink_to("aside")
    elif becomes == "a pipe":
        os.mkfifo(directory / name)
    elif becomes == "a socket":
        monkeypatch.chdir(directory)  # the path of a socket must be short
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(name)
    refused(directory, name)


@pytest.mark.parametrize("name", FILES)
def test_a_directory_in_a_files_place_is_refused(directory: Path, name: str) -> None:
    (directory / name).unlink()
    (directory / name).mkdir()
    refused(directory, name)


def test_files_too_large_for_a_model_are_refused_before_they_are_read(directory: Path) -> None:
    manifest, size = manifest_of(directory), 3 << 30
    os.truncate(directory / "weights.safetensors", size)  # a sparse file: no disk, but three gigabytes to read
    manifest["files"]["weights.safetensors"]["size"] = size
    seal(directory, manifest)
    refused(directory, "weights.safetensors has 3,221,225,472 bytes, more than")
    os.truncate(directory / "manifest.json", size)
    refused(directory, "manifest.json has 3,221,225,472 bytes, more than")


@pytest.mark.parametrize("version", [2, 99, 10**30])
def test_a_model_of_a_newer_format_asks_for_an_update(directory: Path, version: int) -> None:
    seal(directory, {**manifest_of(directory), "format_version": version})
    refused(directory, "update the program")


FOREIGN: dict[str, dict[str, str]] = {
    "nothing": {},
    "a transformer": {"config.json": '{"model_type": "bert"}', "model.safetensors": "x"},
    "an extension of a browser": {"manifest.json": '{"manifest_version": 3}'},
    "a list": {"manifest.json": '["stance-model", 1]'},
    "the name alone": {"manifest.json": '{"format": "stance-model"}'},
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_directory_of_another_kind_is_refused(tmp_path: Path, kind: str) -> None:
    for name, text in FOREIGN[kind].items():
        (tmp_path / name).write_text(text)
    refused(tmp_path, "manifest.json")
    refused(tmp_path / "absent", "no model directory .*absent")


@pytest.mark.parametrize("depths", [[100], [100_000], range(880, 1000, 5)], ids=["low", "deep", "at Python's limit"])
def test_nested_json_is_refused_without_overflow(directory: Path, depths: Sequence[int]) -> None:
    data = (directory / "manifest.json").read_bytes()
    for depth in depths:
        deep = b"[" * depth + b"]" * depth
        (directory / "manifest.json").write_bytes(data.replace(b'"rows": 3', b'"rows": ' + deep))
        refused(directory, "manifest.json")
        (directory / "manifest.json").write_bytes(data)
        replace_file(directory, "vocabulary.json", b'[["a"],' + deep + b"]")
        refused(directory, "vocabulary.json")


def test_half_a_surrogate_pair_in_the_manifest_is_refused(directory: Path) -> None:
    data = (directory / "manifest.json").read_bytes()
    (directory / "manifest.json").write_bytes(data.replace(b'"tones"', b'"\\ud800"'))
    refused(directory, "manifest.json")


EXACT, SKETCH = np.ones(3, np.uint64), np.ones((3, 24), np.uint32)
BROKEN_FINGERPRINTS = {
    "no digests": {"sketch": SKETCH},
    "no sketches": {"exact": EXACT},
    "signed digests": {"exact": EXACT.astype(np.int64), "sketch": SKETCH},
    "digests in columns": {"exact": EXACT[:, None], "sketch": SKETCH},
    "a digest too few": {"exact": EXACT[1:], "sketch": SKETCH},
    "sketches of floats": {"exact": EXACT, "sketch": SKETCH.astype(np.float32)},
    "short sketches": {"exact": EXACT, "sketch": np.ones((3, 23), np.uint32)},
    "flat sketches": {"exact": EXACT, "sketch": SKETCH.ravel()},
}


@pytest.mark.parametrize("broken", BROKEN_FINGERPRINTS)
def test_fingerprints_of_another_shape_or_type_are_refused(directory: Path, broken: str) -> None:
    replace_file(directory, "fingerprints.safetensors", save_tensors(BROKEN_FINGERPRINTS[broken]))
    refused(directory, "fingerprints.safetensors")


@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[[]]", b"\x80\x04\x95pickled", bytes(64), b"\xff" * 64])
def test_resealed_files_without_the_announced_content_are_refused(directory: Path, name: str, content: bytes) -> None:
    replace_file(directory, name, content)
    refused(directory, name)


def test_names_that_lead_out_of_the_directory_are_refused(directory: Path) -> None:
    for name in ("../weights.safetensors", "/etc/passwd", "sub/weights.safetensors", "weights.safetensors\0"):
        manifest = manifest_of(directory)
        manifest["files"][name] = manifest["files"].pop("weights.safetensors")
        seal(directory, manifest)
        refused(directory, "a linear model has the files")
        save_bundle(small_bundle(), directory, "card", overwrite=True)


LOAD_AND_TELL = """
import json, sys
from classifier import load_model
from classifier.bundle import load_bundle
directory, opened, forbidden = sys.argv[1], [], []
def audit(event, arguments):
    if event == "open" and directory in str(arguments[0]):
        opened.append(str(arguments[0])[len(directory) + 1:])
    if event in ("import", "exec", "compile", "pickle.find_class", "marshal.loads", "ctypes.dlopen"):
        forbidden.append(event)
sys.addaudithook(audit)
load_model(directory)
print(json.dumps({"opened": opened, "forbidden": forbidden}))
"""


def test_loading_opens_the_named_files_alone_and_imports_runs_and_unpickles_nothing(
    model_directory: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "model"
    shutil.copytree(model_directory, directory)
    for name in ("classifier.py", "modeling.py", "config.json", "model.pkl", "model.joblib", "__init__.py", "numpy.py"):
        (directory / name).write_text("raise SystemExit('this must not run')")
    (directory / "README.md").unlink()
    os.mkfifo(directory / "README.md")  # whoever opens it waits for ever
    ran = subprocess.run(
        [sys.executable, "-c", LOAD_AND_TELL, str(directory)], capture_output=True, text=True, timeout=60, check=True
    )
    told = json.loads(ran.stdout)
    assert sorted(told["opened"]) == sorted(FILES)
    assert told["forbidden"] == []


def test_a_model_of_hundreds_of_thousands_of_terms_loads_without_delay(tmp_path: Path) -> None:
    terms = [f"term{number}" for number in range(300_000)]
    block = Block(NgramSpec("word", 1, 1), terms, np.ones(len(terms), np.float32))
    backend = LinearBackend((block,), np.ones((2, len(terms)), np.float32), np.zeros(2, np.float32))
    small = small_bundle()
    save_bundle(Bundle(small.scheme, backend, small.decision, {}, small.fingerprints), tmp_path / "large", "card")
    started = time.perf_counter()
    load_bundle(tmp_path / "large")
    assert time.perf_counter() - started < 10  # a fraction of a second; generous, for machines under load


def test_saving_replaces_a_model_only_when_told(directory: Path) -> None:
    with pytest.raises(OutputError, match="--overwrite"):
        save_bundle(small_bundle(), directory, "card")
    assert (directory / "README.md").read_text() == "# A small model\n"
    save_bundle(small_bundle(), directory, "A new card", overwrite=True)
    assert (directory / "README.md").read_text() == "A new card"
    assert os.listdir(directory.parent) == ["model"]


def test_saving_never_replaces_a_directory_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "chapter.txt").write_text("years of work")
    with pytest.raises(OutputError):
        save_bundle(small_bundle(), tmp_path, "card", overwrite=True)
    assert os.listdir(tmp_path) == ["chapter.txt"]


def test_a_directory_with_somebody_elses_manifest_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"manifest_version": 3}')
    (tmp_path / "code.js").write_text("let years = 'of work'")
    with pytest.raises(OutputError):
        save_bundle(small_bundle(), tmp_path, "card", overwrite=True)
