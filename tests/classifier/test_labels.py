"""Label schemes, whoever's they are, and corpora: directories whose labels.toml says scheme, splits and files."""

import json
from pathlib import Path
from typing import Any

import pytest

from classifier.errors import DataError
from classifier.labelled import Columns, read_labelled
from classifier.labels import Label, LabelScheme, read_labels_toml
from classifier.reading import resolve
from classifier.seeds import default_scheme, seeds_directory

MOODS = ("praise", "insult", "advice to others", "über-irony")


@pytest.mark.parametrize("names", [MOODS, ("a",), ("1", "2"), ("Sympathy", "sympathy"), ("x" * 200,), ("шутка", "悲")])
def test_a_scheme_keeps_names_and_order_of_anyones_labels(names: tuple[str, ...]) -> None:
    scheme = LabelScheme.from_names(names)
    assert scheme.names == names
    assert len(scheme) == len(names)
    assert [scheme.index(name) for name in names] == list(range(len(names)))


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", "a;b", "a,b", "a=b", 'a"b', "a'b", "a\nb", "a\tb", "\0", "x" * 201]
)
def test_a_name_that_could_not_stand_in_a_column_or_an_option_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="cannot be used") as caught:
        LabelScheme.from_names(["fine", name])
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a\x7fb", "a\x85b", "\ud800"], ids=ascii)
def test_control_characters_and_half_characters_in_a_name_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="cannot be used"):
        LabelScheme.from_names([name])


def test_a_scheme_needs_labels_and_names_each_once() -> None:
    with pytest.raises(DataError, match="no labels"):
        LabelScheme.from_names([])
    with pytest.raises(DataError, match="twice"):
        LabelScheme.from_names(["praise", "insult", "praise"])


@pytest.mark.parametrize(
    ("unknown", "answer"),
    [
        ("insults", "did you mean 'insult'?"),
        ("PRAISE", "did you mean 'praise'?"),
        ("uber-irony", "did you mean 'über-irony'?"),
        ("zzz", "the labels are praise, insult, advice to others, über-irony"),
    ],
)
def test_an_unknown_label_is_answered_with_the_nearest_or_with_all(unknown: str, answer: str) -> None:
    with pytest.raises(DataError) as caught:
        LabelScheme.from_names(MOODS).index(unknown)
    assert f"unknown label {unknown!r}: {answer}" in str(caught.value)


def test_a_scheme_survives_json_and_its_digest_tells_any_change() -> None:
    scheme = LabelScheme("moods", (Label("praise", "Says it is good."), Label("insult")), "2", "en")
    again = LabelScheme.from_mapping(json.loads(json.dumps(scheme.to_json())), "model")
    assert again == scheme
    assert again.digest == scheme.digest
    others = [
        LabelScheme("mood", scheme.labels, "2", "en"),
        LabelScheme("moods", scheme.labels[::-1], "2", "en"),
        LabelScheme("moods", (Label("praise", "Says it was good."), Label("insult")), "2", "en"),
        LabelScheme("moods", scheme.labels, "3", "en"),
        LabelScheme("moods", scheme.labels, "2", "de"),
    ]
    assert len({scheme.digest, *(other.digest for other in others)}) == 6


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"labels": "praise"},
        {"labels": ["praise"]},
        {"labels": [{"definition": "nameless"}]},
        {"labels": [{"name": 1}]},
        {"labels": [{"name": "a", "definition": 2}]},
        {"labels": [{"name": "a"}], "version": 1.0},
    ],
    ids=json.dumps,
)
def test_what_is_no_scheme_is_refused_with_its_file(data: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"^corpus/labels\.toml"):
        LabelScheme.from_mapping(data, "corpus/labels.toml")


TOML = """\ufeffname = "moods"
[splits]
train = ["a.jsonl", "deep/b.csv"]
test = "c.jsonl"
[[labels]]
name = "praise"
definition = \"\"\"Says
  it is good.\"\"\"
[[labels]]
name = "insult"
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus with two splits; every row's text names its file."""
    directory = tmp_path / "corpus"
    (directory / "deep").mkdir(parents=True)
    (directory / "labels.toml").write_text(TOML, encoding="utf-8")
    row = {"text": "In a.", "labels": ["insult"]}
    (directory / "a.jsonl").write_text(json.dumps(row) + "\n")
    (directory / "deep/b.csv").write_text("text,labels\nIn b.,praise\n")
    (directory / "c.jsonl").write_text(json.dumps({**row, "text": "In c."}) + "\n")
    (directory / "unlisted.jsonl").write_text("not even JSON")
    return directory


def change(corpus: Path, old: str, new: str) -> None:
    """Replace a part of the corpus's labels.toml."""
    text = (corpus / "labels.toml").read_text(encoding="utf-8")
    assert old in text
    (corpus / "labels.toml").write_text(text.replace(old, new), encoding="utf-8")


def refusal(directory: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_labelled([directory], default=default_scheme())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_corpus_brings_its_scheme_and_only_the_files_it_names(corpus: Path) -> None:
    data = read_labelled([corpus], default=default_scheme())
    assert data.scheme.names == ("praise", "insult")
    assert data.scheme.labels[0].definition == "Says it is good."
    assert data.texts == ["In a.", "In b.", "In c."]
    assert data.hard.tolist() == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("splits", "texts"), [(["test"], ["In c."]), (["test", "train"], ["In c.", "In a.", "In b."]), (None, None)]
)
def test_splits_of_a_corpus_can_be_chosen(splits: list[str] | None, texts: list[str] | None, corpus: Path) -> None:
    assert read_labelled([corpus], splits=splits).texts == (texts or ["In a.", "In b.", "In c."])


