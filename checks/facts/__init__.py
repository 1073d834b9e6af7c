"""The facts, one function each: it runs what it needs in a `Lab` and returns a `Finding`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from checks.facts.calm import base_rate, bursts
from checks.facts.excitation import self_excitation
from checks.facts.exclusion import exclusion_and_downgrading
from checks.facts.kin import contagion_and_containment
from checks.facts.legitimacy import sudden_against_gradual
from checks.facts.mixing import ethnic_geography
from checks.facts.recurrence import recurrence_and_peacekeeping
from checks.facts.riot import march_2004
from checks.facts.sizes import heavy_tails
from checks.facts.territory import expansion
from checks.facts.unit import epstein_run_2, granovetter, model_2
from checks.facts.weak_tools import weak_tools
from checks.lab import Lab
from checks.records import Finding


@dataclass(frozen=True)
class Fact:
    """A pattern that a valid model shows, and how it is measured; ``settings`` names what else its numbers depend on."""

    key: str
    title: str
    source: str
    measure: Callable[[Lab], Finding]
    settings: str = ""


def _hindcast(lab: Lab) -> Finding:
    """SF13 is read off the hindcast of 1998-2010."""
    from checks.hindcast import Asked, forecast_skill, settings_of

    return forecast_skill(lambda: settings_of(Asked()), lab)


FACTS: tuple[Fact, ...] = (
    Fact("U1", "A crowd jumps when thresholds spread a little more", "Granovetter 1978", granovetter),
    Fact("U2", "Punctuated equilibrium on the grid", "Epstein 2002, run 2; M1", epstein_run_2),
    Fact("U3", "Peacekeepers delay elimination on the grid", "Epstein 2002, model II", model_2),
    Fact("SF1", "Onset is rare in the region", "UCDP, no onset in 138 state-years from 2002", base_rate),
    Fact("SF2", "Calm punctuated by bursts under constant drivers", "M1", bursts),
    Fact(
        "SF3", "A sudden loss of legitimacy beats a gradual one", "Epstein 2002, salami tactics", sudden_against_gradual
    ),
    Fact("SF4", "Heavy-tailed sizes of events and episodes", "D1, D2", heavy_tails),
    Fact("SF5", "Events excite each other", "D3", self_excitation),
    Fact("SF6", "Violence expands rather than relocates", "Schutte and Weidmann 2011", expansion),
    Fact("SF7", "Ethnic geography of violence", "Lim et al. 2007; Costalli and Moro 2012", ethnic_geography),
    Fact(
        "SF8",
        "Exclusion and downgrading raise the hazard of onset",
        "S6; Cederman, Weidmann and Gleditsch 2011",
        exclusion_and_downgrading,
    ),
    Fact("SF9", "War among kin next door spreads, less where peacekeepers stand", "S12, P8", contagion_and_containment),
    Fact("SF10", "Recurrence of war and what peacekeepers change", "S13, P1, P2, P5", recurrence_and_peacekeeping),
    Fact("SF11", "Weak tools stay weak", "P9g, P11d, P10d, P11h", weak_tools),
    Fact("SF12", "March 2004, with the rumour and without", "D12", march_2004),
    Fact("SF13", "Forecast skill out of sample", "F1-F7", _hindcast),
)
