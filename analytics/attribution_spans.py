"""Where in a text the words stand that a model used: from terms to character offsets, and to a value for each place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from analytics.encoders import TOKEN

_WORD = re.compile(TOKEN)


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
    """The words of a text in order, as `TextEncoder` reads them: letters and digits with the marks that belong to them, in lower case.

    A script without spaces between words comes out as long runs.

    >>> words_of("It's GOOD")
    (Word(start=0, end=2, term='it'), Word(start=3, end=4, term='s'), Word(start=5, end=9, term='good'))
    """
    return tuple(Word(found.start(), found.end(), found.group().lower()) for found in _WORD.finditer(text))


def term_places(text: str, terms: tuple[str, ...]) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Every place of every term, (start, end) in code points; a term of several words has them joined by one space.

    A term that the text does not have has no places.

    >>> term_places("Good, not good", ("good", "not good"))
    {'good': ((0, 4), (10, 14)), 'not good': ((6, 14),)}
    """
    words = words_of(text)
    return {
        term: tuple((words[first].start, words[last].end) for first, last in places)
        for term, places in _runs(words, terms).items()
    }


def spread_over_words(text: str, values: Mapping[str, float]) -> tuple[Span, ...]:
    """One span for each word of the text; the terms' values spread evenly over their places, and there over their words.

    The spans' values sum to those of the terms that the text has.

    >>> [span.value for span in spread_over_words("good not good", {"good": 1.0, "not good": -1.0})]
    [0.5, -0.5, 0.0]
    """
    words = words_of(text)
    found = [0.0] * len(words)
    for term, places in _runs(words, tuple(values)).items():
        for first, last in places:
            for place in range(first, last + 1):
                found[place] += values[term] / (len(places) * (last - first + 1))
    return tuple(Span(word.start, word.end, value) for word, value in zip(words, found, strict=True))


def _runs(words: tuple[Word, ...], terms: tuple[str, ...]) -> dict[str, list[tuple[int, int]]]:
    """Of each term, first and last place of every run of words that is it."""
    found: dict[str, list[tuple[int, int]]] = {term: [] for term in terms}
    read = [word.term for word in words]
    for n in sorted({term.count(" ") + 1 for term in terms}):
        for at in range(len(read) - n + 1):
            places = found.get(" ".join(read[at : at + n]))
            if places is not None:
                places.append((at, at + n - 1))
    return found
