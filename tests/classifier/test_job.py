"""A classification job: every row once and in order, an honest receipt, nothing overwritten that should not be."""

import csv
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classifier.batch.job import Job, Options
from classifier.errors import DataError, GateError, OutputError, UsageError
from classifier.predictor import Model
from classifier.reading import resolve

SORRY = "I am so sorry for the families in that street, poor souls; nobody should lose a home like this."
DOUBT = "Where is the evidence for that figure? Show me the source before I believe a word of it."
GERMAN = "Gestern wurde im Gemeinderat lange und heftig über die gesperrte Brücke gestritten."
ADDED = ["labels", *(f"score_{name}" for name in ("sympathy", "cynicism", "skepticism", "conspiracy"))]
ADDED += ["status", "reason"]


def write_csv(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("id", "text")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def job(model: Model, *inputs: Path, output_format: str = "csv", **options: Any) -> Job:
    return Job(resolve(inputs), model, Options(output_format, **options), quiet=True)  # type: ignore[arg-type]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def comments(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "comments.csv", [("1", SORRY), ("2", DOUBT), ("3", ""), ("3", SORRY)])


def test_rows_keep_their_order_and_duplicate_ids_pass_through(model: Model, tmp_path: Path) -> None:
    texts = [SORRY, DOUBT, "No.", "", "Agreed, sadly."]
    rows = [(str(number // 2), texts[number % 5]) for number in range(9_001)]  # more than two chunks
    receipt = job(model, write_csv(tmp_path / "in.csv", rows)).run(tmp_path / "out.csv", False)
    found = read_csv(tmp_path / "out.csv")
    assert [(row["id"], row["text"]) for row in found] == rows
    assert list(found[0]) == ["id", "text", *ADDED]
    expected = [(";".join(prediction.labels), prediction.status) for prediction in model.predict(texts)]
    assert [(row["labels"], row["status"]) for row in found] == [expected[number % 5] for number in range(9_001)]
    assert receipt["rows"] == 9_001


def test_the_receipt_counts_what_the_output_holds(model: Model, tmp_path: Path) -> None:
    rows = [{"text": SORRY}, {"text": DOUBT}, {"text": None}, {}, {"text": 3}, {"text": "x" * 300}, {"text": GERMAN}]
    receipt = job(model, write_jsonl(tmp_path / "in.jsonl", rows), output_format="jsonl", max_chars=200).run(
        tmp_path / "out.jsonl", False
    )
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["status"] for row in found] == ["ok", "ok", "empty", "empty", "bad_text", "too_long", "ok"]
    bad = [row for row in found if row["status"] != "ok"]
    assert all(row["labels"] == [] and row["reason"] and row["score_sympathy"] is None for row in bad)
    assert all(row["reason"] is None for row in found if row not in bad)
    assert receipt["statuses"] == {"bad_text": 1, "empty": 2, "ok": 3, "too_long": 1}
    assert receipt["rows"] == 7
    assert receipt["rows_in_another_language"] == 1
    assert receipt["rows_per_label"] == {name: sum(name in row["labels"] for row in found) for name in model.labels}
    assert receipt["rows_without_label"] == sum(row["status"] == "ok" and not row["labels"] for row in found)
    assert receipt["output"]["sha256"] == sha256(tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl.receipt.json").read_text()) == receipt


@pytest.mark.parametrize("column", ["labels", "score_cynicism", "status", "reason"])
@pytest.mark.parametrize("place", ["first input", "second input", "late row"])
def test_a_column_that_the_output_would_overwrite_is_refused_before_anything_is_written(
    model: Model, tmp_path: Path, column: str, place: str
) -> None:
    late = [{"text": "No."}] * (4_500 if place == "late row" else 0)
    inputs = [write_jsonl(tmp_path / "in.jsonl", [*late, {"text": "Yes.", column: "mine"}])]
    if place == "second input":
        inputs.insert(0, write_csv(tmp_path / "first.csv", [(SORRY,)], ("text",)))
    before = sorted(os.listdir(tmp_path))
    for output in ("out.csv", "out.jsonl"):
        with pytest.raises(UsageError, match=f"column '{column}'.*--prefix"):
            job(model, *inputs, output_format=output[4:]).run(tmp_path / output, True)
    with pytest.raises(UsageError, match="--prefix"):
        job(model, *inputs).run_sharded(tmp_path / "shards", False)
    assert sorted(os.listdir(tmp_path)) == before
    job(model, *inputs, output_format="jsonl", prefix="m_").run(tmp_path / "out.jsonl", False)
    last = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[-1])
    assert (last[column], last["m_status"]) == ("mine", "ok")


def test_the_same_job_again_verifies_its_output_and_leaves_it_alone(
    model: Model, model_directory: Path, comments: Path, tmp_path: Path, stance: Any
) -> None:
    output = tmp_path / "out.csv"
    arguments = ("classify", comments, "-o", output, "--model", model_directory)
    assert stance(*arguments)[0] == 0
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    code, out, err = stance(*arguments)
    assert (code, out) == (0, "")
    assert "verified" in err
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()} == before
    assert job(model, comments).run(output, False)["verified"] is True


def test_an_output_of_another_job_is_refused_and_kept_until_told_to_overwrite(
    model: Model, comments: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    job(model, comments).run(output, False)
    written = output.read_bytes()
    others = [
        job(model, comments, thresholds={"sympathy": 0.9}),
        job(model, comments, prefix="x_"),
        job(model, comments, explain=True),
        job(model, comments, max_chars=10),
        job(model, write_csv(tmp_path / "longer.csv", [("1", SORRY), ("2", DOUBT)])),
        job(model, comments, comments),
    ]
    for other in others:
        with pytest.raises(OutputError, match=r"out\.csv exists .*--overwrite"):
            other.run(output, False)
        assert output.read_bytes() == written
    others[1].run(output, True)
    assert "x_labels" in read_csv(output)[0]
    assert others[1].run(output, False)["verified"] is True


def test_an_input_with_other_content_is_another_job(model: Model, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [("1", "We were told in May.")])
    job(model, source).run(tmp_path / "out.csv", False)
    write_csv(source, [("1", "We were told in Jul.")])
    with pytest.raises(OutputError, match="--overwrite"):
        job(model, source).run(tmp_path / "out.csv", False)


def test_a_changed_output_is_noticed_and_written_again_when_told(model: Model, comments: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    job(model, comments).run(output, False)
    whole = output.read_bytes()
    for changed in (whole[:-1], whole + b"\n", whole.replace(b"ok", b"OK", 1), b""):
        output.write_bytes(changed)
        with pytest.raises(OutputError, match=r"out\.csv was changed .*--overwrite"):
            job(model, comments).run(output, False)
    job(model, comments).run(output, True)
    assert output.read_bytes() == whole


@pytest.mark.parametrize("receipt", [None, b"", b"{", b"[]", b"null", b"{}", b'{"job": {}}', b"\xff\xfe", b"7"])
def test_an_output_without_its_receipt_is_taken_for_somebody_elses(
    model: Model, comments: Path, tmp_path: Path, receipt: bytes | None
) -> None:
    output, beside = tmp_path / "out.csv", tmp_path / "out.csv.receipt.json"
    job(model, comments).run(output, False)
    beside.unlink()
    if receipt is not None:
        beside.write_bytes(receipt)
    with pytest.raises(OutputError, match="--overwrite"):
        job(model, comments).run(output, False)


@pytest.mark.parametrize("written", [None, {}, [], {"shards": [{}]}, {"sha256": 3, "shards": None}])
def test_a_receipt_without_a_digest_verifies_nothing(
    model: Model, comments: Path, tmp_path: Path, written: Any
) -> None:
    output, beside = tmp_path / "out.csv", tmp_path / "out.csv.receipt.json"
    receipt = job(model, comments).run(output, False)
    beside.write_text(json.dumps({**receipt, "output": written}))
    with pytest.raises(OutputError, match="--overwrite"):
        job(model, comments).run(output, False)


@pytest.mark.parametrize("way", ["same path", "another spelling", "link", "hard link", "one of several"])
def test_an_input_is_never_overwritten(model: Model, comments: Path, tmp_path: Path, way: str) -> None:
    before, inputs, output = comments.read_bytes(), [comments], comments
    if way == "another spelling":
        output = tmp_path / "." / "sub" / ".." / "comments.csv"
        (tmp_path / "sub").mkdir()
    elif way == "link":
        output = tmp_path / "link.csv"
        output.symlink_to(comments)
    elif way == "hard link":
        output = tmp_path / "link.csv"
        output.hardlink_to(comments)
    elif way == "one of several":
        inputs = [write_csv(tmp_path / "other.csv", [("1", DOUBT)]), comments]
    with pytest.raises(UsageError, match="is an input of this job"):
        job(model, *inputs).run(output, True)
    assert comments.read_bytes() == before


def test_an_input_is_not_overwritten_by_the_receipt(model: Model, tmp_path: Path) -> None:
    source = tmp_path / "out.csv.receipt.json"
    source.write_text(json.dumps([{"text": DOUBT}]))
    with pytest.raises(UsageError):
        job(model, source).run(tmp_path / "out.csv", True)


@pytest.mark.parametrize("holds", ["an input", "a model", "another manifest"])
def test_a_directory_that_holds_more_than_shards_is_never_replaced(
    model: Model, model_directory: Path, comments: Path, tmp_path: Path, holds: str
) -> None:
    output = tmp_path / "out"
    if holds == "an input":
        job(model, comments).run_sharded(output, False)
        comments = comments.rename(output / "comments.csv")
    elif holds == "a model":
        shutil.copytree(model_directory, output)
    else:
        output.mkdir()
        (output / "manifest.json").write_text('{"name": "an extension of a browser"}')
    before = sorted(os.listdir(output))
    with pytest.raises((UsageError, OutputError)):
        job(model, comments).run_sharded(output, True)
    assert sorted(os.listdir(output)) == before


def test_a_directory_without_a_manifest_is_never_replaced(model: Model, comments: Path) -> None:
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="no output of this program"):
            job(model, comments).run_sharded(comments.parent, overwrite)
    assert os.listdir(comments.parent) == ["comments.csv"]


def test_a_directory_gets_shards_that_together_hold_every_row_in_order(model: Model, tmp_path: Path) -> None:
    rows = [(str(number), "No.") for number in range(52_000)]
    source, output = write_csv(tmp_path / "in.csv", rows), tmp_path / "out"
    receipt = job(model, source).run_sharded(output, False)
    shards = receipt["output"]["shards"]
    assert [shard["name"] for shard in shards] == ["part-00000.csv", "part-00001.csv"]
    assert sorted(os.listdir(output)) == ["manifest.json", "part-00000.csv", "part-00001.csv"]
    parts = [read_csv(output / shard["name"]) for shard in shards]
    assert [(row["id"], row["text"]) for part in parts for row in part] == rows
    for shard, part in zip(shards, parts, strict=True):
        path = output / shard["name"]
        assert (shard["rows"], shard["size"]) == (len(part), path.stat().st_size)
        assert shard["sha256"] == sha256(path)
    assert json.loads((output / "manifest.json").read_text()) == receipt
    assert receipt["rows"] == 52_000


@pytest.mark.parametrize("output_format", ["csv", "tsv", "jsonl", "parquet"])
def test_a_directory_is_verified_shard_by_shard(
    model: Model, comments: Path, tmp_path: Path, output_format: str
) -> None:
    output = tmp_path / "out"
    shard = output / f"part-00000.{output_format}"
    again = job(model, comments, output_format=output_format)
    again.run_sharded(output, False)
    assert again.run_sharded(output, False)["verified"] is True
    whole = shard.read_bytes()
    for change in (lambda: shard.write_bytes(whole[:-1]), shard.unlink):
        change()
        with pytest.raises(OutputError, match=r"part-00000.*--overwrite"):
            again.run_sharded(output, False)
    with pytest.raises(OutputError, match=r"not the output of this very job.*--overwrite"):
        job(model, comments, output_format=output_format, prefix="x_").run_sharded(output, False)
    again.run_sharded(output, True)
    assert shard.read_bytes() == whole


def test_a_directory_of_shards_can_be_read_as_an_input(model: Model, comments: Path, tmp_path: Path) -> None:
    job(model, comments).run_sharded(tmp_path / "out", False)
    job(model, tmp_path / "out", prefix="x_").run(tmp_path / "again.csv", False)
    assert len(read_csv(tmp_path / "again.csv")) == 4


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_gzipped_output_holds_the_very_bytes_of_the_plain_one(
    model: Model, comments: Path, tmp_path: Path, ending: str
) -> None:
    job(model, comments, output_format=ending).run(tmp_path / f"out.{ending}", False)
    for name in ("one", "other"):
        job(model, comments, output_format=ending).run(tmp_path / f"{name}.{ending}.gz", False)
    packed = (tmp_path / f"one.{ending}.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / f"out.{ending}").read_bytes()
    assert (tmp_path / f"other.{ending}.gz").read_bytes() == packed
    assert job(model, comments, output_format=ending).run(tmp_path / f"one.{ending}.gz", False)["verified"] is True


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_inputs_with_different_columns_are_put_under_each_other(model: Model, tmp_path: Path, ending: str) -> None:
    one = write_csv(tmp_path / "one.csv", [("1", SORRY)])
    two = tmp_path / "two.parquet"
    pq.write_table(pa.table({"text": [DOUBT], "likes": pa.array([3], pa.int8())}), two)
    three = write_jsonl(tmp_path / "three.jsonl", [{"text": "No.", "id": "3"}] * 4_001 + [{"text": "No.", "late": "x"}])
    output = tmp_path / f"out.{ending}"
    receipt = job(model, one, two, three, output_format=ending).run(output, False)
    assert receipt["rows"] == 4_004
    if ending == "csv":
        rows: list[dict[str, Any]] = [{k: v or None for k, v in row.items()} for row in read_csv(output)]
    elif ending == "parquet":
        rows = pq.read_table(output).to_pylist()
        assert pq.read_schema(output).field("likes").type == pa.int8()
    else:
        rows = [json.loads(line) for line in output.read_text().splitlines()]
    if ending != "jsonl":
        assert list(rows[0]) == ["id", "text", "likes", "late", *ADDED]
    assert [row["text"] for row in rows] == [SORRY, DOUBT, *["No."] * 4_002]
    assert [(row.get("id"), row.get("late")) for row in (rows[0], rows[1], rows[-1])] == [
        ("1", None),
        (None, None),
        (None, "x"),
    ]
    assert int(rows[1]["likes"]) == 3
    assert rows[0].get("likes") is None


def test_max_errors_is_how_many_bad_rows_are_borne(model: Model, comments: Path, tmp_path: Path) -> None:
    write_csv(comments, [("1", SORRY), ("2", ""), ("3", " "), ("4", DOUBT)])
    with pytest.raises(GateError, match=r"2 rows .* --max-errors 1 \(.*comments\.csv, row 2: the text is blank"):
        job(model, comments, max_errors=1).run(tmp_path / "out.csv", False)
    assert os.listdir(tmp_path) == ["comments.csv"]
    assert job(model, comments, max_errors=2).run(tmp_path / "out.csv", False)["statuses"] == {"empty": 2, "ok": 2}


def test_explained_rows_name_words_for_the_labels_given_and_no_others(
    model: Model, comments: Path, tmp_path: Path
) -> None:
    job(model, comments, explain=True).run(tmp_path / "out.csv", False)
    rows = read_csv(tmp_path / "out.csv")
    assert list(rows[0])[-4:] == [f"evidence_{label}" for label in model.labels]
    for row in rows:
        assert [bool(row[f"evidence_{label}"]) for label in model.labels] == [
            label in row["labels"].split(";") for label in model.labels
        ]
    assert "sorry" in rows[0]["evidence_sympathy"].split(";")


@pytest.mark.parametrize("content", ["id,text\n", "text\n"])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_input_without_rows_gives_an_output_without_rows(
    model: Model, tmp_path: Path, ending: str, content: str
) -> None:
    (tmp_path / "in.csv").write_text(content)
    receipt = job(model, tmp_path / "in.csv", output_format=ending).run(tmp_path / f"out.{ending}", False)
    assert (receipt["rows"], receipt["statuses"]) == (0, {})
    assert (tmp_path / f"out.{ending}").exists()


def test_an_input_that_breaks_off_leaves_no_output(model: Model, comments: Path, tmp_path: Path) -> None:
    with comments.open("a") as file:
        file.write("5,No.\n" * 5_000 + "6,one cell,too many\n")
    with pytest.raises(DataError, match=r"comments\.csv, row 5,005 has 3 cells"):
        job(model, comments).run(tmp_path / "out.csv", False)
    with pytest.raises(DataError, match="row 5,005"):
        job(model, comments).run_sharded(tmp_path / "out", False)
    assert os.listdir(tmp_path) == ["comments.csv"]


PEAK = """
import sys
from classifier.cli import main
code = main(sys.argv[1:])
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize(("source", "ending"), [("csv", "csv"), ("jsonl", "parquet")])
def test_peak_memory_does_not_grow_with_the_input(
    model_directory: Path, tmp_path: Path, source: str, ending: str
) -> None:
    peaks = []
    for rows in (2_000, 40_000):
        path = tmp_path / f"in-{rows}.{source}"
        texts = [f"{DOUBT} That was comment number {number} on the matter." for number in range(rows)]
        if source == "csv":
            write_csv(path, [(text,) for text in texts], ("text",))
        else:
            write_jsonl(path, [{"text": text} for text in texts])
        command = ["classify", path, "-o", tmp_path / f"{rows}.{ending}", "--model", model_directory, "--quiet"]
        ran = subprocess.run([sys.executable, "-c", PEAK, *map(str, command)], capture_output=True, check=True)
        peaks.append(int(ran.stdout) / 1024)
    assert peaks[1] - peaks[0] < 40, f"MiB at 2,000 and 40,000 rows: {peaks}"
