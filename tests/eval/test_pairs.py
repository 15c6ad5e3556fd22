"""Contrast and invariance pairs: every format, open labels, and a clear sentence for every mistake."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifier.errors import DataError
from classifier.labels import LabelScheme
from classifier.seeds import default_scheme, seeds_directory
from eval.pairs import Pair, read_pairs

SCHEME = LabelScheme.from_names(["sympathy", "cynicism"])


def row(pair: Any, text: Any, labels: Any = (), test: Any = "negation", stance: Any = "sympathy") -> dict[str, Any]:
    labels = list(labels) if isinstance(labels, tuple) else labels
    return {"pair": pair, "text": text, "labels": labels, "test": test, "stance": stance}


CONTRAST = [row("p", "I weep for them.", ("sympathy",)), row("p", "I do not weep for them.")]
INVARIANCE = [
    row("q", "Anna sighs.", ("cynicism",), "invariance", None),
    row("q", "Olga sighs.", ("cynicism",), "invariance", None),
]
PAIRS = [
    Pair(
        "p",
        "negation",
        "sympathy",
        ("I weep for them.", "I do not weep for them."),
        (frozenset(["sympathy"]), frozenset()),
    ),
    Pair("q", "invariance", None, ("Anna sighs.", "Olga sighs."), (frozenset(["cynicism"]),) * 2),
]


def write(directory: Path, rows: list[dict[str, Any]], ending: str = "jsonl") -> Path:
    path = directory / f"pairs.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif ending == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({**r, "labels": ";".join(r["labels"])} for r in rows)
    else:
        path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_every_format_gives_the_same_pairs_whatever_the_order_of_rows(tmp_path: Path, ending: str) -> None:
    rows = [CONTRAST[0], INVARIANCE[0], CONTRAST[1], INVARIANCE[1]]
    assert read_pairs(write(tmp_path, rows, ending), SCHEME) == PAIRS


def test_the_corpus_brings_pairs_of_both_kinds_in_which_the_stance_alone_flips() -> None:
    pairs = read_pairs(seeds_directory() / "pairs.jsonl", default_scheme())
    assert {pair.stance for pair in pairs} == {None, *default_scheme().names}
    for pair in pairs:
        holds = [pair.stance in (labels or ()) for labels in pair.labels]
        assert holds == [pair.holder == 0, pair.holder == 1]


def test_a_test_named_invariance_lets_no_label_change_whatever_stance_is_named(tmp_path: Path) -> None:
    rows = [{**r, "stance": "cynicism"} for r in INVARIANCE]
    assert read_pairs(write(tmp_path, rows), SCHEME) == PAIRS[1:]


def test_a_pair_without_stance_may_leave_its_labels_open_and_name_its_own_test(tmp_path: Path) -> None:
    rows = [{"pair": 7, "text": text, "test": "names"} for text in ("Anna sighs.", "Olga sighs.")]
    assert read_pairs(write(tmp_path, rows), SCHEME) == [
        Pair("7", "names", None, ("Anna sighs.", "Olga sighs."), (None, None))
    ]


A, B = CONTRAST
MISTAKES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "one member": ([A], "FILE, row 1: the pair 'p' has only this row: add its other member, or leave it out."),
    "three members": (
        [A, B, {**B, "text": "No tears."}],
        "FILE, row 1: the pair 'p' has 3 rows (also FILE, row 2 and FILE, row 3): keep two a pair.",
    ),
    "unknown label": (
        [{**A, "labels": ["sympaty"]}, B],
        "FILE, row 1: unknown label 'sympaty': did you mean 'sympathy'?",
    ),
    "unknown stance": (
        [A, {**B, "stance": "Cynicism"}],
        "FILE, row 2: unknown label 'Cynicism': did you mean 'cynicism'?",
    ),
    "labels do not differ": (
        [A, {**B, "labels": ["sympathy"]}],
        "FILE, row 2: the pair 'p', begun in FILE, row 1, has labels that differ in nothing, and should in exactly "
        "sympathy: correct the labels.",
    ),
    "labels differ in more": (
        [A, {**B, "labels": ["cynicism"]}],
        "differ in cynicism, sympathy, and should in exactly",
    ),
    "labels differ in another": (
        [{**A, "stance": "cynicism"}, {**B, "stance": "cynicism"}],
        "should in exactly cynicism",
    ),
    "labels differ in an invariance pair": (
        [INVARIANCE[0], {**INVARIANCE[1], "labels": []}],
        "differ in cynicism, and should in nothing, as no stance is named: correct the labels.",
    ),
    "no labels in a contrast pair": ([A, {**B, "labels": None}], "FILE, row 2 has no labels (null)"),
    "two tests": ([A, {**B, "test": "relay"}], "names test 'relay' and stance 'sympathy' here and test 'negation'"),
    "two stances": ([A, {**B, "stance": None}], "and no stance here and test 'negation' and stance 'sympathy' there"),
    "one text": ([A, {**B, "text": A["text"]}], "has the same text twice: change the words"),
    "blank text": ([A, {**B, "text": " "}], "FILE, row 2: the text is blank: correct the row, or leave its pair out."),
    "no pair": ([{**A, "pair": ""}, B], "FILE, row 1 does not say which pair it belongs to: a pairs file has"),
    "no test": ([A, {**B, "test": None}], "FILE, row 2 does not say what it tests: a pairs file has"),
    "a list as a name": ([A, {**B, "pair": ["p"]}], "FILE, row 2: pair is ['p']: write a name."),
    "a missing column": (
        [{"text": "x", "id": "1"}],
        "FILE, row 1 has no 'pair' (it has 'text', 'id'): a pairs file has",
    ),
    "no rows": ([], "FILE holds no pairs: a pairs file has the columns"),
}


@pytest.mark.parametrize(("rows", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_file_row_and_remedy(tmp_path: Path, rows: list[dict[str, Any]], message: str) -> None:
    path = write(tmp_path, rows)
    with pytest.raises(DataError) as caught:
        read_pairs(path, SCHEME)
    said = str(caught.value).replace(str(path), "FILE")
    assert message in said
    assert "\n" not in said
