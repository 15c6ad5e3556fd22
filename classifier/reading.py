"""From what the user names (files, directories, standard input, datasets) to the sources of its rows."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from classifier.errors import DataError, UsageError
from classifier.files import exists
from classifier.formats import ENDINGS, Format, format_of
from classifier.labels import read_labels_toml
from classifier.receipts import is_receipt
from classifier.sources import DatasetSource, FileSource, Source, StreamSource, is_stream

HUB_PREFIX: Final = "hf://"
STANDARD_INPUT: Final = "standard input"
_SHEETS: Final = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")
_PACKED: Final = (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar")
_DATASET_FILES: Final = ("dataset_dict.json", "dataset_info.json", "state.json")


def file_format(path: Path, given: Format | None = None) -> Format:
    """The format to read a file in: as given, else by its ending.

    Raises:
        DataError: if the ending names no format that is read; the message says what to do.
    """
    found = given or format_of(path)
    if found is not None:
        return found
    ending = path.suffix.lower()
    if ending in _SHEETS:
        raise DataError(f"{path} is a spreadsheet, which is not read: save it as CSV (UTF-8) or Parquet.")
    if ending in _PACKED:
        raise DataError(f"{path} is packed in a way that is not read: unpack it, or pack it with gzip (.gz).")
    known = ", ".join(ENDINGS)
    raise DataError(
        f"{path} has no ending that names a format ({known}, each also .gz): rename it or say --input-format."
    )


def _load_datasets(name: str, hub: bool, splits: Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    import datasets  # noqa: PLC0415 (slow to import, rarely needed)

    try:
        loaded = datasets.load_dataset(name.removeprefix(HUB_PREFIX)) if hub else datasets.load_from_disk(name)
    except Exception as error:  # the loader raises errors of many libraries
        first_line = (str(error).splitlines() or [""])[0]
        raise DataError(
            f"The dataset {name} cannot be loaded ({type(error).__name__}: {first_line}): "
            "check its name, the network, or point to a copy on disk."
        ) from None
    if not isinstance(loaded, datasets.DatasetDict):
        yield name, loaded
        return
    for split in loaded if splits is None else splits:
        if split not in loaded:
            raise DataError(f"{name} has no split {split!r}: it has {', '.join(loaded)}.")
        yield f"{name}[{split}]", loaded[split]


def corpus_files(directory: Path, splits: Iterable[str] | None = None) -> list[Path]:
    """The paragraph files that a corpus's `labels.toml` names, of all splits or of those given.

    Raises:
        DataError: if `labels.toml` names no files, a file outside the directory, or lacks a wanted split.
    """
    _, content = read_labels_toml(directory / "labels.toml")
    table = content.get("splits")
    if not isinstance(table, dict) or not table:
        raise DataError(f"{directory / 'labels.toml'} has no [splits] table: name the paragraph files of each split.")
    wanted = list(splits) if splits is not None else list(table)
    paths: dict[Path, None] = {}
    for split in wanted:
        if split not in table:
            raise DataError(f"{directory} has no split {split!r}: it has {', '.join(table)}.")
        names = table[split] if isinstance(table[split], list) else [table[split]]
        for name in names:
            if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
                raise DataError(f"{directory / 'labels.toml'}: {name!r} is no file inside the corpus directory.")
            paths[directory / name] = None
    return list(paths)


def _directory(path: Path, given: Format | None, splits: Sequence[str] | None) -> Iterator[Source]:
    if (path / "labels.toml").exists():
        for file in corpus_files(path, splits):
            yield FileSource(str(file), file, file_format(file))
        return
    if any((path / name).exists() for name in _DATASET_FILES):
        for name, dataset in _load_datasets(str(path), hub=False, splits=splits):
            yield DatasetSource(name, dataset)
        return
    files = sorted(f for f in path.rglob("*") if f.is_file() and _is_data(f.relative_to(path), path))
    if not files:
        raise DataError(f"{path} holds no data files ({', '.join(ENDINGS)}, each also .gz): check the path.")
    for file in files:
        yield FileSource(str(file), file, file_format(file, given))


def _is_data(relative: Path, directory: Path) -> bool:
    """Whether a file holds rows by its name: not hidden, and no receipt of an earlier job."""
    if any(part.startswith(".") for part in relative.parts) or format_of(relative) is None:
        return False
    return not relative.name.endswith(".json") or not is_receipt(directory / relative)


def resolve(
    inputs: Sequence[str | Path], input_format: Format | None = None, splits: Sequence[str] | None = None
) -> list[Source]:
    """The sources that the user's arguments name, in the order given; a directory's files in sorted order.

    `splits` chooses among the splits of corpus directories and datasets.

    Raises:
        DataError: if something does not exist or is of no known format.
        UsageError: if standard input is named twice.
    """
    sources: list[Source] = []
    for given in map(str, inputs):
        path = Path(given)
        if given == "-":
            if any(source.name == STANDARD_INPUT for source in sources):
                raise UsageError("Standard input (-) is named twice: it can be read once.")
            sources.append(StreamSource(STANDARD_INPUT, None, input_format or "text"))
        elif given.startswith(HUB_PREFIX):
            found = _load_datasets(given, hub=True, splits=splits)
            sources.extend(DatasetSource(name, dataset) for name, dataset in found)
        elif not exists(path):
            raise DataError(
                f"There is no file or directory {given}: check the path (a dataset on the Hugging Face hub is named "
                f"{HUB_PREFIX}owner/name)."
            )
        elif path.is_dir():
            sources.extend(_directory(path, input_format, splits))
        elif is_stream(path):
            sources.append(StreamSource(given, path, input_format or format_of(path) or "text"))
        else:
            sources.append(FileSource(given, path, file_format(path, input_format)))
    return sources
