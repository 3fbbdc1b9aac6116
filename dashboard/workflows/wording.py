"""Figures in words, where several faces say the same."""

from __future__ import annotations


def sureness(probability: float | None) -> str:
    """A probability in words that never claim certainty.

    >>> sureness(0.9999999), sureness(0.94), sureness(0.0001), sureness(None)
    ('over 99 %', '94 %', 'under 1 %', 'not')
    """
    if probability is None:
        return "not"
    if probability > 0.99:
        return "over 99 %"
    return "under 1 %" if probability < 0.01 else f"{probability * 100:.0f} %"
