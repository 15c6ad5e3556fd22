"""The linear estimator keeps scikit-learn's conventions, and its results are those of scikit-learn's plain pipeline."""

import pickle
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from classifier.errors import DataError
from classifier.labelled import Labelled
from training import LinearTextClassifier, TrainingConfig
from training.calibration import Objective, fit_decision

SMALL: dict[str, Any] = {"char_ngrams": (2, 3), "C": (0.3, 3.0), "cv": 3}


@pytest.fixture(scope="module")
def data(labelled: Labelled) -> tuple[list[str], npt.NDArray[np.int8], npt.NDArray[np.str_]]:
    return labelled.texts[:360], labelled.hard[:360], labelled.groups[:360]


@pytest.fixture(scope="module")
def fitted(data: Any) -> LinearTextClassifier:
    texts, hard, groups = data
    return LinearTextClassifier(**SMALL).fit(texts, hard, groups=groups)


class OnNumbers(LinearTextClassifier):  # type: ignore[misc]
    """scikit-learn's checks feed matrices of numbers and one class a row: they become words, and a column a class."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = True, False, False
        return tags

    def fit(self, X: Any, y: Any) -> "OnNumbers":
        X, y = validate_data(self, X, y, multi_output=True)
        super().fit(self._words(X), (y if y.ndim == 2 else y[:, None] == np.unique(y)).astype(int))
        return self

    def decision_function(self, X: Any) -> npt.NDArray[np.float32]:
        check_is_fitted(self)
        return super().decision_function(self._words(validate_data(self, X, reset=False)))

    def _words(self, X: npt.NDArray[np.float64]) -> list[str]:
        return [" ".join(f"f{j}v{round(2 * value)}" for j, value in enumerate(row)) for row in X]


ONE_CLASS_A_ROW = "it expects one class a row back, where this estimator gives a column a label"
TOO_FEW = "so little cannot be learnt from: the error says how many rows of a label are needed"
EXPECTED_FAILURES = {
    "check_fit_score_takes_y": ONE_CLASS_A_ROW,
    "check_pipeline_consistency": ONE_CLASS_A_ROW,
    "check_classifiers_classes": ONE_CLASS_A_ROW,
    "check_classifiers_train": ONE_CLASS_A_ROW,
    "check_decision_proba_consistency": ONE_CLASS_A_ROW,
    "check_supervised_y_2d": "a column as y is one label, not a vector to be flattened with a warning",
    "check_classifier_not_supporting_multiclass": "the adapter above makes labels of many classes",
    "check_classifiers_regression_target": "the adapter above makes labels of numbers; they are then too rare",
    "check_classifiers_multilabel_output_format_predict": "labels are int8, whatever the type of y",
    "check_classifiers_one_label": TOO_FEW,
    "check_fit2d_1sample": TOO_FEW,
    "check_fit2d_1feature": TOO_FEW,
}


@parametrize_with_checks(
    [OnNumbers(word_ngrams=(1, 1), char_ngrams=(2, 2), C=(1.0,), cv=2)],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_scikit_learns_own_estimator_checks_hold(estimator: OnNumbers, check: Any) -> None:
    check(estimator)


def test_parameters_and_defaults_are_those_of_the_configuration() -> None:
    settings = {name: value for name, value in asdict(TrainingConfig()).items() if name != "soft_labels"}
    assert LinearTextClassifier().get_params() == {**settings, "n_jobs": 1, "verbose": 0}


def test_a_clone_has_the_parameters_and_is_not_fitted(fitted: LinearTextClassifier) -> None:
    copy = clone(fitted).set_params(cv=4)
    assert copy.get_params() == {**fitted.get_params(), "cv": 4}
    check_is_fitted(fitted)
    with pytest.raises(NotFittedError):
        check_is_fitted(copy)


@pytest.mark.parametrize(
    "method",
    [
        "decision_function",
        *(pytest.param(name) for name in ("predict", "predict_proba")),
    ],
)
def test_an_unfitted_estimator_says_that_it_is_not_fitted(method: str) -> None:
    try:
        getattr(LinearTextClassifier(), method)(["A text of some words."])
    except NotFittedError:
        return
    pytest.fail("no error")


def test_outputs_have_a_column_a_label_and_labels_follow_the_thresholds(
    fitted: LinearTextClassifier, data: Any
) -> None:
    probabilities, labels = fitted.predict_proba(data[0][:50]), fitted.predict(data[0][:50])
    assert (probabilities.shape, probabilities.dtype) == ((50, 4), np.float32)
    assert (labels.shape, labels.dtype) == ((50, 4), np.int8)
    assert np.array_equal(labels == 1, probabilities >= np.float32(fitted.decision_.thresholds))
    assert fitted.predict_proba([]).shape == fitted.predict([]).shape == (0, 4)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(data[0][:50]), probabilities)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"y": np.zeros(12, int)}, r"shape \(12, n_labels\), it has shape \(12,\)"),
        ({"y": np.zeros((11, 2), int)}, r"it has shape \(11, 2\)"),
        ({"y": np.full((12, 2), 2)}, "y must be 0 or 1"),
        ({"y": np.full((12, 2), np.nan)}, "y must be 0 or 1"),
        ({"soft": np.zeros((12, 3))}, r"soft must be .* of shape \(12, 2\), it has shape \(12, 3\)"),
        ({"soft": np.full((12, 2), 1.01)}, r"soft must be in \[0, 1\]"),
        ({"soft": np.full((12, 2), np.nan)}, r"soft must be in \[0, 1\]"),
        ({"groups": np.arange(11)}, r"groups must have shape \(12,\), it has shape \(11,\)"),
        ({"X": ["text"] * 11 + [None]}, "sequence of strings"),
        ({"X": np.zeros((12, 2))}, "sequence of strings"),
        pytest.param({"auxiliary": np.zeros(11, bool)}, "auxiliary"),
    ],
)
def test_a_wrong_shape_or_value_is_an_error_that_says_what_was_expected(
    arguments: dict[str, Any], complaint: str
) -> None:
    good = {"X": [f"text number {k}" for k in range(12)], "y": np.tile([[0, 1], [1, 0]], (6, 1))}
    with pytest.raises(ValueError, match=complaint):
        LinearTextClassifier().fit(**{**good, **arguments})


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"word_ngrams": (2, 1)}, "word_ngrams must be"),
        ({"char_ngrams": (0, 2)}, "char_ngrams must be"),
        ({"C": ()}, "C must be one or more positive numbers"),
        ({"C": (1.0, 0.0)}, "C must be one or more positive numbers"),
        ({"min_df": 0}, "min_df must be at least 1"),
        ({"cv": 1}, "cv at least 2"),
        pytest.param(
            {"objective": "accuracy"},
            "objective",
        ),
    ],
)
def test_a_wrong_parameter_is_an_error_that_names_it(parameters: dict[str, Any], complaint: str) -> None:
    texts, y = [f"text number {k}" for k in range(12)], np.tile([[0, 1], [1, 0]], (6, 1))
    with pytest.raises(ValueError, match=complaint):
        LinearTextClassifier(**parameters).fit(texts, y)


def test_a_single_string_is_refused_where_texts_are_expected(fitted: LinearTextClassifier) -> None:
    with pytest.raises(ValueError, match="sequence of strings"):
        fitted.predict("A text of some words.")


def test_strengths_may_be_a_numpy_array_as_logspace_gives_it() -> None:
    texts, y = [f"text number {k % 4}" for k in range(12)], np.tile([[0, 1], [1, 0]], (6, 1))
    assert LinearTextClassifier(C=np.logspace(-1, 1, 3), cv=2).fit(texts, y).C_ > 0


def test_a_label_with_too_few_rows_and_a_single_group_are_data_errors() -> None:
    texts, y = [f"text number {k}" for k in range(12)], np.tile([[0, 1], [1, 0]], (6, 1))
    with pytest.raises(DataError, match="'1' stands on 3 of 12 rows"):
        LinearTextClassifier().fit(texts, np.column_stack([y[:, 0], np.arange(12) < 3]))
    with pytest.raises(DataError, match="one group"):
        LinearTextClassifier().fit(texts, y, groups=["the only thread"] * 12)


def content(estimator: LinearTextClassifier) -> tuple[Any, ...]:
    backend = estimator.backend_
    return backend.files(), backend.to_json(), estimator.decision_, estimator.cv_results_, estimator.folds_.tolist()


def test_the_model_is_byte_identical_for_any_number_of_processes(fitted: LinearTextClassifier, data: Any) -> None:
    texts, hard, groups = data
    parallel = LinearTextClassifier(**SMALL, n_jobs=2).fit(texts, hard, groups=groups)
    assert content(parallel) == content(fitted)
    assert np.array_equal(parallel.held_out_scores_, fitted.held_out_scores_)


def mean_average_precision(scores: npt.NDArray[np.float64], hard: npt.NDArray[np.int8]) -> float:
    return float(np.mean([average_precision_score(hard[:, k], scores[:, k]) for k in range(hard.shape[1])]))


def test_scores_and_choice_of_c_equal_those_of_a_grid_search_over_the_plain_pipeline(data: Any) -> None:
    texts, hard, groups = data
    ours = LinearTextClassifier(**{**SMALL, "C": (0.1, 1.0, 10.0)}).fit(texts, hard, groups=groups)
    options: dict[str, Any] = {"min_df": 2, "sublinear_tf": True}
    features = [
        ("word", TfidfVectorizer(ngram_range=(1, 2), **options)),
        ("char", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 3), **options)),
    ]
    regression = LogisticRegression(solver="liblinear", dual=True, max_iter=1000, random_state=0)
    search = GridSearchCV(
        Pipeline([("features", FeatureUnion(features)), ("labels", OneVsRestClassifier(regression))]),
        {"labels__estimator__C": [0.1, 1.0, 10.0]},
        scoring=lambda pipeline, X, y: mean_average_precision(pipeline.decision_function(X), y),
        cv=[(np.flatnonzero(ours.folds_ != k), np.flatnonzero(ours.folds_ == k)) for k in range(3)],
    ).fit(texts, hard)
    assert search.best_params_ == {"labels__estimator__C": ours.C_}
    assert ours.cv_results_["C"] == [0.1, 1.0, 10.0]
    assert ours.cv_results_["average_precision"] == pytest.approx(search.cv_results_["mean_test_score"], abs=1e-6)
    assert ours.decision_function(texts) == pytest.approx(search.decision_function(texts), abs=1e-3)


def test_no_group_stands_on_both_sides_of_a_fold(fitted: LinearTextClassifier, data: Any) -> None:
    folds_of = {group: set(fitted.folds_[data[2] == group].tolist()) for group in data[2]}
    assert all(len(folds) == 1 for folds in folds_of.values())
    assert len(folds_of) < len(data[0])
    assert set(fitted.folds_.tolist()) == {0, 1, 2}


def test_soft_labels_move_probabilities_towards_what_annotators_saw() -> None:
    random = np.random.default_rng(0)
    words = random.choice(["grim", "dubious", "fine", "late"], 200)
    texts = [f"{random.choice(list('abcdef'))} tram is {word} today" for word in words]
    hard = (np.isin(words, ["grim", "dubious"]) ^ (random.random(200) < 0.1)).astype(int).reshape(-1, 1)
    soft = np.where((words == "dubious").reshape(-1, 1) & (hard == 1), 0.55, hard)

    def probabilities(soft: npt.NDArray[np.float64] | None) -> list[float]:
        estimator = LinearTextClassifier(C=(10.0,), cv=2).fit(texts, hard, soft=soft)
        return estimator.predict_proba(["it is grim", "it is dubious"])[:, 0].tolist()

    certain, unsure = probabilities(None), probabilities(soft)
    assert certain[1] > 0.9 * certain[0]
    assert unsure[1] < 0.9 * unsure[0]
    assert probabilities(hard.astype(float)) == certain


def test_auxiliary_rows_are_learnt_from_but_take_no_part_in_choosing_c_calibration_and_thresholds(data: Any) -> None:
    texts, hard, groups = data
    auxiliary = np.arange(360) >= 240
    changed = [f"{text} zweifelhaft" if extra else text for text, extra in zip(texts, auxiliary, strict=True)]
    labels = np.where(auxiliary[:, None], 1 - hard, hard)
    ours = LinearTextClassifier(**SMALL).fit(changed, labels, groups=groups, auxiliary=auxiliary)
    counted, scores = ~auxiliary, ours.held_out_scores_
    assert ours.decision_ == fit_decision(scores[counted], labels[counted], Objective("f1"))
    assert ours.decision_ != fit_decision(scores, labels, Objective("f1"))
    folds = [counted & (ours.folds_ == k) for k in range(3)]
    expected = np.mean([mean_average_precision(scores[rows], labels[rows]) for rows in folds])
    assert max(ours.cv_results_["average_precision"]) == pytest.approx(expected)
    assert "zweifelhaft" in ours.backend_.blocks[0].vocabulary
