"""Groups too small to be published, and those that have to go with them so that the small ones cannot be worked out.

What anybody can know is the total of everything and each figure that is published. So a small group is only hidden
where at least one other is hidden with it, and where those hidden together are as many as a group has to be; in a table
of two attributes that goes for each row and each column, since the margins are published as groups of their own.
Who did not state an attribute is never published: they hide others, and need no hiding themselves, since no group's figure
follows from theirs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.errors import BadOption
from analytics.frames import IntArray

Mask = NDArray[np.bool_]


def hidden_groups(sizes: ArrayLike, *, minimum: int, unknown: int = 0) -> Mask:
    """Which groups of one attribute must not be published.

    Args:
        sizes: (G,) people (or items) in each group; a group of none needs no hiding.
        minimum: the fewest that a published group has, 2 or more.
        unknown: people of whom the attribute is not known; they are hidden already.

    Raises:
        BadOption: a size is under 0, or `minimum` under 2.

    >>> hidden_groups([40, 12, 9, 2], minimum=5).tolist()
    [False, False, True, True]
    >>> hidden_groups([40, 12, 9, 2], minimum=5, unknown=6).tolist()
    [False, False, False, True]
    """
    n = np.append(_checked(sizes, minimum), unknown)
    hidden = (n > 0) & (n < minimum)
    hidden[-1] = unknown > 0
    return _completed(n, hidden, minimum, np.arange(n.size) == n.size - 1)[:-1]


def hidden_cells(
    sizes: ArrayLike,
    *,
    minimum: int,
    hidden_rows: Mask,
    hidden_columns: Mask,
    unknown_rows: Mask | None = None,
    unknown_columns: Mask | None = None,
) -> Mask:
    """Which cells of a table of two attributes must not be published, where its margins are.

    Args:
        sizes: (A, B) people in each cell.
        minimum: the fewest that a published cell has, 2 or more.
        hidden_rows: (A,) rows whose margin is not published; none of their cells is.
        hidden_columns: (B,) likewise.
        unknown_rows: (A,) those of the hidden rows that are of people who did not state the attribute; None: none is.
        unknown_columns: (B,) likewise.

    Raises:
        BadOption: a size is under 0, or `minimum` under 2.
    """
    n = _checked(sizes, minimum)
    unknown = np.zeros(n.shape, dtype=np.bool_)
    unknown |= np.False_ if unknown_rows is None else unknown_rows[:, None]
    unknown |= np.False_ if unknown_columns is None else unknown_columns[None, :]
    hidden = ((n > 0) & (n < minimum)) | hidden_rows[:, None] | hidden_columns[None, :]
    before = None
    while before is None or (hidden != before).any():
        before = hidden.copy()
        for row in np.flatnonzero(~hidden_rows):
            hidden[row] = _completed(n[row], hidden[row], minimum, unknown[row])
        for column in np.flatnonzero(~hidden_columns):
            hidden[:, column] = _completed(n[:, column], hidden[:, column], minimum, unknown[:, column])
        given_away = can_be_worked_out(n, hidden, hidden_rows, hidden_columns) & (n > 0) & ~unknown
        if given_away.any():
            _hide_next(n, hidden, given_away)
    return hidden


def can_be_worked_out(sizes: IntArray, hidden: Mask, hidden_rows: Mask, hidden_columns: Mask) -> Mask:
    """(A, B) the hidden cells that follow from the published cells and margins by addition and subtraction alone.

    A cell follows where its unit vector lies in the span of what is published: each published margin, less its published
    cells, is a sum of hidden cells.
    """
    places = np.flatnonzero(hidden.ravel() & (sizes.ravel() > 0))
    found = np.zeros(hidden.size, dtype=np.bool_)
    lines = [np.flatnonzero((places // hidden.shape[1]) == row) for row in np.flatnonzero(~hidden_rows)]
    lines += [
        np.flatnonzero((places % hidden.shape[1]) == column) for column in np.flatnonzero(~hidden_columns)
    ]
    known = np.zeros((len(lines), places.size))
    for line, members in enumerate(lines):
        known[line, members] = 1.0
    if places.size and known.any():
        _, values, rows = np.linalg.svd(known, full_matrices=False)
        span = rows[values > 1e-9 * values.max()]
        found[places] = (span**2).sum(
            axis=0
        ) > 1 - 1e-9  # a unit vector inside the span is its own projection
    return found.reshape(hidden.shape)


def _completed(n: IntArray, hidden: Mask, minimum: int, unknown: Mask) -> Mask:
    """The hidden of one line, and the smallest others that have to go with them; nothing where only unknown ones are hidden."""
    hidden = hidden.copy()
    if not (hidden & (n > 0) & ~unknown).any():
        return hidden
    while True:
        gone = hidden & (n > 0)
        if not gone.any() or (gone.sum() >= 2 and n[gone].sum() >= minimum):
            return hidden
        left = np.flatnonzero(~hidden & (n > 0))
        if not left.size:
            return hidden
        hidden[left[np.argmin(n[left])]] = True


def _hide_next(n: IntArray, hidden: Mask, given_away: Mask) -> None:
    """Hide the smallest published cell in a line with one that is given away; where a line has none left, anywhere."""
    near = (
        ~hidden
        & (n > 0)
        & (np.any(given_away, axis=1, keepdims=True) | np.any(given_away, axis=0, keepdims=True))
    )
    choice = near if near.any() else ~hidden & (n > 0)
    if choice.any():
        places = np.flatnonzero(choice.ravel())
        hidden.ravel()[places[np.argmin(n.ravel()[places])]] = True


def _checked(sizes: ArrayLike, minimum: int) -> IntArray:
    n = np.asarray(sizes, dtype=np.int64)
    if (n < 0).any():
        raise BadOption("sizes", sizes, "0 or more")
    if minimum < 2:
        raise BadOption("minimum", minimum, "2 or more: a group of one is a person")
    return n
