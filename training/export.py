"""`stance export`: a linear model as the scikit-learn pipeline it stands for, in a joblib file for other programs.

Nothing here ever loads such a file: unpickling runs code, so it is for people who trust where theirs came from.
"""

import argparse
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.errors import OutputError, UsageError
from classifier.files import atomic_file

if TYPE_CHECKING:
    from classifier.predictor import Model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model directory, or default")
    parser.add_argument("--format", choices=["joblib"], required=True, help="joblib: a scikit-learn pipeline, pickled")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def run(arguments: argparse.Namespace) -> int:
    import joblib  # noqa: PLC0415 (not for --help)

    from classifier.predictor import load_model  # noqa: PLC0415

    if arguments.output.exists() and not arguments.overwrite:
        raise OutputError(f"{arguments.output} exists already: choose another file, or add --overwrite.")
    model = load_model(arguments.model)
    buffer = io.BytesIO()
    joblib.dump(to_sklearn(model), buffer, compress=3)
    with atomic_file(arguments.output) as file:
        file.write(buffer.getvalue())
    print(
        f"{arguments.output}: joblib.load gives a scikit-learn pipeline; predict applies the thresholds of "
        f"{', '.join(model.labels)}, in this order. Loading a joblib file runs code in it: share it only with trust."
    )
    return 0


def to_sklearn(model: "Model") -> Any:
    """A fitted Pipeline of TfidfVectorizers and one calibrated, thresholded logistic regression a label.

    Its `predict` gives the model's labels as a matrix of 0 and 1, its `predict_proba` a list with one array of shape
    (n_texts, 2) a label, as scikit-learn's MultiOutputClassifier has it. Platt calibration is linear on the logit
    scale, so it is folded into the weights.

    Raises:
        UsageError: if the model is not linear.
    """
    import numpy as np  # noqa: PLC0415
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.model_selection import FixedThresholdClassifier  # noqa: PLC0415
    from sklearn.multioutput import MultiOutputClassifier  # noqa: PLC0415
    from sklearn.pipeline import FeatureUnion, Pipeline  # noqa: PLC0415

    from classifier.backends.linear import LinearBackend  # noqa: PLC0415

    backend = model.backend
    if not isinstance(backend, LinearBackend):
        raise UsageError("Only a linear model can be exported as a scikit-learn pipeline.")
    vectorizers = []
    for block in backend.blocks:
        vectorizer = TfidfVectorizer(
            analyzer=block.spec.analyzer,
            ngram_range=(block.spec.min_n, block.spec.max_n),
            sublinear_tf=backend.sublinear_tf,
            vocabulary=block.vocabulary,
        )
        vectorizer.idf_ = block.idf.astype(np.float64)
        vectorizers.append((block.spec.analyzer, vectorizer))
    union = FeatureUnion(vectorizers)
    outputs = []
    for k, threshold in enumerate(model.decision.thresholds):
        slope, intercept = model.decision.slope[k], model.decision.intercept[k]
        regression = LogisticRegression()
        regression.coef_ = slope * backend.coef[k : k + 1].astype(np.float64)
        regression.intercept_ = np.array([slope * float(backend.intercept[k]) + intercept])
        regression.classes_ = np.array([0, 1])
        regression.n_features_in_ = backend.coef.shape[1]
        output = FixedThresholdClassifier(regression, threshold=threshold, response_method="predict_proba")
        output.estimator_ = regression
        outputs.append(output)
    classifier = MultiOutputClassifier(outputs[0])
    classifier.estimators_ = outputs
    classifier.classes_ = [output.classes_ for output in outputs]
    return Pipeline([("features", union), ("labels", classifier)])
