"""The words in which two texts differ, as segments that a page can mark."""

import difflib
import re

_WORDS = re.compile(r"\s*\S+\s*")


def difference(text_a: str, text_b: str) -> list[list[str]]:
    """Compare two texts word by word.

    Returns:
        [kind, text of a, text of b] segments, the kind `equal`, `replace`, `delete` or `insert` (from a to b). The
        texts of a joined are `text_a`, those of b `text_b`; in `equal` segments white space may differ.
    """
    a, b = _WORDS.findall(text_a), _WORDS.findall(text_b)
    matcher = difflib.SequenceMatcher(None, [word.strip() for word in a], [word.strip() for word in b])
    return [[kind, "".join(a[i:j]), "".join(b[k:m])] for kind, i, j, k, m in matcher.get_opcodes()]
