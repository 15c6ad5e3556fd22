"""The linear model as a scikit-learn estimator: n-gram TF-IDF, a logistic regression a label, calibrated."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from classifier.backends.linear import Block, LinearBackend, tfidf
from classifier.backends.ngrams import NgramSpec, count_ngrams
from classifier.decision import Decision
from classifier.errors import UsageError
from classifier.progress import Progress
from training.calibration import Objective, fit_decision
from training.folds import Fold, grouped_folds, require_enough


class LinearTextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multi-label classifier of texts.

    Word and in-word character n-grams, TF-IDF, one L2-regularised logistic regression a label. Cross-validation over
    `groups` chooses C by mean average precision; on its held-out scores Platt calibration and a threshold a label are
    fitted. Results are the same for any `n_jobs`.

    Parameters
    ----------
        word_ngrams, char_ngrams: smallest and largest n; characters are taken inside white-space delimited words.
        min_df: an n-gram must occur in this many training texts.
        sublinear_tf: use 1 + log(count) for counts.
        C: the inverse regularisation strengths to choose from.
        cv: number of folds.
        objective: what thresholds are chosen for: "f1", "precision>=X" or "recall>=X".
        random_state: seed of the folds and the solver.
        n_jobs: processes, -1 for all cores.
        verbose: 1 shows progress on standard error.

    Attributes:
    ----------
        C_: the chosen strength.
        cv_results_: {"C": […], "average_precision": […]}, the mean over folds of the mean over labels.
        held_out_scores_: raw scores of each training text by the fold that did not see it. Shape: (n, n_labels).
        folds_: the fold in which each training text was held out. Shape: (n,).
        ungrouped_scores_: as held_out_scores_ by folds that split groups at random, to show what that would flatter;
            None where every text is a group of its own.
        backend_, decision_: what a saved model consists of.
    """

    def __init__(
        self,
        word_ngrams: Sequence[int] = (1, 2),
        char_ngrams: Sequence[int] = (2, 5),
        min_df: int = 2,
        sublinear_tf: bool = True,
        C: Sequence[float] = (0.3, 1.0, 3.0, 10.0),
        cv: int = 5,
        objective: str = "f1",
        random_state: int = 0,
        n_jobs: int = 1,
        verbose: int = 0,
    ) -> None:
        self.word_ngrams = word_ngrams
        self.char_ngrams = char_ngrams
        self.min_df = min_df
        self.sublinear_tf = sublinear_tf
        self.C = C
        self.cv = cv
        self.objective = objective
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        tags.classifier_tags.multi_class = False
        return tags

    def fit(
        self,
        X: Sequence[str],
        y: npt.ArrayLike,
        *,
        soft: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
        auxiliary: npt.ArrayLike | None = None,
    ) -> "LinearTextClassifier":
        """Fit on texts.

        Args:
            X: n texts.
            y: 1 where a label holds, 0 elsewhere. Shape: (n, n_labels).
            soft: the share of annotators who see each label, in [0, 1]: the regressions' targets; `y` where not given.
                Shape: (n, n_labels).
            groups: what must not be split between folds; each text by itself where not given. Shape: (n,).
            auxiliary: rows that are learnt from, but count neither for choosing C nor for calibration and thresholds,
                since they are of another kind than the texts to come. Shape: (n,), bool.

        Raises:
            DataError: if a label has too few rows with or without it, or all rows are of one group.
            ValueError: if a parameter or a shape is wrong.
        """
        texts, hard, target, group = self._validated(X, y, soft, groups)
        counted = ~np.zeros(len(texts), bool) if auxiliary is None else ~np.asarray(auxiliary, bool)
        if counted.shape != (len(texts),):
            raise ValueError(f"auxiliary must have shape ({len(texts)},), it has shape {counted.shape}")
        require_enough(hard[counted], [str(k) for k in range(hard.shape[1])])
        counts = [(spec, *count_ngrams(texts, spec)) for spec in self._specs()]
        matrices = [matrix for _, matrix, _ in counts]
        folds = grouped_folds(hard, group, self.cv, self.random_state)
        with Parallel(n_jobs=self.n_jobs, return_as="generator") as parallel:
            scores, self.folds_ = self._held_out(parallel, matrices, hard, target, folds, self.C)
            self.cv_results_ = {
                "C": [float(c) for c in self.C],
                "average_precision": _mean_ap(scores, hard, folds, counted),
            }
            best = int(np.argmax(self.cv_results_["average_precision"]))
            self.C_, self.held_out_scores_ = self.cv_results_["C"][best], scores[best]
            self.ungrouped_scores_ = None
            if len(np.unique(group)) < len(group):
                loose = grouped_folds(hard, np.arange(len(group)), self.cv, self.random_state)
                self.ungrouped_scores_ = self._held_out(parallel, matrices, hard, target, loose, [self.C_])[0][0]
            vocabularies = [_Vocabulary(matrix, np.arange(len(texts)), self.min_df) for matrix in matrices]
            features = _features(matrices, vocabularies, np.arange(len(texts)), self.sublinear_tf)
            fitted = list(
                parallel(
                    delayed(_fit_label)(features, target[:, k], self.C_, self.random_state)
                    for k in range(hard.shape[1])
                )
            )
        blocks = tuple(
            Block(spec, [terms[k] for k in v.kept.tolist()], v.idf)
            for (spec, _, terms), v in zip(counts, vocabularies, strict=True)
        )
        coef, intercept = np.stack([c for c, _ in fitted]), np.array([i for _, i in fitted])
        self.backend_ = LinearBackend(
            blocks,
            coef.astype(np.float32),
            intercept.astype(np.float32),
            bool(self.sublinear_tf),
            _coverage_floor(*counts[0][1:], self.min_df),
        )
        self.decision_: Decision = fit_decision(
            self.held_out_scores_[counted], hard[counted], Objective.parse(self.objective)
        )
        self.n_labels_ = hard.shape[1]
        self.classes_ = [np.array([0, 1])] * self.n_labels_
        return self

    def decision_function(self, X: Sequence[str]) -> npt.NDArray[np.float32]:
        """Raw scores before calibration. Shape: (n_texts, n_labels), float32."""
        check_is_fitted(self)
        return self.backend_.scores(_texts(X))

    def predict_proba(self, X: Sequence[str]) -> npt.NDArray[np.float32]:
        """Calibrated probabilities. Shape: (n_texts, n_labels), float32."""
        check_is_fitted(self)
        return self.decision_.probabilities(self.decision_function(X))

    def predict(self, X: Sequence[str]) -> npt.NDArray[np.int8]:
        """1 where a label's probability reaches its threshold. Shape: (n_texts, n_labels), int8."""
        check_is_fitted(self)
        return self.decision_.decide(self.predict_proba(X)).astype(np.int8)

    def _specs(self) -> list[NgramSpec]:
        return [NgramSpec("word", *self.word_ngrams), NgramSpec("char_wb", *self.char_ngrams)]

    def _validated(
        self, X: Sequence[str], y: npt.ArrayLike, soft: npt.ArrayLike | None, groups: npt.ArrayLike | None
    ) -> tuple[list[str], npt.NDArray[np.int8], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        for name in ("word_ngrams", "char_ngrams"):
            low, high = getattr(self, name)
            if not 1 <= low <= high:
                raise ValueError(f"{name} must be (smallest, largest) with 1 <= smallest <= largest, not {low, high}")
        if not len(self.C) or not all(0 < c < np.inf for c in self.C):
            raise ValueError(f"C must be one or more positive numbers, not {self.C!r}")
        try:
            Objective.parse(self.objective)
        except UsageError as error:
            raise ValueError(str(error)) from None
        if self.min_df < 1 or self.cv < 2:
            raise ValueError(f"min_df must be at least 1 and cv at least 2, not {self.min_df} and {self.cv}")
        texts, hard = _texts(X), np.asarray(y)
        if hard.shape[:1] != (len(texts),) or hard.ndim != 2 or not np.isin(hard, (0, 1)).all():
            raise ValueError(f"y must be 0 or 1 of shape ({len(texts)}, n_labels), it has shape {hard.shape}")
        target = hard.astype(np.float64) if soft is None else np.asarray(soft, np.float64)
        if target.shape != hard.shape or not ((target >= 0) & (target <= 1)).all():
            raise ValueError(f"soft must be in [0, 1] and of shape {hard.shape}, it has shape {target.shape}")
        group = np.arange(len(texts)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        if group.shape != (len(texts),):
            raise ValueError(f"groups must have shape ({len(texts)},), it has shape {group.shape}")
        return texts, hard.astype(np.int8), target, group.astype(np.int64)

    def _held_out(
        self,
        parallel: Parallel,
        matrices: list[sparse.csr_array],
        hard: npt.NDArray[np.int8],
        target: npt.NDArray[np.float64],
        folds: list[Fold],
        strengths: Sequence[float],
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Raw scores of every row by the fold that did not see it. Shape: (n_C, n, n_labels); and each row's fold."""
        done = parallel(
            delayed(_score_fold)(
                matrices, target, fold, list(strengths), self.min_df, self.sublinear_tf, self.random_state
            )
            for fold in folds
        )
        scores, number = np.zeros((len(strengths), *hard.shape)), np.zeros(len(hard), np.int64)
        with Progress("train", "folds", total=len(folds), quiet=not self.verbose) as progress:
            for k, ((_, held_out), fold_scores) in enumerate(zip(folds, done, strict=True)):
                scores[:, held_out], number[held_out] = fold_scores, k
                progress.advance()
        return scores, number


def _texts(X: Sequence[str]) -> list[str]:
    texts = list(X)
    if isinstance(X, str) or not all(isinstance(text, str) for text in texts):
        raise ValueError("X must be a sequence of strings")
    return texts


class _Vocabulary:
    """Which columns of a count matrix occur in enough of the given rows, and their inverse document frequencies."""

    def __init__(self, counts: sparse.csr_array, rows: npt.NDArray[np.int64], min_df: int) -> None:
        frequency = np.bincount(counts[rows].indices, minlength=counts.shape[1])
        self.kept = np.flatnonzero(frequency >= min_df)
        # As scikit-learn's TfidfTransformer with smooth_idf.
        self.idf = (np.log((1 + len(rows)) / (1 + frequency[self.kept])) + 1).astype(np.float32)


def _features(
    counts: list[sparse.csr_array], vocabularies: list[_Vocabulary], rows: npt.NDArray[np.int64], sublinear_tf: bool
) -> sparse.csr_matrix:
    """TF-IDF features of some rows, blocks side by side. Float64 with 32-bit indices, as the solver wants them."""
    blocks = [
        tfidf(sparse.csr_array(matrix[rows][:, v.kept]), v.idf, sublinear_tf)
        for matrix, v in zip(counts, vocabularies, strict=True)
    ]
    features = sparse.csr_matrix(sparse.hstack(blocks, format="csr"))
    features.indices, features.indptr = features.indices.astype(np.int32), features.indptr.astype(np.int32)
    return features


def _fit_label(
    features: sparse.csr_matrix, target: npt.NDArray[np.float64], C: float, random_state: int
) -> tuple[npt.NDArray[np.float64], float]:
    """Weights and intercept of one label. A soft target counts as both classes, weighted by its share."""
    both = np.flatnonzero((target > 0) & (target < 1))
    rows = sparse.vstack([features, features[both]], format="csr") if len(both) else features
    major = target >= 0.5
    classes = np.concatenate([major, ~major[both]])
    weights = np.concatenate([np.where(major, target, 1 - target), np.where(major, 1 - target, target)[both]])
    if classes.all() or not classes.any():  # a fold without the label, or with nothing else
        return np.zeros(features.shape[1]), float(np.log((weights[classes].sum() + 1) / (weights[~classes].sum() + 1)))
    # The dual coordinate descent of LIBLINEAR is the fastest here; it penalises the intercept too, which is slight.
    model = LogisticRegression(C=C, solver="liblinear", dual=True, max_iter=1000, random_state=random_state)
    with threadpool_limits(1):  # how a BLAS splits its sums must not depend on the number of processes
        model.fit(rows, classes.astype(np.int8), sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])


def _score_fold(
    counts: list[sparse.csr_array],
    target: npt.NDArray[np.float64],
    fold: Fold,
    strengths: list[float],
    min_df: int,
    sublinear_tf: bool,
    random_state: int,
) -> npt.NDArray[np.float64]:
    """Held-out raw scores for every strength: features are made once. Shape: (n_C, n_held_out, n_labels)."""
    train, held_out = fold
    vocabularies = [_Vocabulary(matrix, train, min_df) for matrix in counts]
    features = _features(counts, vocabularies, train, sublinear_tf)
    unseen = _features(counts, vocabularies, held_out, sublinear_tf)
    scores = np.empty((len(strengths), len(held_out), target.shape[1]))
    for i, C in enumerate(strengths):
        for k in range(target.shape[1]):
            coef, intercept = _fit_label(features, target[train, k], C, random_state)
            scores[i, :, k] = unseen @ coef + intercept
    return scores


def _coverage_floor(counts: sparse.csr_array, terms: list[str], min_df: int) -> float:
    """Three quarters of the share of known words that all but one in a hundred training texts reach.

    A text is judged by the vocabulary that the other texts alone would give. Running text of another language shares
    with it names and little else, and stays well below.
    """
    words = sparse.csr_array(counts[:, np.flatnonzero([" " not in term for term in terms])])
    known_without = np.bincount(words.indices, minlength=words.shape[1]) > min_df
    total = words.sum(axis=1)
    known = sparse.csr_array(words[:, np.flatnonzero(known_without)]).sum(axis=1)
    shares = known[total > 0] / total[total > 0]
    return round(0.75 * float(np.quantile(shares, 0.01)), 4) if len(shares) else 0.0


def _mean_ap(
    scores: npt.NDArray[np.float64], hard: npt.NDArray[np.int8], folds: list[Fold], counted: npt.NDArray[np.bool_]
) -> list[float]:
    """For every strength the average precision on counted rows, averaged over labels, then over folds."""

    def of_fold(matrix: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> Iterator[float]:
        for k in np.flatnonzero(hard[rows].any(axis=0)):
            yield float(average_precision_score(hard[rows, k], matrix[rows, k]))

    parts = [held_out[counted[held_out]] for _, held_out in folds]
    return [
        float(np.mean([np.mean(list(of_fold(matrix, rows))) for rows in parts if hard[rows].any()]))
        for matrix in scores
    ]
