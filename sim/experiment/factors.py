"""What a design varies, and how a share of probability becomes a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]

DIGITS = 10
"""Significant digits of a sampled value: points are the same on every processor, and short in tables."""

WIDE = 10.0
"""A range that spans more than this factor is sampled on the logarithm unless the file says otherwise."""

CHOICES: dict[str, tuple[float, ...]] = {"arrest_form": (0.0, 1.0, 2.0)}
"""Parameters whose numbers name rival forms; they take these values and none between."""


@dataclass(frozen=True)
class Factor:
    """One thing a design varies.

    ``key`` is the override key it sets, ``role`` uncertainty or lever. Either ``levels`` holds its values, all
    as likely, or ``low`` and ``high`` a range with a ``distribution``: ``peak`` is the mode of a triangular or
    the mean of a normal one, ``sd`` the latter's standard deviation before it is cut off at the range's ends.
    ``whole`` rounds to whole numbers; ``steps`` is the number of levels a grid gives a range.
    """

    key: str
    role: Literal["uncertainty", "lever"]
    low: float | None = None
    high: float | None = None
    distribution: str = ""
    levels: tuple[Any, ...] = ()
    peak: float | None = None
    sd: float | None = None
    whole: bool = False
    steps: int | None = None
    unit: str = ""

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that bound all others: every level, or both ends of the range."""
        return self.levels or tuple(self.values(np.array([0.0, 1.0])))

    def grid(self) -> list[Any]:
        """Return the values of a grid: the levels, or evenly likely steps from one end of the range to the other."""
        return list(self.levels) if self.levels else self.values(np.linspace(0.0, 1.0, self.steps or 2))

    def values(self, share: F8) -> list[Any]:
        """Turn shares of probability into values.

        Parameters
        ----------
        share : (n,) float64, 0 to 1

        Returns
        -------
        list of n values
            Numbers in `DIGITS` significant digits, or levels.
        """
        if self.levels:
            place = np.minimum((share * len(self.levels)).astype(int), len(self.levels) - 1)
            return [self.levels[index] for index in place]
        assert self.low is not None
        assert self.high is not None
        if self.whole:
            return [int(value) for value in np.minimum(self.low + share * (self.high - self.low + 1) // 1, self.high)]
        found = np.clip(self._quantile(share), self.low, self.high)
        return [float(f"{value:.{DIGITS}g}") for value in found]

    def described(self) -> dict[str, Any]:
        """Return the factor as it stands in the manifest."""
        return {
            "key": self.key,
            "low": self.low,
            "high": self.high,
            "distribution": self.distribution,
            "levels": list(self.levels) or None,
            "unit": self.unit,
            "role": self.role,
            "peak": self.peak,
            "sd": self.sd,
            "whole": self.whole,
        }

    def _quantile(self, share: F8) -> F8:
        assert self.low is not None
        assert self.high is not None
        low, high = self.low, self.high
        if self.distribution == "loguniform":
            return np.asarray(low * (high / low) ** share)
        if self.distribution == "triangular":
            from scipy.stats import triang

            assert self.peak is not None
            return np.asarray(triang.ppf(share, (self.peak - low) / (high - low), low, high - low))
        if self.distribution == "normal":
            from scipy.stats import truncnorm

            assert self.peak is not None
            assert self.sd is not None
            ends = (low - self.peak) / self.sd, (high - self.peak) / self.sd
            return np.asarray(truncnorm.ppf(share, *ends, self.peak, self.sd))
        return np.asarray(low + share * (high - low))
