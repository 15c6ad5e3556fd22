"""Exact and near-duplicate paragraphs: a digest and a small sketch of each text, and the pairs that match.

The sketch holds the smallest hashes of a text's three-word shingles (a bottom-k sketch, Broder 1997, «On the
resemblance and containment of documents»); the share of hashes two sketches have in common estimates the Jaccard
similarity of their shingle sets, exactly so for texts of fewer than SKETCH_SIZE shingles. Models carry the
fingerprints of their training texts, never the texts.
"""

import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from classifier.text import normalise

SKETCH_SIZE: Final = 24
NEAR_DUPLICATE: Final = 0.6  # Jaccard similarity of three-word shingles from which two texts count as the same
_EMPTY: Final = 0xFFFF_FFFF  # fills the sketch of a short text; no shingle hashes to it
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """Fingerprints of n texts.

    Attributes:
        exact: digests of the normalised texts. Shape: (n,), uint64.
        sketch: bottom-k sketches, ascending, filled up with 2**32 - 1. Shape: (n, SKETCH_SIZE), uint32.
    """

    exact: npt.NDArray[np.uint64]
    sketch: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.exact)


def fingerprint(texts: Sequence[str]) -> Fingerprints:
    """The fingerprints of texts."""
    exact = np.empty(len(texts), np.uint64)
    sketch = np.full((len(texts), SKETCH_SIZE), _EMPTY, np.uint32)
    for row, text in enumerate(texts):
        normal = normalise(text)
        exact[row] = int.from_bytes(hashlib.sha256(normal.encode()).digest()[:8], "big")
        words = _WORD.findall(normal)
        shingles = {" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))} if words else {normal}
        hashes = sorted({min(zlib.crc32(shingle.encode()), _EMPTY - 1) for shingle in shingles})[:SKETCH_SIZE]
        sketch[row, : len(hashes)] = hashes
    return Fingerprints(exact, sketch)


def _incidence(sketch: npt.NDArray[np.uint32], hashes: npt.NDArray[np.uint32]) -> sparse.csr_array:
    """Which of the known hashes each sketch holds. Shape: (n_texts, n_hashes)."""
    rows, _ = np.nonzero(sketch != _EMPTY)
    values = sketch[sketch != _EMPTY]
    columns = np.minimum(np.searchsorted(hashes, values), max(len(hashes) - 1, 0))
    known = hashes[columns] == values if len(hashes) else np.zeros(len(values), bool)
    return sparse.csr_array(
        (np.ones(known.sum(), np.int32), (rows[known], columns[known])), shape=(len(sketch), max(len(hashes), 1))
    )


def similarity(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> float:
    """The estimated Jaccard similarity of two texts' shingles, from their sketches."""
    one, other = one[one != _EMPTY], other[other != _EMPTY]
    union = np.union1d(one, other)
    if max(len(one), len(other)) == SKETCH_SIZE:  # larger hashes of that text are not known
        union = union[:SKETCH_SIZE]
    return float(np.isin(union, np.intersect1d(one, other)).mean()) if len(union) else 0.0


def matches(
    a: Fingerprints, b: Fingerprints, minimum: float = NEAR_DUPLICATE, block: int = 2_000
) -> Iterator[tuple[int, int, float]]:
    """Pairs (row of a, row of b, similarity) of equal or similar texts.

    Many copies of one text do not make a pair each: every copy is paired with the first, and only the first is compared
    with other texts. Where `a is b`, each pair comes once and no text is paired with itself.
    """
    if a is b:
        _, firsts, place = np.unique(a.exact, return_index=True, return_inverse=True)
        yield from ((int(firsts[k]), row, 1.0) for row, k in enumerate(place.tolist()) if firsts[k] != row)
        once = np.sort(firsts)
        single = _rows(a, once)
        yield from ((int(once[i]), int(once[j]), alike) for i, j, alike in _similar(single, single, minimum, block))
        return
    _, firsts, place = np.unique(a.exact, return_index=True, return_inverse=True)
    once = np.unique(b.exact, return_index=True)[1]
    found: dict[int, list[tuple[int, float]]] = {}
    for i, j, alike in _similar(_rows(a, firsts), _rows(b, once), minimum, block):
        found.setdefault(i, []).append((int(once[j]), alike))
    for row, k in enumerate(place.tolist()):
        yield from ((row, j, alike) for j, alike in found.get(k, ()))


def _rows(prints: Fingerprints, rows: npt.NDArray[np.int64]) -> Fingerprints:
    return Fingerprints(prints.exact[rows], prints.sketch[rows])


def _similar(a: Fingerprints, b: Fingerprints, minimum: float, block: int) -> Iterator[tuple[int, int, float]]:
    """Pairs of similar texts, each text compared with every other that shares a hash."""
    hashes = np.unique(b.sketch)
    hashes = hashes[hashes != _EMPTY]
    other = _incidence(b.sketch, hashes).T.tocsr()
    for start in range(0, len(a), block):
        shared = sparse.coo_array(_incidence(a.sketch[start : start + block], hashes) @ other)
        # The smallest hashes of the union hold at least as many as the smaller sketch: fewer shared cannot reach it.
        sizes = np.minimum(
            (a.sketch[start + shared.row] != _EMPTY).sum(axis=1), (b.sketch[shared.col] != _EMPTY).sum(axis=1)
        )
        likely = shared.data >= minimum * sizes
        for i, j in zip((start + shared.row[likely]).tolist(), shared.col[likely].tolist(), strict=True):
            if a is b and j <= i:
                continue
            alike = similarity(a.sketch[i], b.sketch[j])
            if alike >= minimum:
                yield i, j, alike
