"""The linear backend: scikit-learn's features, scores that depend on the text alone, evidence that adds up."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from sklearn.feature_extraction.text import TfidfVectorizer

from classifier.backends.linear import Block, LinearBackend
from classifier.backends.ngrams import NgramSpec
from classifier.errors import ModelError
from classifier.predictor import Model

SENTENCES = [
    "The ferry was late again and nobody at the company bothered to say why.",
    "I doubt the ferry was ever checked; show me the log, then we can talk.",
    "My heart goes out to the families on the quay, what a night they had.",
    "Funny how the cameras on that quay were all broken on the very night it mattered.",
    "Of course the company is sorry. It is always sorry, the bonus is paid already.",
    "Show me who paid, who checked, who said nothing.",
]
SPECS = (NgramSpec("word", 1, 2), NgramSpec("char_wb", 2, 4))
WORDS = ["ferry", "quay", "the", "log", "NIGHT", "show", "me,", "who", "company;", "sorry.", "-", "'", "ß", "Zug"]
# Texts that hit the vocabulary often, and texts of any characters at all.
TEXTS = st.one_of(st.lists(st.sampled_from(WORDS), max_size=15).map(" ".join), st.text(max_size=40))


def vectorizers(sublinear_tf: bool) -> list[TfidfVectorizer]:
    fitted = []
    for spec in SPECS:
        vectorizer = TfidfVectorizer(
            analyzer=spec.analyzer, ngram_range=(spec.min_n, spec.max_n), sublinear_tf=sublinear_tf
        ).fit(SENTENCES)
        vectorizer.idf_ = vectorizer.idf_.astype(np.float32).astype(np.float64)  # as the model stores them
        fitted.append(vectorizer)
    return fitted


def backend_of(fitted: list[TfidfVectorizer], sublinear_tf: bool = True, **options: Any) -> LinearBackend:
    blocks = tuple(
        Block(spec, vectorizer.get_feature_names_out().tolist(), vectorizer.idf_.astype(np.float32))
        for spec, vectorizer in zip(SPECS, fitted, strict=True)
    )
    random = np.random.default_rng(7)
    coef = random.normal(size=(3, sum(len(block.terms) for block in blocks))).astype(np.float32)
    return LinearBackend(blocks, coef, np.array([-1.5, 0.25, 3.0], np.float32), sublinear_tf, **options)


BACKEND = backend_of(vectorizers(True))


@pytest.mark.parametrize("sublinear_tf", [True, False])
def test_features_equal_scikit_learns_tfidf(sublinear_tf: bool) -> None:
    fitted = vectorizers(sublinear_tf)
    backend = backend_of(fitted, sublinear_tf)

    @settings(deadline=None)
    @given(st.lists(TEXTS, min_size=1, max_size=6))
    @example(SENTENCES)
    @example(["ferry ferry ferry ferry", ""])
    def holds(texts: list[str]) -> None:
        features = backend.features(texts)
        expected = np.hstack([vectorizer.transform(texts).toarray() for vectorizer in fitted])
        assert features.dtype == np.float64
        np.testing.assert_allclose(features.toarray(), expected, rtol=1e-12, atol=0)

    holds()


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_scores_are_the_same_in_any_company(texts: list[str]) -> None:
    together = BACKEND.scores(texts)
    assert together.shape == (len(texts), 3)
    assert together.dtype == np.float32
    alone = np.concatenate([BACKEND.scores([text]) for text in texts])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(BACKEND.scores(texts[::-1]), together[::-1])


def test_scores_are_the_same_on_either_side_of_an_internal_batch_border(
    model: Model, seed_rows: list[dict[str, Any]]
) -> None:
    texts = [row["text"] for row in seed_rows] * 4
    assert len(texts) > 2000
    scores = model.backend.scores(texts)
    for border in (0, 999, 1000, 1001, 1999, 2000, len(texts) - 1):
        np.testing.assert_array_equal(model.backend.scores([texts[border]])[0], scores[border])


def test_scores_are_features_times_weights_plus_intercept() -> None:
    expected = BACKEND.features(SENTENCES).toarray() @ BACKEND.coef.T.astype(np.float64) + BACKEND.intercept
    np.testing.assert_array_equal(BACKEND.scores(SENTENCES), expected.astype(np.float32))


@settings(deadline=None)
@given(TEXTS)
@example(SENTENCES[3])
def test_evidence_adds_up_to_the_score_less_the_intercept(text: str) -> None:
    evidence = BACKEND.evidence(text)
    assert evidence.shape == (len(text.split()), 3)
    product = (BACKEND.features([text]) @ BACKEND.coef.T.astype(np.float64))[0]
    np.testing.assert_allclose(evidence.sum(axis=0), product, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        evidence.sum(axis=0) + BACKEND.intercept, BACKEND.scores([text])[0], rtol=1e-5, atol=1e-5
    )


def words_only(**weights: float) -> LinearBackend:
    terms = sorted(term.replace("_", " ") for term in weights)
    coef = np.array([[weights[term.replace(" ", "_")] for term in terms]], np.float32)
    block = Block(NgramSpec("word", 1, 2), terms, np.ones(len(terms), np.float32))
    return LinearBackend((block,), coef, np.zeros(1, np.float32), coverage_floor=0.5)


def test_evidence_of_a_word_the_model_does_not_know_is_nothing() -> None:
    evidence = words_only(ferry=2.0, quay=-1.0).evidence("ferry unheard quay")[:, 0]
    assert evidence[1] == 0
    assert evidence[0] == -2 * evidence[2]
    assert evidence[0] > 0


def test_evidence_of_a_phrase_is_shared_equally_by_its_words_and_its_occurrences() -> None:
    once = words_only(cover_up=3.0).evidence("Cover up, they say")[:, 0]
    assert once.tolist() == [1.5, 1.5, 0, 0]
    twice = words_only(cover_up=3.0).evidence("cover up cover up")[:, 0]
    assert twice.tolist() == [0.75] * 4


def test_no_texts_give_scores_of_no_rows() -> None:
    assert BACKEND.scores([]).shape == (0, 3)
    assert BACKEND.unfamiliar([]).shape == (0,)


def test_a_text_of_mostly_unknown_words_is_unfamiliar_and_a_short_one_never_is() -> None:
    backend = words_only(the=1.0, ferry=1.0, came=1.0, late=1.0, again=1.0)
    texts = ["The ferry came late again!", "Die Fähre kam schon wieder viel zu spät", "Die Fähre kam spät", ""]
    assert backend.unfamiliar(texts).tolist() == [False, True, False, False]


def test_without_single_words_in_the_vocabulary_nothing_is_called_unfamiliar() -> None:
    block = Block(NgramSpec("char_wb", 2, 2), [" t"], np.ones(1, np.float32))
    backend = LinearBackend((block,), np.ones((1, 1), np.float32), np.zeros(1, np.float32), coverage_floor=1.0)
    assert backend.unfamiliar(["Die Fähre kam schon wieder viel zu spät"]).tolist() == [False]


def test_a_backend_rebuilt_from_its_files_scores_exactly_alike() -> None:
    original = backend_of(vectorizers(False), sublinear_tf=False, coverage_floor=0.125)
    rebuilt = LinearBackend.from_files(original.to_json(), original.files(), 3)
    np.testing.assert_array_equal(rebuilt.scores(SENTENCES), original.scores(SENTENCES))
    assert rebuilt.to_json() == original.to_json()
    assert rebuilt.files() == original.files()


def with_tensor(data: bytes, name: str, tensor: np.ndarray | None) -> bytes:
    return save_tensors({k: v for k, v in {**load_tensors(data), name: tensor}.items() if v is not None})


def relabelled(data: bytes, old: bytes, new: bytes) -> bytes:
    """The same tensors under a header that says something else of them."""
    (length,) = struct.unpack("<Q", data[:8])
    header = data[8 : 8 + length].rstrip()
    assert old in header
    header = header.replace(old, new)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


TINY = words_only(ferry=2.0, quay=-1.0)
BROKEN_WEIGHTS: dict[str, Callable[[bytes], bytes]] = {
    "more labels": lambda data: with_tensor(data, "coef", np.ones((2, 2), np.float32)),
    "fewer terms": lambda data: with_tensor(data, "coef", np.ones((1, 1), np.float32)),
    "transposed": lambda data: with_tensor(data, "coef", np.ones((2, 1), np.float32)),
    "flat": lambda data: with_tensor(data, "coef", np.ones(2, np.float32)),
    "scalar intercept": lambda data: with_tensor(data, "intercept", np.array(1, np.float32)),
    "double precision": lambda data: with_tensor(data, "coef", np.ones((1, 2))),
    "half precision": lambda data: with_tensor(data, "idf.0", np.ones(2, np.float16)),
    "whole numbers": lambda data: with_tensor(data, "idf.0", np.ones(2, np.int32)),
    "not a number": lambda data: with_tensor(data, "coef", np.full((1, 2), np.nan, np.float32)),
    "infinite": lambda data: with_tensor(data, "intercept", np.array([-np.inf], np.float32)),
    "one missing": lambda data: with_tensor(data, "idf.0", None),
    "unknown type": lambda data: relabelled(data, b"F32", b"F99"),
    "type that NumPy lacks": lambda data: relabelled(data, b'"F32","shape":[1,2]', b'"BF16","shape":[1,4]'),
    "offsets past the end": lambda data: relabelled(data, b'"data_offsets":[0,', b'"data_offsets":[9999,'),
    "header without end": lambda data: struct.pack("<Q", 1 << 62) + data[8:],
    "header that is no JSON": lambda data: relabelled(data, b"{", b"("),
    "cut short": lambda data: data[:-1],
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("broken", BROKEN_WEIGHTS)
def test_weights_that_are_not_what_the_manifest_announces_are_refused(broken: str) -> None:
    files = TINY.files()
    files["weights.safetensors"] = BROKEN_WEIGHTS[broken](files["weights.safetensors"])
    with pytest.raises(ModelError, match=r"weights\.safetensors"):
        LinearBackend.from_files(TINY.to_json(), files, 1)


@pytest.mark.parametrize(
    "vocabulary",
    [
        *(b"", b"[[", b"null", b"3", b"{}", b'{"0": []}', b"[]", b"[[]]", b'["ab"]', b"[null]", b'[["ferry", "quay"'),
        *(b'[["ferry"]]', b'[["ferry", "quay", "ship"]]', b'[["ferry", "quay"], []]', b'[["ferry", "ferry"]]'),
        *(b'[["ferry", 4]]', b'[["ferry", ["quay"]]]', b'[["ferry", null]]', b'[["ferry", "\xff"]]'),
        b"[" * 100_000,
    ],
    ids=lambda data: ascii(data)[:24],
)
def test_a_vocabulary_that_does_not_fit_the_weights_is_refused(vocabulary: bytes) -> None:
    with pytest.raises(ModelError, match=r"vocabulary\.json"):
        LinearBackend.from_files(TINY.to_json(), {**TINY.files(), "vocabulary.json": vocabulary}, 1)
