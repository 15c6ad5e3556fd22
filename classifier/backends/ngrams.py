"""Counting word and in-word character n-grams, once per unique token instead of once per occurrence.

The counts equal scikit-learn's ``CountVectorizer`` with ``analyzer="word"`` and ``analyzer="char_wb"`` (lower-cased,
default token pattern); tests hold them against it over all of Unicode. The speed comes from a factorisation: an
in-word character n-gram depends on its word alone, so documents x n-grams is the product of documents x unique
words and unique words x n-grams.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

Analyzer = Literal["word", "char_wb"]

_WORD = re.compile(r"\b\w\w+\b")


@dataclass(frozen=True)
class NgramSpec:
    """Which n-grams of a text are counted: of words, or of characters inside white-space delimited words."""

    analyzer: Analyzer
    min_n: int
    max_n: int


def char_wb_ngrams(word: str, min_n: int, max_n: int) -> Iterator[str]:
    """The character n-grams of one word padded with a space on either side, in scikit-learn's ``char_wb`` order."""
    padded = f" {word} "
    length = len(padded)
    for n in range(min_n, max_n + 1):
        yield padded[:n]
        if n >= length:  # a word shorter than n counts once, and longer n-grams of it do not exist
            return
        for start in range(1, length - n + 1):
            yield padded[start : start + n]


class _Growing(dict[str, int]):
    """A vocabulary that gives every new term the next number."""

    def __missing__(self, term: str) -> int:
        self[term] = number = len(self)
        return number


def _counts(indices: npt.ArrayLike, indptr: npt.ArrayLike, width: int) -> sparse.csr_array:
    """A row of occurrences a document -> canonical counts. Shape: (n_documents, width), float32."""
    columns, ends = np.asarray(indices, np.int64), np.asarray(indptr, np.int64)
    counts = sparse.csr_array((np.ones(len(columns), np.float32), columns, ends), shape=(len(ends) - 1, width))
    counts.sum_duplicates()
    return counts


def _tokenise(texts: Iterable[str], words_only: bool) -> tuple[list[str], list[int], list[int]]:
    """Unique tokens, the token number of every occurrence, and where each document's occurrences end."""
    numbers, indices, indptr = _Growing(), list[int](), [0]
    for text in texts:
        lowered = text.lower()
        tokens = _WORD.findall(lowered) if words_only else lowered.split()
        indices.extend([numbers[token] for token in tokens])
        indptr.append(len(indices))
    return list(numbers), indices, indptr


def _word_ngrams(texts: Iterable[str], spec: NgramSpec) -> tuple[sparse.csr_array, list[str]]:
    tokens, indices, indptr = _tokenise(texts, words_only=True)
    ids, ends = np.asarray(indices, np.int64), np.asarray(indptr, np.int64)
    document = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    blocks, terms = list[sparse.csr_array](), list[str]()
    grams = [(token,) for token in tokens]
    codes = ids  # the number in `grams` of the n-gram that starts at each occurrence
    for n in range(1, spec.max_n + 1):
        if n > 1:  # extend each (n-1)-gram by the token that ends it, within its document
            inside = document[n - 1 :] == document[: max(0, len(document) - n + 1)]
            pairs = codes[: len(inside)] * np.int64(len(tokens)) + ids[n - 1 :]
            unique, inverse = np.unique(pairs[inside], return_inverse=True)
            grams = [grams[p // len(tokens)] + (tokens[p % len(tokens)],) for p in unique.tolist()]
            codes = np.full(len(inside), -1, np.int64)
            codes[inside] = inverse
            rows = document[: len(inside)][inside]
            ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(indptr) - 1))])
        if n >= spec.min_n:
            blocks.append(_counts(codes[codes >= 0], ends, len(grams)))
            terms.extend(" ".join(gram) for gram in grams)
    return sparse.csr_array(sparse.hstack(blocks, format="csr")), terms


