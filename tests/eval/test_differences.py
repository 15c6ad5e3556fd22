"""Differences of two texts: nothing lost, and only what differs is marked."""

from hypothesis import given
from hypothesis import strategies as st

from classifier.text import is_blank
from eval.differences import difference

TEXTS = st.text(st.sampled_from("ab .\n—é"), min_size=1, max_size=40).filter(lambda text: not is_blank(text))


@given(TEXTS, TEXTS)
def test_the_segments_of_each_side_join_to_its_text(text_a: str, text_b: str) -> None:
    segments = difference(text_a, text_b)
    assert "".join(a for _, a, _ in segments) == text_a
    assert "".join(b for _, _, b in segments) == text_b
    assert all(a.split() == b.split() for kind, a, b in segments if kind == "equal")


def test_only_the_words_that_differ_are_marked() -> None:
    assert difference("It was just the rota, wake up.", "It was never the rota, so wake up.") == [
        ["equal", "It was ", "It was "],
        ["replace", "just ", "never "],
        ["equal", "the rota, ", "the rota, "],
        ["insert", "", "so "],
        ["equal", "wake up.", "wake up."],
    ]
