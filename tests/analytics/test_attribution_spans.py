"""Terms find all their places in a text, in any script, and their values are neither lost nor doubled."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.attribution_spans import spread_over_words, term_places, words_of


@given(st.text())
def test_words_are_in_order_and_their_terms_are_what_stands_there(text: str) -> None:
    words = words_of(text)
    assert all(first.end <= second.start for first, second in pairwise(words))
    assert all(text[word.start : word.end].lower() == word.term for word in words)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("السَّلامُ عليكم", ["السَّلامُ", "عليكم"]),
        ("cafe\u0301 😀 good", ["cafe\u0301", "good"]),
        ("don\u2019t", ["don", "t"]),
    ],
)
def test_marks_stay_with_their_letters(text: str, terms: list[str]) -> None:
    assert [word.term for word in words_of(text)] == terms


def test_offsets_are_code_points() -> None:
    assert term_places("😀 Good", ("good",)) == {"good": ((2, 6),)}


def test_overlapping_runs_are_all_found() -> None:
    assert term_places("no no no", ("no no", "yes")) == {"no no": ((0, 5), (3, 8)), "yes": ()}


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1), st.floats(-5, 5), st.floats(-5, 5))
def test_values_of_terms_that_are_there_are_kept(words: list[str], one: float, two: float) -> None:
    values = {"a": one, "a b": two, "missing": 9.0}
    text = " ".join(words)
    there = sum(values[term] for term, places in term_places(text, ("a", "a b")).items() if places)
    assert sum(span.value for span in spread_over_words(text, values)) == pytest.approx(there, abs=1e-9)
