"""The project's own corpus is what its datasheet says: every row, every vote, every split."""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from classifier.fingerprints import fingerprint, matches
from classifier.labelled import read_labelled
from classifier.labels import read_labels_toml
from classifier.reading import corpus_files
from classifier.seeds import default_scheme, seeds_directory
from classifier.text import assess

Row = dict[str, Any]
SEEDS = Path(__file__).parent.parent / "seeds"
FIELDS = {"id": str, "text": str, "labels": list, "votes": list, "contested": bool, "group": str, "register": str}
REGISTERS = {"comment", "forum", "article", "essay", "petition", "debate"}


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def splits() -> dict[str, list[Row]]:
    _, content = read_labels_toml(SEEDS / "labels.toml")
    return {
        split: [row for path in corpus_files(SEEDS, [split]) for row in rows_of(path)] for split in content["splits"]
    }


@pytest.fixture(scope="module")
def paragraphs(splits: dict[str, list[Row]]) -> list[Row]:
    return [row for rows in splits.values() for row in rows]


@pytest.fixture(scope="module")
def pairs() -> list[Row]:
    return rows_of(SEEDS / "pairs.jsonl")


@pytest.fixture(scope="module")
def rows(paragraphs: list[Row], pairs: list[Row]) -> list[Row]:
    return [*paragraphs, *pairs]


def test_the_scheme_is_readable_and_names_two_splits_with_rows(splits: dict[str, list[Row]]) -> None:
    scheme = default_scheme()
    assert seeds_directory() == SEEDS
    assert len(scheme) > 1
    assert scheme.language == "en"
    assert all(len(label.definition) > 40 for label in scheme.labels)
    assert set(splits) == {"train", "test"}
    assert all(len(rows) > 1_000 for rows in splits.values())


def test_no_paragraph_file_lies_outside_the_splits() -> None:
    assert sorted((SEEDS / "paragraphs").iterdir()) == sorted(corpus_files(SEEDS))


