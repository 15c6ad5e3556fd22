"""A loaded model: predictions, their shapes and statuses, thresholds, and explanations that add up."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from classifier import Explanation, Model, Prediction, load_model
from classifier.errors import DataError, ModelError, UsageError

WORRIED = "I am so sorry for the families in the flooded street; nobody should lose a home like that, poor souls."
DOUBTFUL = "Where is the evidence for that figure? I would like to see the source before I believe a word of it."
TEXTS = [WORRIED, DOUBTFUL, "The meeting starts at seven in the town hall.", "ok", "¿?", "Häuser", "\u4f60\u597d"]
BAD: list[tuple[Any, str, str]] = [
    (None, "empty", "missing"),
    ("", "empty", "blank"),
    (" \t\r\n\u00a0\u2003", "empty", "blank"),
    ("\u200b\u200d\x07", "empty", "blank"),
    ("a" * 100_001, "too_long", "100,001 characters, more than 100,000"),
    ("half\0way", "bad_text", "NUL"),
    ("half \ud83d of it", "bad_text", "surrogate"),
    (7, "bad_text", "int"),
    (1.5, "bad_text", "float"),
    (True, "bad_text", "bool"),
    (b"bytes", "bad_text", "bytes"),
    (["a list"], "bad_text", "list"),
    ({"text": "nested"}, "bad_text", "dict"),
]


def test_probabilities_are_float32_with_a_row_a_text_and_a_column_a_label(model: Model) -> None:
    probabilities = model.predict_proba(TEXTS)
    assert probabilities.shape == (len(TEXTS), len(model.labels)) == (7, 4)
    assert probabilities.dtype == np.float32
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_no_texts_give_no_predictions_of_the_right_width(model: Model) -> None:
    assert model.predict([]) == []
    assert model.predict_proba([]).shape == (0, 4)


def test_the_model_has_learned_what_its_labels_mean(model: Model) -> None:
    assert "sympathy" in model.predict([WORRIED])[0].labels
    assert "skepticism" in model.predict([DOUBTFUL])[0].labels


def test_a_prediction_names_the_labels_whose_probability_reaches_their_threshold(
    model: Model, seed_rows: list[dict[str, Any]]
) -> None:
    texts = [row["text"] for row in seed_rows[:300]]
    probabilities, predictions = model.predict_proba(texts), model.predict(texts)
    for row, prediction in zip(probabilities.tolist(), predictions, strict=True):
        assert prediction.scores == dict(zip(model.labels, row, strict=True))
        reached = tuple(
            label for label in model.labels if round(prediction.scores[label], 6) >= model.thresholds[label]
        )
        assert prediction.labels == reached
        assert (prediction.status, prediction.reason) == ("ok", None)
    given_counts = {len(prediction.labels) for prediction in predictions}
    assert {0, 1, 2} <= given_counts  # none of them and several of them are ordinary answers


@pytest.mark.parametrize(("value", "status", "reason"), BAD, ids=lambda part: ascii(part)[:18])
def test_a_value_that_cannot_be_scored_has_a_status_and_a_reason_and_no_label(
    model: Model, value: Any, status: str, reason: str
) -> None:
    (prediction,) = model.predict([value])
    assert (prediction.labels, dict(prediction.scores), prediction.status) == ((), {}, status)
    assert prediction.reason is not None
    assert reason in prediction.reason
    probabilities = model.predict_proba([value])
    assert probabilities.shape == (1, 4)
    assert probabilities.dtype == np.float32
    assert np.isnan(probabilities).all()


def test_bad_values_neither_move_nor_change_their_neighbours(model: Model) -> None:
    mixed = [value for pair in zip((bad for bad, _, _ in BAD), TEXTS * 2, strict=False) for value in pair]
    alone = model.predict_proba(TEXTS)
    np.testing.assert_array_equal(model.predict_proba(mixed)[1::2], np.tile(alone, (2, 1))[: len(BAD)])
    assert [prediction.status for prediction in model.predict(mixed)[::2]] == [status for _, status, _ in BAD]


def test_max_chars_is_the_longest_text_that_is_scored(model: Model) -> None:
    assert [prediction.status for prediction in model.predict(["12345", "123456"], max_chars=5)] == ["ok", "too_long"]
    assert model.predict(["word " * 20_000])[0].status == "ok"


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_scored_or_has_a_reason(text: str, model: Model) -> None:
    (prediction,) = model.predict([text])
    assert isinstance(prediction, Prediction)
    assert (prediction.status == "ok") == (prediction.reason is None) == (len(prediction.scores) == 4)


def test_texts_in_another_language_are_noticed_and_labelled_all_the_same(model: Model) -> None:
    german = "Gestern wurde im Gemeinderat lange und heftig über die gesperrte Brücke gestritten."
    scored = model.score([german, WORRIED, None])
    assert scored.unfamiliar.tolist() == [True, False, False]
    assert scored.statuses == ["ok", "ok", "empty"]
    assert not np.isnan(scored.probabilities[0]).any()


def test_other_thresholds_give_other_labels_and_leave_the_model_as_it_was(model: Model) -> None:
    before = model.thresholds
    generous = model.with_thresholds(dict.fromkeys(model.labels, 0.0))
    strict = model.with_thresholds({"sympathy": 1.0})
    assert generous.predict([DOUBTFUL])[0].labels == model.labels
    assert "sympathy" not in strict.predict([WORRIED])[0].labels
    assert model.thresholds == before
    np.testing.assert_array_equal(generous.predict_proba(TEXTS), model.predict_proba(TEXTS))
    assert generous.predict([None])[0].labels == ()


def test_thresholds_that_make_no_sense_are_refused(model: Model) -> None:
    with pytest.raises(DataError, match="did you mean 'sympathy'"):
        model.with_thresholds({"sympaty": 0.5})
    with pytest.raises(UsageError, match="0 to 1"):
        model.with_thresholds({"sympathy": 50})


@settings(deadline=None)
@given(text=st.one_of(st.text(max_size=60), st.sampled_from(TEXTS)))
@example(text=WORRIED)
@example(text="")
def test_an_explanation_adds_up_to_the_probability(text: str, model: Model) -> None:
    explanation = model.explain(text)
    assert isinstance(explanation, Explanation)
    assert explanation.words == text.split()
    assert explanation.labels == model.labels
    assert explanation.contributions.shape == (len(explanation.words), 4)
    total = explanation.base + explanation.contributions.sum(axis=0)
    scores = model.backend.scores([text])
    np.testing.assert_allclose(expit(total), model.decision.probabilities(scores)[0], rtol=0, atol=1e-6)


def test_the_base_of_an_explanation_is_the_probability_of_a_text_that_says_nothing_known(model: Model) -> None:
    nothing = model.predict_proba(["\u4f60\u597d\u4f60\u597d"])[0].astype(np.float64)
    np.testing.assert_allclose(model.explain(WORRIED).base, logit(nothing), rtol=0, atol=1e-3)


def test_the_words_that_speak_for_a_label_are_those_a_reader_would_name(model: Model) -> None:
    explanation = model.explain(WORRIED)
    words = [word for word, _ in explanation.strongest("sympathy", n=6)]
    assert "sorry" in words
    assert "street;" not in words  # as words, without the punctuation that hangs on them
    against = [word for word, _ in explanation.strongest("sympathy", n=6, against=True)]
    assert not set(words) & set(against)


def test_strongest_adds_up_occurrences_and_sorts_by_strength() -> None:
    words = ["Why,", "oh", "why", "now", "weak"]
    contributions = np.array([[0.5, 0], [-0.75, 0], [0.5, 0], [0.75, 0], [0.001, 0]])
    explanation = Explanation(("doubt", "praise"), words, contributions, np.zeros(2))
    assert explanation.strongest("doubt") == [("why", 1.0), ("now", 0.75)]
    assert explanation.strongest("doubt", n=1) == [("why", 1.0)]
    assert explanation.strongest("doubt", against=True) == [("oh", -0.75)]
    assert explanation.strongest("praise") == []


def test_a_model_loads_by_path_as_text_or_path_object(model: Model, model_directory: Path) -> None:
    for name in (model_directory, str(model_directory), f"{model_directory}/"):
        assert load_model(name).digest == model.digest


def test_a_model_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model directory .*nowhere"):
        load_model(tmp_path / "nowhere")


def test_two_loads_of_one_directory_are_equal(model: Model, model_directory: Path) -> None:
    assert load_model(model_directory) == model
    assert model != model.with_thresholds({"sympathy": 0.123})


def test_the_representation_of_a_model_is_short_enough_to_read(model: Model) -> None:
    shown = repr(model)
    assert shown.startswith("Model(")
    assert model.digest in shown
    assert len(shown) < 3000
