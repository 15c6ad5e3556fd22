"""Do the 95 % intervals hold the truth 95 times in a hundred? A simulation with a known population.

Threads differ in how common a label is and in how well the model does on them, so that rows of a thread go together;
the population's value is computed on very many threads, then small samples of threads are drawn and each sample's
interval is checked. Intervals that resample rows instead of threads are shown beside them.

    python -m eval.bench.intervals --samples 400 --threads 60
"""

import argparse

import numpy as np
import numpy.typing as npt

from classifier.measures import evaluate_predictions

_LABELS = 4
_MEASURES = ("macro_f1", "mean_average_precision", "exact_match")


def population(
    random: np.random.Generator, threads: int, rows: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Truth, probabilities and thread numbers of some threads with a varying number of rows, `rows` on average."""
    sizes = 1 + random.poisson(rows - 1, threads)
    groups = np.repeat(np.arange(threads), sizes)
    common = random.normal(-1.3, 0.8, (threads, _LABELS))[groups]
    skill = np.exp(random.normal(0.3, 0.5, (threads, 1)))[groups]
    signal = random.normal(0.0, 1.3, (len(groups), _LABELS))
    truth = random.random(signal.shape) < 1 / (1 + np.exp(-(common + skill * signal)))
    scores = common + signal + random.normal(0.0, 0.7, signal.shape)
    return truth.astype(np.int8), np.round(1 / (1 + np.exp(-scores)), 6).astype(np.float32), groups


def main() -> None:
    """Print each measure's coverage by threads and by rows."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--threads", type=int, default=60)
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--replicates", type=int, default=1000)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    truth, probabilities, groups = population(random, 40_000, arguments.rows)
    _, whole = evaluate_predictions(truth, probabilities, probabilities >= 0.35, groups, 0)
    held: dict[str, dict[str, int]] = {kind: dict.fromkeys(_MEASURES, 0) for kind in ("threads", "rows")}
    for sample in range(arguments.samples):
        truth, probabilities, groups = population(random, arguments.threads, arguments.rows)
        for kind, units in (("threads", groups), ("rows", np.arange(len(groups)))):
            given = probabilities >= 0.35
            _, found = evaluate_predictions(truth, probabilities, given, units, arguments.replicates, sample)
            for name in _MEASURES:
                held[kind][name] += found[name].low <= whole[name].value <= found[name].high
    print(f"{arguments.samples} samples of {arguments.threads} threads, about {arguments.rows} rows each, nominal 95 %")
    for name in _MEASURES:
        by_threads, by_rows = (100 * held[kind][name] / arguments.samples for kind in ("threads", "rows"))
        print(f"{name:<24} by threads {by_threads:5.1f} %   by rows {by_rows:5.1f} %")


if __name__ == "__main__":
    main()