def test_the_codebook_has_a_section_with_definition_and_examples_for_every_label() -> None:
    sections = re.split(r"^## ", (SEEDS / "codebook.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    by_title = {section.splitlines()[0].strip(): section for section in sections}
    for name in default_scheme().names:
        assert "**Definition.**" in by_title[name]
        assert f"**{name} 2" in by_title[name]
        assert "**none.**" in by_title[name]


def test_every_paragraph_has_the_documented_fields_and_no_others(paragraphs: list[Row]) -> None:
    for row in paragraphs:
        assert FIELDS.keys() <= row.keys() <= FIELDS.keys() | {"counterpart_of"}, row["id"]
        assert all(type(row[name]) is kind for name, kind in FIELDS.items()), row["id"]
        assert row["register"] in REGISTERS, row["id"]
        assert re.fullmatch(r"t-[0-9a-f]{12}", row["group"]), row["id"]
        assert row.get("counterpart_of", "a source"), row["id"]


def test_every_pair_has_the_documented_fields_and_two_texts_of_one_group(pairs: list[Row]) -> None:
    by_pair = defaultdict(list)
    for row in pairs:
        assert row.keys() == FIELDS.keys() | {"pair", "test", "stance"}, row["id"]
        assert all(type(row[name]) is kind for name, kind in FIELDS.items()), row["id"]
        assert row["register"], row["id"]
        by_pair[row["pair"]].append(row)
    for name, both in by_pair.items():
        assert len(both) == 2, name
        assert both[0]["text"] != both[1]["text"], name
        assert len({(row["group"], row["test"], row["stance"], row["register"]) for row in both}) == 1, name


def test_in_a_contrast_pair_one_stance_flips_and_in_an_invariance_pair_none(pairs: list[Row]) -> None:
    by_pair = defaultdict(list)
    for row in pairs:
        by_pair[row["pair"]].append(row)
    for name, (one, other) in by_pair.items():
        flipped = set(one["labels"]) ^ set(other["labels"])
        assert flipped == (set() if one["test"] == "invariance" else {one["stance"]}), name
    assert {one["stance"] for one, _ in by_pair.values()} == {*default_scheme().names, None}


def test_labels_and_votes_are_of_the_scheme_and_named_once(rows: list[Row]) -> None:
    names = set(default_scheme().names)
    for row in rows:
        for labels in (row["labels"], *row["votes"]):
            assert type(labels) is list, row["id"]
            assert set(labels) <= names, row["id"]
            assert len(set(labels)) == len(labels), row["id"]


def test_labels_are_what_the_majority_of_votes_says(rows: list[Row]) -> None:
    for row in rows:
        counts = Counter(name for vote in row["votes"] for name in vote)
        majority = {name for name, votes in counts.items() if votes > len(row["votes"]) / 2}
        assert set(row["labels"]) == majority, row["id"]


def test_rows_are_contested_where_the_first_two_votes_differ_and_then_have_a_third(rows: list[Row]) -> None:
    for row in rows:
        differ = set(row["votes"][0]) != set(row["votes"][1])
        assert row["contested"] is differ, row["id"]
        assert len(row["votes"]) == (3 if differ else 2), row["id"]
    assert 0.01 < sum(row["contested"] for row in rows) / len(rows) < 0.3


def test_ids_are_unique_over_all_files(rows: list[Row]) -> None:
    assert [name for name, times in Counter(row["id"] for row in rows).items() if times > 1] == []


def test_no_group_stands_in_two_splits_or_in_paragraphs_and_pairs(
    splits: dict[str, list[Row]], pairs: list[Row]
) -> None:
    groups = [{row["group"] for row in rows} for rows in [*splits.values(), pairs]]
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_no_paragraph_stands_nearly_the_same_in_two_splits_or_in_paragraphs_and_pairs(
    splits: dict[str, list[Row]], pairs: list[Row]
) -> None:
    prints = [fingerprint([row["text"] for row in rows]) for rows in [*splits.values(), pairs]]
    for k, one in enumerate(prints):
        for other in prints[k + 1 :]:
            assert list(matches(one, other)) == []


def test_every_text_can_be_scored_and_holds_no_nul_and_no_stray_space(rows: list[Row]) -> None:
    wrong = [row["id"] for row in rows if assess(row["text"]) != ("ok", None) or row["text"] != row["text"].strip()]
    assert wrong == []
    assert [row["id"] for row in rows if "\0" in row["text"]] == []


def test_no_text_holds_a_control_character(rows: list[Row]) -> None:
    control = [
        row["id"] for row in rows if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in row["text"])
    ]
    assert control == []


def test_no_text_holds_an_address_of_the_web_or_of_a_person(rows: list[Row]) -> None:
    address = re.compile(r"\b[a-z][a-z0-9+.-]*://\S|\bmailto:\S|\bwww\.\S|[\w.+-]+@[\w-]+\.\w", re.IGNORECASE)
    assert [row["id"] for row in rows if address.search(row["text"])] == []
    assert address.search("see https://a.example, write to A.B@c.example")


def test_the_corpus_reads_as_labelled_data_with_every_row_and_soft_labels_from_votes(paragraphs: list[Row]) -> None:
    data = read_labelled([SEEDS])
    assert len(data) == len(paragraphs)
    assert data.left_out == []
    assert data.scheme == default_scheme()
    assert data.n_groups == len({row["group"] for row in paragraphs})
    assert data.hard.sum(axis=0).min() > 500
    contested = next(k for k, row in enumerate(paragraphs) if row["contested"])
    votes = paragraphs[contested]["votes"]
    shares = [sum(name in vote for vote in votes) / 3 for name in data.scheme.names]
    assert data.soft[contested].tolist() == pytest.approx(shares)
    assert ((data.soft >= 0.5) == (data.hard == 1)).all()


def test_pairs_read_as_labelled_data_too(pairs: list[Row]) -> None:
    assert len(read_labelled([SEEDS / "pairs.jsonl"], default_scheme())) == len(pairs)
