"""Duplicates are found, exact and edited; different paragraphs are not taken for duplicates."""

import hashlib
import random
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from classifier.fingerprints import NEAR_DUPLICATE, SKETCH_SIZE, Fingerprints, fingerprint, matches, similarity

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # whatever else the machine does
PARAGRAPH = (
    "They closed the clinic on a Friday afternoon, when nobody who could have objected was still in the building. "
    "My mother had driven forty minutes for an appointment that was in their own calendar. I do not doubt that the "
    "budget is tight, but I would like to see the figures that make a locked door cheaper than one nurse."
)
OTHER = (
    "The council says the new bridge will carry twice the traffic by next spring. Nobody has published how that was "
    "counted, and the last forecast from the same office was off by half. Show us the survey before you show us the "
    "ribbon, and perhaps then more people in this town will believe the number."
)


def share(one: str, other: str) -> float:
    """The Jaccard similarity of two texts' three-word shingles, computed plainly."""
    sets = [{tuple(words[i : i + 3]) for i in range(len(words) - 2)} for words in (one.split(), other.split())]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def pairs(a: Fingerprints, b: Fingerprints, **options: Any) -> dict[tuple[int, int], float]:
    found = list(matches(a, b, **options))
    assert len({(i, j) for i, j, _ in found}) == len(found), "a pair comes twice"
    return {(i, j): alike for i, j, alike in found}


