"""When sequential replications end: a 95 % interval narrow enough at every point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Until:
    """A stopping rule.

    Replications come in rounds: ``at_least`` first, then ``step`` more, ``at_most`` in all. After a round the
    95 % t interval of ``outcome`` in ``scope`` over the whole run is taken at every point: of each scenario's
    mean, or of each scenario's paired ``difference`` from the baseline. The rounds end when the widest of these
    intervals is no wider than ``width``.
    """

    outcome: str
    scope: str
    contrast: str
    width: float
    at_least: int
    at_most: int
    step: int

    def rounds(self) -> Iterator[int]:
        """Yield the number of replications after each round."""
        count = min(self.at_least, self.at_most)
        yield count
        while count < self.at_most:
            count = min(count + self.step, self.at_most)
            yield count

    def described(self) -> dict[str, Any]:
        """Return the rule as it stands in the manifest."""
        return asdict(self)
