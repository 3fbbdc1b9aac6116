"""Results that several modules share: frozen, slotted, and honest about what is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """One figure with its interval and the number of things it rests on.

    Either `value` is a finite number and `undefined` is None, or `value` is None and `undefined` says why in
    a sentence. `low` and `high` are both there or both None (no interval was asked for, or none can be
    claimed).

    Attributes:
        value: the figure, in `unit`; None where it is undefined.
        low: lower end of the interval; None where there is no interval.
        high: upper end of the interval; None where there is no interval.
        n: how many `n_unit` the figure rests on.
        undefined: the reason why there is no value, else None.
        unit: "share" for a figure in [0, 1], "coefficient" for one that can be negative, or a unit of its
            own.
        n_unit: what `n` counts: "items", "annotations", "annotators", ...

    Raises:
        ValueError: for a value that is not finite, a half interval, or a value and a reason together.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    undefined: str | None = None
    unit: str = "share"
    n_unit: str = "items"

    def __post_init__(self) -> None:
        if (self.value is None) == (self.undefined is None):
            raise ValueError(
                "an estimate has either a value or a reason why it is undefined, not both or neither"
            )
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends or none")
        if self.value is None and self.low is not None:
            raise ValueError("an undefined estimate has no interval")
        if not all(math.isfinite(end) for end in (self.value, self.low, self.high) if end is not None):
            raise ValueError(
                "an estimate is finite; a figure that cannot be had is undefined, with its reason"
            )

    @classmethod
    def none(cls, reason: str, n: int = 0, *, unit: str = "share", n_unit: str = "items") -> Estimate:
        """An estimate that is undefined for `reason`.

        >>> Estimate.none("only one label was used", n=12).undefined
        'only one label was used'
        """
        return cls(value=None, low=None, high=None, n=n, undefined=reason, unit=unit, n_unit=n_unit)
