"""Means over seeds with the interval that they lie in, and claims on differences that can fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """Mean over seeds, and Student's 95 % interval; one seed has none, and says so by NaN.

    >>> print(Interval.of([0.5, 0.7, 0.6]))
    0.60 [0.35, 0.85]
    >>> print(Interval.of([0.5]))
    0.50
    """

    mean: float
    low: float
    high: float
    digits: int = 2
    signed: bool = False

    @classmethod
    def of(cls, values: Sequence[float], digits: int = 2) -> Self:
        """Summarise one value a seed."""
        mean, n = float(np.mean(values)), len(values)
        half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n) if n > 1 else np.nan
        return cls(mean, float(mean - half), float(mean + half), digits)

    @classmethod
    def of_gap(cls, mine: Sequence[float], theirs: Sequence[float], digits: int = 2) -> Self:
        """Compare two rows seed by seed."""
        found = cls.of((np.array(mine) - np.array(theirs)).tolist(), digits)
        return cls(found.mean, found.low, found.high, digits, signed=True)

    @classmethod
    def of_points(cls, mine: Sequence[float], theirs: Sequence[float]) -> Self:
        """Compare shares seed by seed, in points of 100."""
        return cls.of_gap((100 * np.array(mine)).tolist(), (100 * np.array(theirs)).tolist())

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        form = f"{'+' if self.signed else ''}.{self.digits}f"
        return f"{self.mean:{form}}" + ("" if np.isnan(self.low) else f" [{self.low:{form}}, {self.high:{form}}]")


@dataclass(frozen=True)
class Claim:
    """One row beats another: met if all of the interval of the paired difference lies above 0."""

    claim: str
    measured: Interval

    @property
    def met(self) -> bool:
        """Whether it can be said."""
        return self.measured.low > 0

    def verdict(self) -> str:
        """Say it in one line."""
        word = "one seed" if np.isnan(self.measured.low) else "met" if self.met else "not met"
        return f"{word:8} {self.claim}: {self.measured}, target above 0"
