"""The linear backend: TF-IDF of word and character n-grams, one weight vector a label. Needs NumPy and SciPy alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from scipy import sparse

from classifier.backends.ngrams import NgramSpec, count_known, known_share, ngrams_by_unit
from classifier.errors import ModelError

WEIGHTS: Final = "weights.safetensors"
VOCABULARY: Final = "vocabulary.json"
_BATCH: Final = 1_000
_MAX_N: Final = 20
_MIN_WORDS: Final = 5  # in fewer words a single unknown one says nothing of the language


def tfidf(counts: sparse.csr_array, idf: npt.NDArray[np.float32], sublinear_tf: bool) -> sparse.csr_array:
    """Counts -> TF-IDF with unit rows, as scikit-learn's TfidfTransformer computes it. Float64, same sparsity."""
    values = counts.data.astype(np.float64)
    if sublinear_tf:
        values = 1.0 + np.log(values)
    values *= idf.astype(np.float64)[counts.indices]
    weighted = sparse.csr_array((values, counts.indices, counts.indptr), shape=counts.shape)
    squares = sparse.csr_array((values**2, counts.indices, counts.indptr), shape=counts.shape)
    norms = np.sqrt(squares.sum(axis=1))
    weighted.data /= np.repeat(np.where(norms > 0, norms, 1.0), np.diff(counts.indptr))
    return weighted


@dataclass(frozen=True)
class Block:
    """One family of n-grams: which, the terms in column order, and their inverse document frequencies.

    Attributes:
        idf: Shape: (n_terms,), float32.
    """

    spec: NgramSpec
    terms: list[str]
    idf: npt.NDArray[np.float32]

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        return {term: column for column, term in enumerate(self.terms)}


@dataclass(frozen=True)
class LinearBackend:
    """A linear model over blocks of TF-IDF features, each block with rows of unit length.

    Attributes:
        coef: Shape: (n_labels, n_features), float32; the blocks' columns one after another.
        intercept: Shape: (n_labels,), float32.
        coverage_floor: the share of known words below which a text is taken to be in another language.
    """

    blocks: tuple[Block, ...]
    coef: npt.NDArray[np.float32]
    intercept: npt.NDArray[np.float32]
    sublinear_tf: bool = True
    coverage_floor: float = 0.0

    @cached_property
    def _weights(self) -> npt.NDArray[np.float64]:
        """Shape: (n_features, n_labels), float64: sums in double precision do not depend on the texts' company."""
        return np.ascontiguousarray(self.coef.T, np.float64)

    def features(self, texts: list[str]) -> sparse.csr_array:
        """TF-IDF features. Shape: (n_texts, n_features), float64."""
        blocks = [
            tfidf(count_known(texts, block.spec, block.vocabulary), block.idf, self.sublinear_tf)
            for block in self.blocks
        ]
        return sparse.csr_array(sparse.hstack(blocks, format="csr"))

    def scores(self, texts: list[str]) -> npt.NDArray[np.float32]:
        parts = [self.features(texts[i : i + _BATCH]) @ self._weights for i in range(0, len(texts), _BATCH)]
        raw = np.concatenate(parts) if parts else np.zeros((0, len(self.intercept)))
        return np.asarray(raw + self.intercept, np.float32)

    def unfamiliar(self, texts: list[str]) -> npt.NDArray[np.bool_]:
        words = next((block for block in self.blocks if block.spec.analyzer == "word" and block.spec.min_n == 1), None)
        if words is None:
            return np.zeros(len(texts), bool)
        # NaN, too few words to tell, compares false.
        return known_share(texts, words.vocabulary, _MIN_WORDS) < self.coverage_floor

    def evidence(self, text: str) -> npt.NDArray[np.float64]:
        """Exact: a feature's contribution is shared out over its occurrences, and each occurrence over its words."""
        evidence = np.zeros((len(text.split()), len(self.intercept)))
        features, first = self.features([text]), 0
        values = dict(zip(features.indices.tolist(), features.data.tolist(), strict=True))
        for block in self.blocks:
            occurrences: dict[int, list[tuple[int, ...]]] = {}
            for gram, units in ngrams_by_unit(text, block.spec):
                if gram in block.vocabulary:
                    occurrences.setdefault(first + block.vocabulary[gram], []).append(units)
            for column, places in occurrences.items():
                share = values[column] * self._weights[column] / len(places)
                for units in places:
                    for unit in units:
                        evidence[unit] += share / len(units)
            first += len(block.terms)
        return evidence

    def to_json(self) -> dict[str, Any]:
        blocks = [
            {
                "analyzer": block.spec.analyzer,
                "min_n": block.spec.min_n,
                "max_n": block.spec.max_n,
                "n_terms": len(block.terms),
            }
            for block in self.blocks
        ]
        return {
            "kind": "linear",
            "sublinear_tf": self.sublinear_tf,
            "coverage_floor": self.coverage_floor,
            "blocks": blocks,
        }

    def files(self) -> dict[str, bytes]:
        tensors = {f"idf.{k}": block.idf for k, block in enumerate(self.blocks)}
        tensors |= {"coef": np.ascontiguousarray(self.coef), "intercept": self.intercept}
        terms = [block.terms for block in self.blocks]
        return {
            WEIGHTS: save_tensors(dict(sorted(tensors.items()))),
            VOCABULARY: json.dumps(terms, ensure_ascii=False, separators=(",", ":")).encode(),
        }

    @classmethod
    def from_files(cls, entry: Mapping[str, Any], files: Mapping[str, bytes], n_labels: int) -> "LinearBackend":
        """Rebuild from the manifest's `backend` entry and the verified bytes of the files.

        Raises:
            ModelError: if the files do not hold what the entry announces.
        """
        specs, sizes = _announced(entry)
        width = sum(sizes)
        expected: dict[str, tuple[int, ...]] = {f"idf.{k}": (size,) for k, size in enumerate(sizes)}
        expected |= {"coef": (n_labels, width), "intercept": (n_labels,)}
        tensors = _tensors(files[WEIGHTS], expected)
        terms = _terms(files[VOCABULARY], sizes)
        blocks = tuple(Block(spec, terms[k], tensors[f"idf.{k}"]) for k, spec in enumerate(specs))
        return cls(blocks, tensors["coef"], tensors["intercept"], entry["sublinear_tf"], float(entry["coverage_floor"]))


