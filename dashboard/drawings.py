"""Small drawings for cards: SVG made of numbers alone, no text from data, so a page can show many."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.palette import Look, State

WIDTH, HEIGHT, PAD = 240.0, 44.0, 5.0


def interval_strip(
    value: float,
    low: float | None,
    high: float | None,
    limit: float | None,
    *,
    state: State,
    look: Look,
    unit: str,
) -> str:
    """A track with the interval as a band, the value as a dot and the limit as a tick.

    A share is drawn on [0, 1], a coefficient on [-1, 1] where a part of it is negative, anything else on a
    range of its own.
    """
    start, stop = _range([value, low, high, limit], unit)
    colour, middle = look.states[state], HEIGHT / 2

    def x(number: float) -> float:
        return PAD + (number - start) / (stop - start) * (WIDTH - 2 * PAD)

    parts = [_line(PAD, middle, WIDTH - PAD, middle, look.grid, 4)]
    if low is not None and high is not None:
        parts.append(_line(x(low), middle, max(x(high), x(low) + 1), middle, colour, 8, opacity=0.32))
    if limit is not None:
        parts.append(_line(x(limit), middle - 12, x(limit), middle + 12, look.muted, 1.6, dash="3 2.5"))
    parts.append(f'<circle cx="{x(value):.1f}" cy="{middle:.1f}" r="5" fill="{colour}"/>')
    return _svg(parts)


def sparkline(values: Sequence[float | None], limit: float | None, *, state: State, look: Look) -> str:
    """The course of a figure: a gap where it was undefined, the limit dashed, a dot at the newest value."""
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if not known:
        return _svg([_line(PAD, HEIGHT / 2, WIDTH - PAD, HEIGHT / 2, look.grid, 2, dash="2 4")])
    start, stop = _range([value for _, value in known] + [limit], "own")
    colour, last = look.states[state], max(len(values) - 1, 1)

    def point(place: int, value: float) -> tuple[float, float]:
        return (
            PAD + place / last * (WIDTH - 2 * PAD),
            HEIGHT - PAD - (value - start) / (stop - start) * (HEIGHT - 2 * PAD),
        )

    parts = []
    if limit is not None:
        height = point(0, limit)[1]
        parts.append(_line(PAD, height, WIDTH - PAD, height, look.muted, 1.2, dash="3 3"))
    path, before = "", -2
    for place, value in known:
        across, up = point(place, value)
        path += f"{'L' if place == before + 1 else 'M'}{across:.1f} {up:.1f}"
        before = place
    parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>')
    across, up = point(*known[-1])
    parts.append(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3.6" fill="{colour}"/>')
    return _svg(parts)


def _range(numbers: Sequence[float | None], unit: str) -> tuple[float, float]:
    """The range to draw on; never empty."""
    known = [number for number in numbers if number is not None]
    if unit in ("share", "coefficient"):
        low = -1.0 if min(known) < 0 else 0.0
        return min(low, *known), max(1.0, *known)
    low, high = min(known), max(known)
    room = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _line(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    colour: str,
    width: float,
    *,
    opacity: float = 1,
    dash: str = "",
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ' stroke-linecap="round"'
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}" stroke-opacity="{opacity}"{dashes}/>'
    )


def _svg(parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{WIDTH:g}" height="{HEIGHT:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'
