"""Counting n-grams: the same numbers as scikit-learn's CountVectorizer, over all of Unicode."""

from collections import Counter

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from classifier.backends.ngrams import (
    NgramSpec,
    char_wb_ngrams,
    count_known,
    count_ngrams,
    known_share,
    ngrams_by_unit,
)

# Characters on which tokenisers disagree: case that changes length, marks, odd spaces, digits of other scripts.
TRICKY = "aAbB İıßſΣς_-'.0²٣é\u0301中の\u00a0\u2003\u200b\u200d\u2028\x85\x1c\x0b\t\r\n\0\U0001f600"
TEXTS = st.lists(st.one_of(st.text(max_size=30), st.text(TRICKY, max_size=30)), max_size=5)


def specs(analyzer: str, largest: int) -> st.SearchStrategy[NgramSpec]:
    bounds = st.lists(st.integers(1, largest), min_size=2, max_size=2).map(sorted)
    return bounds.map(lambda pair: NgramSpec(analyzer, *pair))


SPECS = st.one_of(specs("word", 4), specs("char_wb", 7))


def by_scikit_learn(texts: list[str], spec: NgramSpec) -> tuple[np.ndarray, list[str]]:
    """Counts and sorted terms; scikit-learn refuses to fit where there is no term at all."""
    vectorizer = CountVectorizer(analyzer=spec.analyzer, ngram_range=(spec.min_n, spec.max_n))
    analyse = vectorizer.build_analyzer()
    if not any(analyse(text) for text in texts):
        return np.zeros((len(texts), 0)), []
    counts = vectorizer.fit_transform(texts)
    return counts.toarray(), vectorizer.get_feature_names_out().tolist()


def is_canonical(matrix: sparse.csr_array) -> bool:
    """Sorted columns without duplicates, found by looking and not by a flag that may have been set."""
    rows = (matrix.indices[a:b] for a, b in zip(matrix.indptr, matrix.indptr[1:], strict=False))
    return all((np.diff(row) > 0).all() for row in rows)


@settings(deadline=None)
@given(TEXTS, SPECS)
@example(["Straße STRASSE straße", ""], NgramSpec("char_wb", 2, 5))
@example(["\u0130stanbul \u0130"], NgramSpec("word", 1, 2))
def test_counts_equal_scikit_learns_for_any_text(texts: list[str], spec: NgramSpec) -> None:
    counts, terms = count_ngrams(texts, spec)
    expected, expected_terms = by_scikit_learn(texts, spec)
    assert terms == expected_terms
    assert counts.shape == expected.shape
    assert (counts.toarray() == expected).all()
    assert counts.dtype == np.float32
    assert is_canonical(counts)


@settings(deadline=None)
@given(TEXTS, SPECS, st.randoms(use_true_random=False))
def test_counts_of_a_vocabulary_equal_scikit_learns_whatever_its_column_order(
    texts: list[str], spec: NgramSpec, random: object
) -> None:
    terms = [*count_ngrams(texts, spec)[1], "a term that no text has"]
    random.shuffle(terms)  # type: ignore[attr-defined]
    vocabulary = {term: column for column, term in enumerate(terms[: len(terms) // 2 + 1])}
    known = count_known(texts, spec, vocabulary)
    assert known.shape == (len(texts), len(vocabulary))
    assert is_canonical(known)
    if texts:
        vectorizer = CountVectorizer(
            analyzer=spec.analyzer, ngram_range=(spec.min_n, spec.max_n), vocabulary=vocabulary
        )
        assert (known.toarray() == vectorizer.transform(texts).toarray()).all()


def test_no_texts_and_no_known_terms_give_empty_counts_of_the_right_width() -> None:
    spec = NgramSpec("word", 1, 2)
    assert count_ngrams([], spec)[0].shape == (0, 0)
    assert count_known([], spec, {"some": 0, "words": 1}).shape == (0, 2)
    nothing = count_known(["entirely different matter"], spec, {"some": 0, "words": 1})
    assert nothing.shape == (1, 2)
    assert nothing.nnz == 0


@settings(deadline=None)
@given(st.lists(st.text("ab ", max_size=8), max_size=3), specs("word", 9))
@example(["just three words"], NgramSpec("word", 1, 5))
def test_word_ngrams_longer_than_the_texts_simply_do_not_occur(texts: list[str], spec: NgramSpec) -> None:
    counts, terms = count_ngrams(texts, spec)
    expected, expected_terms = by_scikit_learn(texts, spec)
    assert terms == expected_terms
    assert (counts.toarray() == expected).all()


def test_word_ngrams_never_reach_across_texts() -> None:
    _, terms = count_ngrams(["fire brigade", "came late"], NgramSpec("word", 2, 3))
    assert terms == ["came late", "fire brigade"]


def test_a_word_shorter_than_n_counts_once_and_only_once() -> None:
    assert list(char_wb_ngrams("a", 2, 6)) == [" a", "a ", " a "]
    assert list(char_wb_ngrams("a", 3, 6)) == [" a "]
    assert list(char_wb_ngrams("a", 5, 6)) == [" a "]


@settings(deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(TRICKY, max_size=40)), SPECS)
def test_occurrences_by_word_are_the_very_ngrams_that_are_counted(text: str, spec: NgramSpec) -> None:
    counts, terms = count_ngrams([text], spec)
    counted = dict(zip(terms, counts.toarray()[0].astype(int).tolist(), strict=True))
    assert Counter(gram for gram, _ in ngrams_by_unit(text, spec)) == counted


@settings(deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(TRICKY, max_size=40)), SPECS)
def test_an_occurrence_lies_in_the_words_it_names(text: str, spec: NgramSpec) -> None:
    words = text.lower().split()
    assert len(words) == len(text.split())
    for gram, units in ngrams_by_unit(text, spec):
        if spec.analyzer == "char_wb":
            (unit,) = units
            assert gram in f" {words[unit]} "
        else:
            assert list(units) == sorted(units)
            assert all(part in words[unit] for part, unit in zip(gram.split(" "), units, strict=True))


def test_the_share_of_known_words_counts_occurrences_and_needs_enough_of_them() -> None:
    texts = ["rain rain rain and hail", "rain alone", "", "Schnee und Eis und Hagel"]
    share = known_share(texts, {"rain", "and"}, min_words=3)
    assert share[0] == np.float32(4 / 5)
    assert np.isnan(share[1])
    assert np.isnan(share[2])
    assert share[3] == 0
    assert known_share([], {"rain"}, min_words=3).shape == (0,)