EDITS = {
    "none": PARAGRAPH,
    "shouted": PARAGRAPH.upper(),
    "punctuation lost": PARAGRAPH.replace(",", "").replace(".", " …"),
    "line breaks": PARAGRAPH.replace(" ", "\n "),
    "a typo": PARAGRAPH.replace("appointment", "apointment"),
    "two words changed": PARAGRAPH.replace("Friday", "Monday").replace("nurse", "doctor"),
    "a sentence added": PARAGRAPH + " Signed, a patient.",
    "the end cut off": PARAGRAPH[:250],
    "quoted": "Someone wrote: «" + PARAGRAPH + "» I agree.",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_found_and_another_paragraph_is_not(edit: str) -> None:
    known = fingerprint([OTHER, PARAGRAPH])
    found = pairs(fingerprint([EDITS[edit]]), known)
    assert set(found) == {(0, 1)}
    if edit in ("none", "shouted", "punctuation lost", "line breaks"):
        assert found[0, 1] == 1.0


def test_a_few_words_quoted_from_a_paragraph_are_no_copy_of_it() -> None:
    sentence = OTHER.partition(".")[0]
    assert pairs(fingerprint([" ".join(sentence.split()[:6])]), fingerprint([sentence, OTHER])) == {}


@pytest.mark.parametrize("text", ["Sad.", "So sad.", "!!!", "😢", "", "RIP little one"])
def test_short_texts_are_duplicates_of_themselves_only(text: str) -> None:
    others = [t for t in ("Sad.", "So sad.", "!!!", "😢", "RIP little one", "Sadly") if t != text]
    assert set(pairs(fingerprint([text]), fingerprint([*others, text]))) == {(0, len(others))}


def test_exact_digests_ignore_case_and_white_space_and_nothing_else() -> None:
    digests = fingerprint(["Who paid?", "who  PAID?\n", "Who paid", "Who paid!"]).exact
    assert digests[0] == digests[1]
    assert len(set(digests.tolist())) == 3


def test_fingerprints_stay_what_models_on_disk_hold() -> None:
    prints = fingerprint(["Who  PAID for that?", "Who  PAID for that?"])
    expected = int.from_bytes(hashlib.sha256(b"who paid for that?").digest()[:8], "big")
    assert prints.exact.tolist() == [expected] * 2
    shingles = sorted(zlib.crc32(shingle) for shingle in (b"who paid for", b"paid for that"))
    assert prints.sketch[0].tolist() == shingles + [0xFFFF_FFFF] * (SKETCH_SIZE - 2)
    assert (prints.exact.dtype, prints.sketch.dtype) == (np.uint64, np.uint32)


@RELAXED
@given(st.lists(st.text(max_size=200), max_size=4))
def test_a_sketch_is_ascending_and_filled_up(texts: list[str]) -> None:
    prints = fingerprint(texts)
    assert prints.sketch.shape == (len(texts), SKETCH_SIZE)
    for row in prints.sketch.astype(np.int64):
        held = row[row != 0xFFFF_FFFF]
        assert len(held) > 0
        assert (np.diff(held) > 0).all()
        assert (row[len(held) :] == 0xFFFF_FFFF).all()


def test_every_copy_in_the_corpus_is_found_and_nothing_a_plain_comparison_would_not_find(
    seed_rows: list[dict[str, Any]],
) -> None:
    texts = [row["text"] for row in seed_rows[:150]]
    rng = random.Random(0)
    copies = []
    for text in texts[:40]:
        words = text.split()
        words[rng.randrange(len(words))] = "whatever"
        copies.append(" ".join(words))
    prints, edited = fingerprint(texts), fingerprint(copies)
    brute = {
        (i, j): alike
        for i in range(len(edited))
        for j in range(len(prints))
        if (alike := similarity(edited.sketch[i], prints.sketch[j])) >= NEAR_DUPLICATE
    }
    assert pairs(edited, prints, block=7) == pairs(edited, prints) == brute
    long = [i for i in range(len(copies)) if len(copies[i].split()) > 40]
    assert long
    assert {(i, i) for i in long} <= set(brute)


def test_within_one_set_each_pair_comes_once_and_no_text_with_itself() -> None:
    prints = fingerprint([PARAGRAPH, OTHER, PARAGRAPH.lower(), OTHER + " Truly."])
    for block in (1, 3, 2_000):
        assert set(pairs(prints, prints, block=block)) == {(0, 2), (1, 3)}


def test_a_higher_minimum_gives_fewer_pairs() -> None:
    a, b = fingerprint([PARAGRAPH]), fingerprint([PARAGRAPH, EDITS["two words changed"], PARAGRAPH[:170]])
    assert [len(pairs(a, b, minimum=minimum)) for minimum in (0.2, 0.6, 1.0)] == [3, 2, 1]


def test_nothing_matches_no_texts() -> None:
    none, some = fingerprint([]), fingerprint([PARAGRAPH])
    assert pairs(none, some) == pairs(some, none) == pairs(none, none) == {}


def words(at_most: int) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from("abcd"), min_size=3, max_size=at_most).map(" ".join)


@RELAXED
@given(words(SKETCH_SIZE // 2 + 2), words(SKETCH_SIZE // 2 + 2))
def test_the_similarity_of_short_texts_is_exact(one: str, other: str) -> None:
    assert similarity(*fingerprint([one, other]).sketch) == pytest.approx(share(one, other))


@RELAXED
@example(" ".join(map(str, range(24))), " ".join(map(str, [*range(18), "x", "y", "z"])))
@given(words(SKETCH_SIZE + 1), words(SKETCH_SIZE + 1))
def test_the_similarity_of_texts_whose_shingles_all_fit_their_sketches_is_exact(one: str, other: str) -> None:
    assert similarity(*fingerprint([one, other]).sketch) == pytest.approx(share(one, other))


def test_the_similarity_of_long_texts_is_estimated_without_bias() -> None:
    rng = random.Random(7)
    errors = []
    for _ in range(60):
        text = [rng.choice("abcdefghijklmnopqrstuvwxyz") * rng.randint(1, 3) for _ in range(300)]
        edited = [rng.choice("xyz") * 4 if rng.random() < 0.06 else word for word in text]
        one, other = " ".join(text), " ".join(edited)
        errors.append(similarity(*fingerprint([one, other]).sketch) - share(one, other))
    assert abs(float(np.mean(errors))) < 0.05
    assert float(np.std(errors)) < 0.15
