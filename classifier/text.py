"""Is this a paragraph that can be scored? The one place that decides, for training, evaluation and classification."""

import unicodedata
from typing import Any, Final, Literal

Status = Literal["ok", "empty", "too_long", "bad_text", "error"]

DEFAULT_MAX_CHARS: Final = 100_000


def assess(value: object, max_chars: int = DEFAULT_MAX_CHARS) -> tuple[Status, str | None]:
    """The status of one value of a text column, and the reason where it is not `ok`."""
    status: Status = "ok"
    reason: str | None = None
    if value is None:
        status, reason = "empty", "the text is missing"
    elif not isinstance(value, str):
        status, reason = "bad_text", f"the text is of type {type(value).__name__}, not a string"
    elif len(value) > max_chars:
        status, reason = "too_long", f"the text has {len(value):,} characters, more than {max_chars:,}"
    elif "\0" in value:
        status, reason = "bad_text", "the text contains a NUL character"
    elif not is_encodable(value):
        status, reason = "bad_text", "the text contains half of a surrogate pair, which is no character"
    elif is_blank(value):
        status, reason = "empty", "the text is blank"
    return status, reason


def is_encodable(text: str) -> bool:
    """Whether the text is valid Unicode (JSON escapes can smuggle in half a surrogate pair)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def without_surrogates(value: Any) -> Any:
    """The value with half surrogate pairs as visible escapes, also inside lists and objects.

    JSON can hold them as escapes; CSV, Parquet and any UTF-8 cannot hold them at all.
    """
    if isinstance(value, str):
        return value if is_encodable(value) else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(inner) for key, inner in value.items()}
    return [without_surrogates(inner) for inner in value] if isinstance(value, list) else value


def is_blank(text: str) -> bool:
    """Whether nothing visible is in the text: only spaces, controls and invisible format characters."""
    if text[:1].isalnum():
        return False
    return all(char.isspace() or unicodedata.category(char) in ("Cc", "Cf") for char in text)


def normalise(text: str) -> str:
    """The form in which two paragraphs are «the same»: compatibility characters, case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
