"""The model card's `model-index`: an evaluation's figures as metadata that model hubs show."""

from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard
from yaml import YAMLError

from classifier.bundle import CARD
from classifier.errors import DataError
from classifier.files import atomic_file

_METRICS = {"macro_f1": "f1", "mean_average_precision": "average_precision", "exact_match": "exact_match"}


def update_card(metrics: dict[str, Any], directory: Path) -> None:
    """Put the figures into the metadata of the model's README.md, which no digest covers.

    Raises:
        DataError: if there is no readable card. OutputError: if it cannot be written.
    """
    path = directory / CARD
    try:
        card = ModelCard(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, YAMLError) as error:
        raise DataError(
            f"{path} is no model card ({error}): train the model anew, or leave out --update-card."
        ) from None
    sources = metrics["data"]["sources"]
    dataset = ", ".join(source["name"] for source in sources) or "labelled paragraphs"
    revision = sources[0].get("sha256", sources[0].get("fingerprint")) if sources else None
    results = [
        EvalResult(
            task_type="text-classification",
            task_name="multi-label text classification",
            dataset_type="text",
            dataset_name=dataset,
            dataset_revision=revision,
            metric_type=kind,
            metric_name=name,
            metric_value=metrics["overall"][name]["value"],
        )
        for name, kind in _METRICS.items()
        if metrics["overall"][name]["value"] is not None
    ]
    # Results on other data stay; those on this data are replaced.
    kept = [result for result in card.data.eval_results or [] if result.dataset_name != dataset]
    card.data.model_name = card.data.model_name or metrics["model"]["name"]
    card.data.eval_results = [*kept, *results]
    with atomic_file(path) as file:
        file.write(str(card).encode())
