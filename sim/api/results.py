"""What the functions return: small typed results whose tables are pandas frames, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from sim.analysis import REGION, WHOLE_RUN, verdict, window_table
from sim.errors import SimError
from sim.experiment import Store, Tally
from sim.scenario import Scenario
from sim.world.outcomes import OUTCOMES


class RunsFailedError(SimError):
    """So many runs failed that nothing is left to report."""

    exit_code = 3


@dataclass(frozen=True, eq=False)
class Results:
    """Tables of an experiment, read from its folder when asked for."""

    folder: Path
    scenarios: tuple[Scenario, ...]
    tally: Tally

    @property
    def failed(self) -> int:
        """Number of runs that failed."""
        return self.tally.failed

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run: seed, status, error, whole-run outcomes of the region."""
        return _frame(Store(self.folder).runs())

    @cached_property
    def series(self) -> pd.DataFrame:
        """Outcomes by run, month and state."""
        return whole_table(self.folder, "series")

    @cached_property
    def places(self) -> pd.DataFrame:
        """Place outcomes by run, year of the run, district and community."""
        return whole_table(self.folder, "places")

    @cached_property
    def windows(self) -> pd.DataFrame:
        """Totals and means by run, scope and window."""
        return window_table(parts(self.folder, "series"))


@dataclass(frozen=True, eq=False)
class RunResults(Results):
    """One scenario's runs. ``history`` is the region month by month; ``figures`` the files written."""

    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: tuple[Path, ...] = ()

    def headline(self) -> pd.DataFrame:
        """Headline outcomes over the whole run: a row an outcome, a column a scope; means over the runs."""
        whole = self.windows[self.windows["window"] == WHOLE_RUN]
        names = [item.name for item in OUTCOMES if item.headline]
        return whole.groupby("scope", sort=False)[names].mean().T.rename_axis("outcome")


@dataclass(frozen=True, eq=False)
class Comparison(Results):
    """Paired effects against ``baseline``: tables as written to the folder, files of the figures, and the report."""

    baseline: str = ""
    effects: pd.DataFrame = field(default_factory=pd.DataFrame)
    cost_effectiveness: pd.DataFrame = field(default_factory=pd.DataFrame)
    districts: pd.DataFrame = field(default_factory=pd.DataFrame)
    over_time: pd.DataFrame = field(default_factory=pd.DataFrame)
    ranking: pd.DataFrame = field(default_factory=pd.DataFrame)
    plane: pd.DataFrame = field(default_factory=pd.DataFrame)
    acceptability: pd.DataFrame = field(default_factory=pd.DataFrame)
    communities: pd.DataFrame = field(default_factory=pd.DataFrame)
    order: pd.DataFrame = field(default_factory=pd.DataFrame)
    thresholds: pd.DataFrame = field(default_factory=pd.DataFrame)
    figures: tuple[Path, ...] = ()
    report: Path | None = None

    def headline(self) -> pd.DataFrame:
        """Differences of headline outcomes in the region over the whole run, with the verdict in words."""
        rows = self.effects
        rows = rows[(rows["scope"] == REGION) & (rows["window"] == WHOLE_RUN) & (rows["contrast"] == "difference")]
        better = {item.name: item.better for item in OUTCOMES if item.headline}
        rows = rows[rows["outcome"].isin(list(better))].reset_index(drop=True)
        numbers = zip(rows["effect"], rows["ci_low"], rows["ci_high"], rows["outcome"], strict=True)
        words = [verdict(effect, low, high, better[name]) for effect, low, high, name in numbers]
        return rows.assign(in_words=words)


def parts(folder: Path, table: str) -> Iterator[pd.DataFrame]:
    """Read a stored table batch by batch, so that a large one never has to fit into memory."""
    for part in Store(folder).read(table):
        yield _frame(part)


def whole_table(folder: Path, table: str) -> pd.DataFrame:
    """Read a stored table at once."""
    read = list(parts(folder, table))
    joined = pd.concat(read, ignore_index=True) if read else pd.DataFrame()
    texts = [name for name in joined.columns if isinstance(joined[name].dtype, pd.CategoricalDtype)]
    return joined.astype(dict.fromkeys(texts, str))


def _frame(table: Any) -> pd.DataFrame:
    converted: pd.DataFrame = table.to_pandas()
    return converted
