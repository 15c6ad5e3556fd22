"""Models known by name. `default` is trained from the project's own corpus at its first use, into the user's cache."""

import os
import sys
from pathlib import Path
from typing import Final

from classifier.lazy import resolve_name
from classifier.reading import corpus_files
from classifier.seeds import content_digest, seeds_directory

DEFAULT: Final = "default"


def cache_directory() -> Path:
    """The directory for what can be made again: XDG_CACHE_HOME, else ~/.cache, and `stance` in it."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "stance"


def _key() -> str:
    """Changes with the corpus and with the code that trains on it."""
    seeds = seeds_directory()
    training = Path(str(resolve_name("training").__file__)).parent
    here = Path(__file__).parent
    code = [*training.glob("*.py"), *here.glob("*.py"), *(here / "backends").glob("*.py")]
    return content_digest([seeds / "labels.toml", *corpus_files(seeds), *code])[:16]


def shipped_model(name: str, again: bool = False) -> Path:
    """The directory of a model known by name, trained first where the cache lacks it (some seconds, and it says so).

    With `again` it is trained in any case.
    """
    directory = cache_directory() / f"{name}-{_key()}"
    if again or not (directory / "manifest.json").is_file():
        print(f"Training the {name} model from the project's corpus, once, into {directory} …", file=sys.stderr)
        resolve_name("training.fitting:train_to")([seeds_directory()], directory)
    return directory
