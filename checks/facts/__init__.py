"""The facts, one function each: it runs what it needs in a `Lab` and returns a `Measurement`."""

from __future__ import annotations

from checks.facts import crowds, events, groups
from checks.lab import Lab
from checks.records import Fact, Measurement


def _hindcast(lab: Lab) -> Measurement:
    """SF13 is read off the hindcast of 1998-2010."""
    from checks.hindcast import HindcastOptions, forecast_skill, settings_of

    return forecast_skill(lambda: settings_of(HindcastOptions()), lab)


FACTS: tuple[Fact, ...] = (
    Fact("U1", "A crowd jumps when thresholds spread a little more", "Granovetter 1978", crowds.granovetter),
    Fact("U2", "Punctuated equilibrium on the grid", "Epstein 2002, run 2; M1", crowds.epstein_run_2),
    Fact("U3", "Peacekeepers delay elimination on the grid", "Epstein 2002, model II", crowds.model_2),
    Fact("SF1", "Onset is rare in the region", "UCDP, no onset in 138 state-years from 2002", crowds.base_rate),
    Fact("SF2", "Calm punctuated by bursts under constant drivers", "M1", crowds.bursts),
    Fact("SF3", "A sudden loss of legitimacy beats a gradual one", "Epstein 2002, salami tactics", crowds.sudden_against_gradual),
    Fact("SF4", "Heavy-tailed sizes of events and episodes", "D1, D2", events.heavy_tails),
    Fact("SF5", "Events excite each other", "D3", events.self_excitation),
    Fact("SF6", "Violence expands rather than relocates", "Schutte and Weidmann 2011", events.expansion),
    Fact("SF7", "Ethnic geography of violence", "Lim et al. 2007; Costalli and Moro 2012", events.ethnic_geography),
    Fact("SF8", "Exclusion and downgrading raise the hazard of onset", "S6; Cederman, Weidmann and Gleditsch 2011",
         groups.exclusion_and_downgrading),
    Fact("SF9", "War among kin next door spreads, less where peacekeepers stand", "S12, P8", groups.contagion_and_containment),
    Fact("SF10", "Recurrence of war and what peacekeepers change", "S13, P1, P2, P5", groups.recurrence_and_peacekeeping),
    Fact("SF11", "Weak tools stay weak", "P9g, P11d, P10d, P11h", groups.weak_tools),
    Fact("SF12", "March 2004, with the rumour and without", "D12", crowds.march_2004),
    Fact("SF13", "Forecast skill out of sample", "F1-F7", _hindcast),
)  # fmt: skip