def _char_ngrams(texts: Iterable[str], spec: NgramSpec) -> tuple[sparse.csr_array, list[str]]:
    tokens, indices, indptr = _tokenise(texts, words_only=False)
    occurrences = _counts(indices, indptr, len(tokens))
    numbers = _Growing()
    per_token = [[numbers[gram] for gram in char_wb_ngrams(token, spec.min_n, spec.max_n)] for token in tokens]
    ends = np.concatenate([[0], np.cumsum([len(grams) for grams in per_token])]).astype(np.int64)
    token_grams = _counts(np.fromiter(chain.from_iterable(per_token), np.int64, ends[-1]), ends, len(numbers))
    return sparse.csr_array(occurrences @ token_grams), list(numbers)


def _ngrams(texts: Iterable[str], spec: NgramSpec) -> tuple[sparse.csr_array, list[str]]:
    return _word_ngrams(texts, spec) if spec.analyzer == "word" else _char_ngrams(texts, spec)


def count_ngrams(texts: Iterable[str], spec: NgramSpec) -> tuple[sparse.csr_array, list[str]]:
    """Count every n-gram of `texts`.

    Returns the counts, shape (n_texts, n_terms), float32, canonical CSR, and the terms in column order (sorted).
    """
    counts, terms = _ngrams(texts, spec)
    order = np.asarray(sorted(range(len(terms)), key=terms.__getitem__), np.int64)
    columns = np.empty(len(terms), np.int64)
    columns[order] = np.arange(len(terms))
    return _renumbered(counts, columns, len(terms)), [terms[k] for k in order]


def count_known(texts: Iterable[str], spec: NgramSpec, vocabulary: Mapping[str, int]) -> sparse.csr_array:
    """Count the n-grams that stand in `vocabulary`. Shape: (n_texts, len(vocabulary)), float32, canonical CSR."""
    counts, terms = _ngrams(texts, spec)
    columns = np.fromiter((vocabulary.get(term, -1) for term in terms), np.int64, len(terms))
    return _renumbered(counts, columns, len(vocabulary))


def _renumbered(counts: sparse.csr_array, columns: npt.NDArray[np.int64], width: int) -> sparse.csr_array:
    """Counts with new column numbers; columns numbered -1 are dropped. Each row's entries end up in column order."""
    new = columns[counts.indices]
    kept = new >= 0
    ends = np.concatenate([[0], np.cumsum(kept)])[counts.indptr]
    renumbered = sparse.csr_array((counts.data[kept], new[kept], ends), shape=(counts.shape[0], width))
    renumbered.sort_indices()
    return renumbered


def known_share(texts: Iterable[str], known: Container[str], min_words: int) -> npt.NDArray[np.float32]:
    """The share of each text's words that are `known`; NaN where it has too few. Shape: (n_texts,), float32."""
    tokens, indices, indptr = _tokenise(texts, words_only=True)
    is_known = np.fromiter((token in known for token in tokens), np.int64, len(tokens))
    hits = np.concatenate([[0], np.cumsum(is_known[np.asarray(indices, np.int64)])])[np.asarray(indptr)]
    total = np.diff(indptr)
    return np.where(total >= min_words, np.diff(hits) / np.maximum(total, 1), np.nan).astype(np.float32)


def ngrams_by_unit(text: str, spec: NgramSpec) -> list[tuple[str, tuple[int, ...]]]:
    """Each n-gram occurrence of a text with the numbers of the white-space delimited words it touches."""
    units = text.lower().split()
    if spec.analyzer == "char_wb":
        return [(gram, (k,)) for k, unit in enumerate(units) for gram in char_wb_ngrams(unit, spec.min_n, spec.max_n)]
    words = [(word, k) for k, unit in enumerate(units) for word in _WORD.findall(unit)]
    runs = (words[i : i + n] for n in range(spec.min_n, spec.max_n + 1) for i in range(len(words) - n + 1))
    return [(" ".join(word for word, _ in run), tuple(k for _, k in run)) for run in runs]
