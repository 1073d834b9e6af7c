"""Facts that CI watches, measured as `stabsim check facts` does; drift of fields; independence from the citizens' number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from checks.facts.crowds import DRIFTING, base_rate, bursts, calm_run, calm_runs, march_2004
from checks.lab import Lab
from checks.records import Measurement

WORKERS = 2


@dataclass(frozen=True)
class Check:
    """One line of the table: what was measured, its window, and whether it holds."""

    name: str
    measured: str
    window: str
    holds: bool

    def __str__(self) -> str:
        return f"{'pass' if self.holds else 'FAIL'}  {self.name:<58} {self.measured:>24}   {self.window}"


def checks_of(key: str, finding: Measurement) -> Iterable[Check]:
    """Rows of a finding as lines of the table."""
    for row in finding.rows:
        yield Check(f"{key} {row.what}", f"{row.value:.3g} {row.unit}", row.window, row.verdict == "pass")


def facts(replications: int) -> list[Check]:
    """SF1 and SF2 of the evidence table, and the drift of fields."""
    with Lab(workers=WORKERS, replications=replications) as lab:
        runs = calm_runs(lab)
        checks = [*checks_of("SF1", base_rate(lab)), *checks_of("SF2", bursts(lab))]
    for name in DRIFTING:
        drift = float(np.mean([run[f"drift {name}"] for run in runs]))
        title = f"drift {name} over ten years, mean of states"
        checks.append(Check(title, f"{drift:+.4f}", "within 0.01", abs(drift) <= 0.01))
    return checks


def rumour(replications: int) -> list[Check]:
    """SF12: the rumour of March 2004 against the same world without it."""
    with Lab(workers=WORKERS, replications=replications) as lab:
        return list(checks_of("SF12", march_2004(lab)))


def scale(sizes: tuple[int, ...], replications: int) -> list[Check]:
    """Participation in the region must not depend on how many persons a citizen stands for."""
    totals = {}
    with Lab(workers=WORKERS) as lab:
        for size in sizes:
            runs = lab.map(calm_run, [(r, size) for r in range(replications)])
            totals[size] = float(np.mean([run["participants"] for run in runs]))
    checks = []
    for size in sizes[:-1]:
        ratio = totals[size] / totals[sizes[-1]]
        name = f"participants: {size:,} against {sizes[-1]:,} citizens"
        checks.append(Check(name, f"{ratio:.3f}", "0.90 to 1.10", 0.9 <= ratio <= 1.1))
    return checks
