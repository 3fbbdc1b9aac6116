"""Where in a text the words stand that a model used: from terms to character offsets, and to a value for each place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e\u200c\u200d"
_WORD = re.compile(rf"\w[\w{_MARKS}]*(?:['\u2019]\w[\w{_MARKS}]*)?")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: `start` and `end` in code points, half-open, and the `term` that a model knows it by."""

    start: int
    end: int
    term: str


@dataclass(frozen=True, slots=True)
class Span:
    """A word of a text with its part of a score; 0 where no term of the model covers it."""

    start: int
    end: int
    value: float


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text in order; letters with the marks that belong to them, in lower case.

    A script without spaces between words comes out as long runs.

    >>> words_of("It's GOOD, good.")
    (Word(start=0, end=4, term="it's"), Word(start=5, end=9, term='good'), Word(start=11, end=15, term='good'))
    """
    return tuple(
        Word(found.start(), found.end(), found.group().lower().replace("\u2019", "'"))
        for found in _WORD.finditer(text)
    )


def terms_of(text: str) -> list[str]:
    """The terms of a text, one for each of its words: what a vectoriser counts, so that each term has its places.

    >>> terms_of("To be, or not to be")
    ['to', 'be', 'or', 'not', 'to', 'be']
    """
    return [word.term for word in words_of(text)]


def term_places(text: str, terms: tuple[str, ...]) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Every place of every term, (start, end) in code points; a term of several words has them joined by one space.

    A term that the text does not have has no places.

    >>> term_places("Good, not good", ("good", "not good"))
    {'good': ((0, 4), (10, 14)), 'not good': ((6, 14),)}
    """
    words = words_of(text)
    return {
        term: tuple((words[first].start, words[last].end) for first, last in _runs(words, term))
        for term in terms
    }


def spread_over_words(text: str, values: Mapping[str, float]) -> tuple[Span, ...]:
    """One span for each word of the text; the terms' values spread evenly over their places, and there over their words.

    The spans' values sum to those of the terms that the text has.

    >>> [span.value for span in spread_over_words("good not good", {"good": 1.0, "not good": -1.0})]
    [0.5, -0.5, 0.0]
    """
    words = words_of(text)
    found = [0.0] * len(words)
    for term, value in values.items():
        places = _runs(words, term)
        for first, last in places:
            for place in range(first, last + 1):
                found[place] += value / (len(places) * (last - first + 1))
    return tuple(Span(word.start, word.end, value) for word, value in zip(words, found, strict=True))


def _runs(words: tuple[Word, ...], term: str) -> list[tuple[int, int]]:
    """First and last place of every run of words that is the term."""
    wanted = term.split(" ")
    terms = [word.term for word in words]
    n = len(wanted)
    return [(at, at + n - 1) for at in range(len(terms) - n + 1) if terms[at : at + n] == wanted]