def test_an_unknown_split_is_refused_with_the_splits_there_are(corpus: Path) -> None:
    with pytest.raises(DataError, match="no split 'dev': it has train, test"):
        resolve([corpus], splits=["train", "dev"])


@pytest.mark.parametrize("name", ["../secret.jsonl", "/etc/passwd", "deep/../../secret.jsonl", ".."])
def test_a_corpus_cannot_name_files_outside_its_directory(name: str, corpus: Path) -> None:
    (corpus.parent / "secret.jsonl").write_text('{"text": "Secret.", "labels": []}\n')
    change(corpus, '"deep/b.csv"', json.dumps(name))
    assert f"{name!r} is no file inside the corpus directory" in refusal(corpus)


def test_a_split_that_is_no_list_of_names_is_refused(corpus: Path) -> None:
    change(corpus, '"deep/b.csv"', "7")
    assert "7 is no file inside" in refusal(corpus)


def test_a_file_that_a_corpus_names_and_lacks_is_refused(corpus: Path) -> None:
    (corpus / "deep/b.csv").unlink()
    assert "b.csv" in refusal(corpus)


def test_a_file_of_a_corpus_in_an_unknown_format_is_refused(corpus: Path) -> None:
    change(corpus, '"deep/b.csv"', '"deep/b.xlsx"')
    assert "save it as CSV" in refusal(corpus)


def test_a_corpus_without_splits_is_refused(corpus: Path) -> None:
    change(corpus, "[splits]", "[parts]")
    assert "no [splits] table" in refusal(corpus)


@pytest.mark.parametrize("content", [b"name = moods", b'name = "caf\xe9"', b"[[labels]]\nname = 1"])
def test_a_labels_toml_that_is_none_is_refused_with_its_path(content: bytes, corpus: Path) -> None:
    (corpus / "labels.toml").write_bytes(content)
    assert str(corpus / "labels.toml") in refusal(corpus)


def test_a_directory_in_place_of_labels_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.toml").mkdir()
    assert "labels.toml" in refusal(tmp_path)


def test_a_missing_labels_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"needs a labels\.toml"):
        read_labels_toml(tmp_path / "labels.toml")


def test_an_unknown_label_in_a_corpus_is_refused_with_file_row_and_nearest_label(corpus: Path) -> None:
    (corpus / "a.jsonl").write_text('{"text": "In a.", "labels": ["prais"]}\n')
    assert f"{corpus / 'a.jsonl'}, row 1: unknown label 'prais': did you mean 'praise'?" in refusal(corpus)


def test_corpora_of_unlike_schemes_are_not_mixed(corpus: Path) -> None:
    with pytest.raises(DataError, match="different label schemes"):
        read_labelled([corpus, seeds_directory()])


def test_the_own_corpus_is_read_whole_and_its_splits_share_no_group(seed_rows: list[dict[str, Any]]) -> None:
    train, test = (read_labelled([seeds_directory()], splits=[split]) for split in ("train", "test"))
    assert train.scheme == test.scheme == default_scheme()
    assert train.texts[: len(seed_rows)] == [row["text"] for row in seed_rows]
    assert train.left_out == test.left_out == []
    assert len(read_labelled([seeds_directory()])) == len(train) + len(test)
    groups = [
        {
            group
            for source in resolve([seeds_directory()], splits=[split])
            for chunk in source.chunks()
            for group in chunk.column("group")
        }
        for split in ("train", "test")
    ]
    assert groups[0]
    assert groups[1]
    assert not groups[0] & groups[1]


def labelled_rows(directory: Path, *labels: list[str]) -> Path:
    lines = [json.dumps({"text": f"Comment {k}.", "labels": given}) for k, given in enumerate(labels)]
    (directory / "data.jsonl").write_text("\n".join(lines))
    return directory / "data.jsonl"


def test_the_labels_of_the_data_make_a_scheme_where_none_is_known(tmp_path: Path) -> None:
    path = labelled_rows(tmp_path, ["praise"], ["advice", "praise"], [])
    for default in (None, default_scheme()):
        data = read_labelled([path], default=default)
        assert data.scheme.names == ("advice", "praise")
        assert data.hard.tolist() == [[0, 1], [1, 1], [0, 0]]
    given = LabelScheme.from_names(["praise", "insult", "advice"])
    assert read_labelled([path], given, default=default_scheme()).hard.tolist() == [[1, 0, 0], [1, 0, 1], [0, 0, 0]]


def test_data_without_any_label_is_of_the_default_scheme_or_of_none(tmp_path: Path) -> None:
    path = labelled_rows(tmp_path, [], [])
    assert read_labelled([path], default=default_scheme()).scheme == default_scheme()
    with pytest.raises(DataError, match="no labels"):
        read_labelled([path])


def test_label_columns_that_are_named_make_their_own_scheme(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("text,ham,spam,eggs\nA b.,0,0.9,1\n")
    columns = Columns(label_columns=("spam", "ham"))
    data = read_labelled([tmp_path / "data.csv"], default=default_scheme(), columns=columns)
    assert data.scheme.names == ("spam", "ham")
    assert data.hard.tolist() == [[1, 0]]
    with pytest.raises(DataError, match=r"no column 'bacon'.*--label-columns"):
        read_labelled([tmp_path / "data.csv"], columns=Columns(label_columns=("spam", "bacon")))
