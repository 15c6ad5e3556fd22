"""From what the user names (files, directories, standard input, datasets) to rows, and what cannot be read."""

import gzip
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifier.errors import DataError, UsageError
from classifier.reading import resolve
from classifier.sources import DatasetSource, Source, unified

NAMES = ["sympathy", "cynicism", "skepticism", "conspiracy"]
# What cannot be read twice is copied to a temporary file, which the garbage collector closes.
COPIED = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
CSV = "id,text\n1,They buried her on Tuesday.\n2,A likely story.\n"


def put(path: Path, content: bytes | str = CSV) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(*sources: Source) -> list[dict[str, Any]]:
    chunks = [chunk for source in sources for chunk in source.chunks()]
    return [row for c in chunks for row in (c.data if isinstance(c.data, list) else c.data.to_pylist())]


def names_below(directory: Path) -> list[str]:
    return [str(Path(source.name).relative_to(directory)) for source in resolve([directory])]


def refusal(*arguments: Any, error: type[Exception] = DataError) -> str:
    with pytest.raises(error) as caught:
        rows(*resolve(*arguments))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_files_of_a_glob_are_read_in_the_order_given(tmp_path: Path) -> None:
    paths = [put(tmp_path / name, f"text\n{name}\n") for name in ("b.csv", "a.csv", "c.csv")]
    assert [row["text"] for row in rows(*resolve(paths))] == ["b.csv", "a.csv", "c.csv"]


def test_a_directory_is_all_its_data_files_sorted_and_nothing_else(tmp_path: Path) -> None:
    for name in ("2.csv", "10.jsonl.gz", "deep/er/1.parquet", "README.md", "deep/notes.pdf", "_SUCCESS", ".hidden.csv"):
        put(tmp_path / name)
    put(tmp_path / "2.csv.receipt.json", "{}")
    assert names_below(tmp_path) == ["10.jsonl.gz", "2.csv", "deep/er/1.parquet"]


def test_files_in_hidden_folders_are_no_data(tmp_path: Path) -> None:
    put(tmp_path / "a.csv")
    put(tmp_path / ".ipynb_checkpoints/a-checkpoint.csv")
    assert names_below(tmp_path) == ["a.csv"]


def test_a_directory_that_classify_wrote_can_be_read(tmp_path: Path, model_directory: Path, stance: Any) -> None:
    path = put(tmp_path / "in.csv")
    assert stance("classify", path, "-o", f"{tmp_path}/out/", "--model", model_directory)[0] == 0
    assert [row["id"] for row in rows(*resolve([tmp_path / "out"]))] == ["1", "2"]


def test_a_directory_without_data_files_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "README.md")
    assert "holds no data files" in refusal([tmp_path])


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "There is no file or directory" in refusal([tmp_path / "commments.csv"])


def test_a_paragraph_given_in_place_of_a_path_is_refused() -> None:
    assert "There is no file or directory" in refusal(["Nobody asked the people who live there. " * 10])