def _announced(entry: Mapping[str, Any]) -> tuple[list[NgramSpec], list[int]]:
    specs, sizes = [], []
    blocks = entry.get("blocks")
    floor = entry.get("coverage_floor")
    if not isinstance(floor, int | float) or isinstance(floor, bool) or not 0 <= floor <= 1:
        raise ModelError("manifest.json: the linear backend's coverage_floor must be from 0 to 1: get the model again.")
    if not isinstance(blocks, list) or not blocks or not isinstance(entry.get("sublinear_tf"), bool):
        raise ModelError("manifest.json: the linear backend needs blocks and sublinear_tf: get the model again.")
    for block in blocks:
        values = [block.get(key) for key in ("min_n", "max_n", "n_terms")] if isinstance(block, dict) else []
        numbers = [value for value in values if type(value) is int]
        good = len(numbers) == 3 and 1 <= numbers[0] <= numbers[1] <= _MAX_N and numbers[2] >= 0
        if not good or block.get("analyzer") not in ("word", "char_wb"):
            raise ModelError("manifest.json: a block of the linear backend is not valid: get the model again.")
        specs.append(NgramSpec(block["analyzer"], numbers[0], numbers[1]))
        sizes.append(numbers[2])
    return specs, sizes


def _tensors(data: bytes, expected: Mapping[str, tuple[int, ...]]) -> dict[str, npt.NDArray[np.float32]]:
    try:
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{WEIGHTS} is no valid safetensors file ({error}): get the model again.") from None
    for name, shape in expected.items():
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != shape or tensor.dtype != np.float32 or not np.isfinite(tensor).all():
            found = "missing" if tensor is None else f"{tensor.dtype} of shape {tensor.shape}"
            raise ModelError(
                f"{WEIGHTS}: the tensor {name!r} must be finite float32 of shape {shape}, it is {found}: "
                "get the model again."
            )
    return tensors  # type: ignore[no-any-return]


def _terms(data: bytes, sizes: list[int]) -> list[list[str]]:
    try:
        terms = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{VOCABULARY} is not valid JSON ({error}): get the model again.") from None
    found = [len(block) if isinstance(block, list) else None for block in terms] if isinstance(terms, list) else None
    if found != sizes or not all(isinstance(term, str) for block in terms for term in block):
        raise ModelError(f"{VOCABULARY} must hold lists of {sizes} terms, it holds {found}: get the model again.")
    if any(len(set(block)) < len(block) for block in terms):
        raise ModelError(f"{VOCABULARY} names a term twice: get the model again.")
    return terms  # type: ignore[no-any-return]
