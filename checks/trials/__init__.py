"""Virtual trials: the model under the conditions of published studies, reported in their units.

One file a row of evidence (``rows/``). At most one scale of one intervention is tuned, on its own row; everything else
is judged.
"""

from __future__ import annotations

from functools import partial

from checks.records import Fact
from checks.trials.carry import carry_out
from checks.trials.schema import Trial, read_trial, trials

TRIALS: tuple[Fact, ...] = tuple(
    Fact(trial.row, trial.title, trial.study.source, partial(carry_out, trial)) for trial in trials()
)

__all__ = ["TRIALS", "Trial", "carry_out", "read_trial", "trials"]