def test_a_file_that_vanishes_before_it_is_read_is_refused(tmp_path: Path) -> None:
    (source,) = resolve([put(tmp_path / "a.csv")])
    source.path.unlink()  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=r"a\.csv"):
        list(source.chunks())


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("a.xlsx", "save it as CSV (UTF-8) or Parquet"),
        ("A.XLS", "save it as CSV"),
        ("a.ods", "save it as CSV"),
        ("a.csv.zip", "unpack it"),
        ("a.jsonl.zst", "gzip"),
        ("a.docx", "--input-format"),
        ("comments", "--input-format"),
        ("a.gz", "--input-format"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_the_remedy(name: str, remedy: str, tmp_path: Path) -> None:
    assert remedy in refusal([put(tmp_path / name)])


@pytest.mark.parametrize("name", ["export.dat", "export.txt", "export.xlsx"])
def test_an_input_format_given_outweighs_the_ending(name: str, tmp_path: Path) -> None:
    assert [row["id"] for row in rows(*resolve([put(tmp_path / name)], "csv"))] == ["1", "2"]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put bytes on a real pipe that is standard input."""

    opened = []

    def fill(content: bytes) -> None:
        reading, writing = os.pipe()
        os.write(writing, content)
        os.close(writing)
        opened.append(os.fdopen(reading, encoding="utf-8"))
        monkeypatch.setattr(sys, "stdin", opened[-1])

    yield fill
    for file in opened:
        file.close()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("one paragraph\nanother\n", ["one paragraph", "another"]),
        ("one\nparagraph\n\n\nanother\n", ["one\nparagraph", "another"]),
        ("no newline at its end", ["no newline at its end"]),
        ("", []),
    ],
    ids=["lines", "blocks", "unfinished", "nothing"],
)
def test_standard_input_is_a_paragraph_a_line_or_a_block(content: str, expected: list[str], stdin: Any) -> None:
    stdin(content.encode())
    assert [row["text"] for row in rows(*resolve(["-"]))] == expected


@COPIED
@pytest.mark.parametrize("schema_first", [True, False])
@pytest.mark.parametrize("given", ["csv", "jsonl", "parquet"])
def test_standard_input_in_another_format_is_read_also_after_its_schema(
    given: Any, schema_first: bool, stdin: Any
) -> None:
    table = pa.table({"id": ["1", "2"], "text": ["They buried her on Tuesday.", "A likely story."]})
    file = io.BytesIO()
    pq.write_table(table, file)
    lines = "".join(json.dumps(row) + "\n" for row in table.to_pylist())
    stdin({"csv": CSV.encode(), "jsonl": lines.encode(), "parquet": file.getvalue()}[given])
    (source,) = resolve(["-"], given)
    if schema_first:
        assert source.schema().names == ["id", "text"]
    assert rows(source) == table.to_pylist()


def test_standard_input_named_twice_is_refused() -> None:
    assert "twice" in refusal(["-", "-"], error=UsageError)


def test_lines_on_standard_input_are_labelled_by_the_command(model_directory: Path, stance: Any, stdin: Any) -> None:
    stdin(b"They buried her on Tuesday.\nA likely story.\n")
    code, out, _ = stance("classify", "-", "--model", model_directory)
    assert code == 0
    answers = {row["text"]: row["status"] for row in map(json.loads, out.splitlines())}
    assert answers == {"They buried her on Tuesday.": "ok", "A likely story.": "ok"}


@COPIED
@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs process substitution")
def test_the_output_of_another_program_can_be_named_as_a_file() -> None:
    reading, writing = os.pipe()  # what a shell makes of <(zcat comments.csv.gz)
    os.write(writing, CSV.encode())
    os.close(writing)
    try:
        (source,) = resolve([f"/dev/fd/{reading}"], "csv")
        assert source.schema().names == ["id", "text"]
        assert [row["id"] for row in rows(source)] == ["1", "2"]
    finally:
        os.close(reading)


def dataset(labels: list[Any], kind: str = "list") -> Any:
    datasets = pytest.importorskip("datasets")
    one = datasets.ClassLabel(names=NAMES)
    features = datasets.Features(
        {"text": datasets.Value("string"), "labels": one if kind == "one" else datasets.List(one)}
    )
    texts = [f"Comment number {k}." for k in range(len(labels))]
    return datasets.Dataset.from_dict({"text": texts, "labels": labels}, features=features)


def test_a_dataset_on_disk_gives_class_labels_by_name(tmp_path: Path) -> None:
    dataset([[0, 2], [], None]).save_to_disk(tmp_path / "many")
    assert [row["labels"] for row in rows(*resolve([tmp_path / "many"]))] == [["sympathy", "skepticism"], [], None]
    dataset([3, 0], "one").save_to_disk(tmp_path / "one")
    assert [row["labels"] for row in rows(*resolve([tmp_path / "one"]))] == ["conspiracy", "sympathy"]


def test_a_dataset_keeps_the_order_and_choice_of_its_rows(tmp_path: Path) -> None:
    dataset([[0], [1], [2]]).select([2, 0]).save_to_disk(tmp_path / "chosen")
    (source,) = resolve([tmp_path / "chosen"])
    assert [(row["text"], row["labels"]) for row in rows(source)] == [
        ("Comment number 2.", ["skepticism"]),
        ("Comment number 0.", ["sympathy"]),
    ]
    assert [(chunk.first_row, len(chunk)) for chunk in source.chunks(1)] == [(1, 1), (2, 1)]


def test_a_dataset_without_rows_still_has_its_columns() -> None:
    (chunk,) = DatasetSource("none", dataset([[0]]).select([])).chunks()
    assert (chunk.columns, len(chunk)) == (["text", "labels"], 0)
    assert chunk.data.schema.field("labels").type == pa.list_(pa.string())


def saved_splits(directory: Path) -> Path:
    datasets = pytest.importorskip("datasets")
    datasets.DatasetDict({"train": dataset([[0], [1]]), "test": dataset([[2]])}).save_to_disk(directory)
    return directory


def test_every_split_of_a_dataset_is_read_under_its_name(tmp_path: Path) -> None:
    sources = resolve([saved_splits(tmp_path / "splits")])
    assert [(source.name, len(rows(source))) for source in sources] == [
        (f"{tmp_path}/splits[train]", 2),
        (f"{tmp_path}/splits[test]", 1),
    ]


def test_splits_can_be_chosen_of_a_dataset(tmp_path: Path) -> None:
    assert len(rows(*resolve([saved_splits(tmp_path / "splits")], splits=["test"]))) == 1


def test_an_unlabelled_row_of_a_dataset_has_no_label(tmp_path: Path) -> None:
    dataset([-1, 1], "one").save_to_disk(tmp_path / "some")
    assert [row["labels"] for row in rows(*resolve([tmp_path / "some"]))] == [None, "cynicism"]


@pytest.mark.parametrize("file", ["state.json", "dataset_dict.json"])
def test_a_damaged_dataset_is_refused(file: str, tmp_path: Path) -> None:
    saved_splits(tmp_path / "d")
    target = tmp_path / "d" / file if file == "dataset_dict.json" else tmp_path / "d" / "train" / file
    target.write_text("{")
    assert "cannot be loaded" in refusal([tmp_path / "d"])


def test_the_schema_of_a_json_file_holds_fields_that_come_late(tmp_path: Path) -> None:
    lines = [{"text": "a", "likes": 3}] * 5_000 + [{"text": "b", "likes": 2.5, "tags": ["x"]}]
    (source,) = resolve([put(tmp_path / "a.jsonl", "".join(json.dumps(line) + "\n" for line in lines))])
    assert source.schema() == pa.schema(
        [("text", pa.string()), ("likes", pa.float64()), ("tags", pa.list_(pa.string()))]
    )


@pytest.mark.parametrize("odd", ['[1, "a"]', '"many"', "123456789012345678901234567890"])
def test_a_json_field_that_no_column_can_hold_is_refused(odd: str, tmp_path: Path) -> None:
    (source,) = resolve([put(tmp_path / "a.jsonl", f'{{"likes": 1}}\n{{"likes": {odd}}}\n')])
    with pytest.raises(DataError, match=r"a\.jsonl.*JSONL"):
        source.schema()


def test_half_a_surrogate_pair_does_not_keep_a_json_file_from_having_a_schema(tmp_path: Path) -> None:
    (source,) = resolve([put(tmp_path / "a.jsonl", '{"text": "\\ud83d broken emoji"}\n')])
    assert source.schema().names == ["text"]


def test_schemas_of_unlike_inputs_are_refused_only_where_no_type_holds_both() -> None:
    number, real, text = (pa.schema([("n", kind)]) for kind in (pa.int8(), pa.float64(), pa.string()))
    assert unified([number, real], "here").field("n").type == pa.float64()
    with pytest.raises(DataError, match=r"^here: "):
        unified([number, text], "here")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet", "a.jsonl"])
def test_progress_through_a_file_grows_to_its_end(name: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": [f"Comment {k}" for k in range(5_000)]}), file)
    plain = {"parquet": file.getvalue(), "jsonl": b'{"text": "A comment."}\n' * 5_000}
    content = plain.get(name.rpartition(".")[2], b"text\n" + b"A comment.\n" * 5_000)
    (source,) = resolve([put(tmp_path / name, gzip.compress(content) if name.endswith(".gz") else content)])
    fractions = [chunk.fraction or 0.0 for chunk in source.chunks(1_000)]
    assert len(fractions) == 5
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


LATE = "text\n" + "An unremarkable comment.\n" * 9_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("latin.csv", LATE.encode() + b"caf\xe9\n"),
        ("ragged.csv", LATE + "one, two\n"),
        ("cut.csv.gz", gzip.compress(LATE.encode())[:-9]),
        ("cut.jsonl", '{"text": "An unremarkable comment."}\n' * 9_000 + '{"text": "An unrem'),
        ("renamed.parquet", LATE),
        ("untitled.csv", "comment\nWho asked for this?\n"),
    ],
)
def test_a_file_that_is_not_what_it_claims_ends_with_exit_code_2_and_no_output(
    name: str, content: bytes | str, tmp_path: Path, model_directory: Path, stance: Any
) -> None:
    path, output = put(tmp_path / "in" / name, content), tmp_path / "out"
    output.mkdir()
    code, _, err = stance("classify", path, "-o", output / "labelled.jsonl", "--model", model_directory, "--quiet")
    assert code == 2
    assert err.count("\n") == 1
    assert str(path) in err
    assert list(output.iterdir()) == []
