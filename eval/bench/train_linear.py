"""Training the linear model against GridSearchCV over the plain scikit-learn pipeline: time, and the selected C.

Both sides read the same file, take hard labels, the same folds, strengths and number of processes, and are timed as
whole processes in turns. Ours also calibrates, chooses thresholds, bootstraps its figures and saves the model.

    python -m eval.bench.train_linear seeds/paragraphs/train.jsonl --runs 3
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from classifier.lazy import resolve_name
from eval.bench.measuring import run, stance


def plain(data: Path, n_jobs: int) -> None:
    """Print what GridSearchCV over the plain pipeline selects."""
    import numpy as np  # noqa: PLC0415
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.metrics import average_precision_score  # noqa: PLC0415
    from sklearn.model_selection import GridSearchCV  # noqa: PLC0415
    from sklearn.multiclass import OneVsRestClassifier  # noqa: PLC0415
    from sklearn.pipeline import FeatureUnion, Pipeline  # noqa: PLC0415

    from classifier.fingerprints import fingerprint  # noqa: PLC0415
    from classifier.labelled import read_labelled  # noqa: PLC0415
    from classifier.seeds import default_scheme  # noqa: PLC0415

    def score(estimator: object, texts: list[str], truth: "np.ndarray") -> float:
        return float(average_precision_score(truth, estimator.decision_function(texts)))  # type: ignore[attr-defined]

    labelled, settings = read_labelled([data], default=default_scheme()), resolve_name("training:TrainingConfig")()
    # The folds are the contract of the comparison, so they come from the code that is compared.
    pairs = resolve_name("training.folds:duplicate_pairs")(fingerprint(labelled.texts))
    groups = resolve_name("training.folds:linked_groups")(labelled.groups, pairs)
    folds = resolve_name("training.folds:grouped_folds")(labelled.hard, groups, settings.cv, settings.random_state)
    words = TfidfVectorizer(ngram_range=settings.word_ngrams, min_df=settings.min_df, sublinear_tf=True)
    characters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=settings.char_ngrams, min_df=settings.min_df, sublinear_tf=True
    )
    regression = LogisticRegression(solver="liblinear", dual=True, max_iter=1000, random_state=settings.random_state)
    pipeline = Pipeline(
        [("features", FeatureUnion([("w", words), ("c", characters)])), ("labels", OneVsRestClassifier(regression))]
    )
    grid = {"labels__estimator__C": list(settings.C)}
    search = GridSearchCV(pipeline, grid, scoring=score, cv=folds, n_jobs=n_jobs)
    search.fit(labelled.texts, labelled.hard)
    print(json.dumps({"C": search.best_params_["labels__estimator__C"]}))


def main() -> None:
    """Time both in turns and print the medians, their ratio, and the strengths selected."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--plain", action="store_true", help="run the plain side alone")
    arguments = parser.parse_args()
    if arguments.plain:
        plain(arguments.data, arguments.n_jobs)
        return
    ours, theirs, selected = [], [], (0.0, 0.0)
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "hard.toml"
        config.write_text("soft_labels = false\n")
        for turn in range(arguments.runs):
            model = Path(scratch) / f"model-{turn}"
            command = stance(
                "train", arguments.data, "-o", model, "--config", config, "--n-jobs", arguments.n_jobs, "--quiet"
            )
            ours.append(run(command))
            script = [sys.executable, "-m", "eval.bench.train_linear", str(arguments.data), "--plain"]
            theirs.append(run([*script, "--n-jobs", str(arguments.n_jobs)]))
            manifest = json.loads((model / "manifest.json").read_text())
            selected = (manifest["provenance"]["selected"]["C"], json.loads(theirs[-1].output.splitlines()[-1])["C"])
            ratio = theirs[-1].seconds / ours[-1].seconds
            print(f"turn {turn + 1}: {ours[-1].seconds:.1f} s against {theirs[-1].seconds:.1f} s, {ratio:.2f}x")
    ratio = statistics.median(b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True))
    print(f"median ratio {ratio:.2f}x over {arguments.runs} turns, n_jobs {arguments.n_jobs}")
    print(f"selected C: stance {selected[0]:g}, GridSearchCV {selected[1]:g}")
    print(f"peak memory of the largest process: {max(r.peak_mib for r in ours):.0f} and "
          f"{max(r.peak_mib for r in theirs):.0f} MiB")  # fmt: skip


if __name__ == "__main__":
    main()
