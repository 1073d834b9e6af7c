"""Whether a conclusion holds under rival theories: the same contrast under each stance, with the same random draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sim.analysis.effects import paired_effects
from sim.analysis.statistics import crossed_estimate
from sim.analysis.tables import REGION, WHOLE_RUN, finished, paired
from sim.analysis.verdict import CLEAR, verdict
from sim.experiment.plan import Variant
from sim.world.outcomes import OUTCOME_INDEX, OUTCOME_NAMES, OUTCOMES

DEFAULT, AS_IT_IS = "default", "as it is"
"""Theory and stance of the comparison that no stance changes."""
THEORIES_COLUMNS = [
    "scenario", "outcome", "unit", "theory", "stance", "baseline_mean", "effect", "ci_low", "ci_high", "n", "in_words",
    "in_play", "same_direction", "clear", "holds",
]  # fmt: skip
HOLDS_COUNT_COLUMNS = [
    "scenario", "outcome", "conclusion", "holds", "stances", "reversed", "not_in_play", "fails_under", "in_words",
]  # fmt: skip
HOLDS_COLUMNS = ["scenario", "outcome", "theory", "effect", "ci_low", "ci_high", "n", "in_words"]
HEADLINE = [item.name for item in OUTCOMES if item.headline]


def theory_effects(windows: pd.DataFrame, baseline: str, variants: Sequence[Variant]) -> pd.DataFrame:
    """Compare scenario and baseline as they are, and again with both under each stance.

    Headline outcomes of the region over the whole run. ``in_play`` says whether any number of either world, whatever
    outcome, state or window, differs from the world as it is; ``clear`` that the interval excludes zero; ``holds`` that
    the effect is clear and in the direction of the clear effect as it is.

    Parameters
    ----------
    windows : DataFrame
        From ``window_table``, the variants' runs among the others.
    baseline : str
        Key of the reference scenario.
    variants : sequence of Variant
        Which scenarios are others under a stance. A scenario without a variant follows the stance as it is.

    Returns
    -------
    DataFrame with ``THEORIES_COLUMNS``
        The comparison as it is first; stances without a pair of finished runs are left out.
    """
    derived = {variant.key for variant in variants}
    plain = [key for key in dict.fromkeys(windows["scenario"].astype(str)) if key not in derived]
    worlds: dict[tuple[str, str], dict[str, str]] = {(DEFAULT, AS_IT_IS): {key: key for key in plain}}
    for one in variants:
        worlds.setdefault((one.theory, one.stance), {key: key for key in plain})[one.scenario] = one.key
    values = {str(key): part for key, part in windows.groupby("scenario", observed=True)}
    parts = []
    for (theory, stance), named in worlds.items():
        effects = _effects(values, baseline, named)
        moved = {key: _differ(values, key, other) for key, other in named.items()}
        in_play = effects["scenario"].map(lambda key, moved=moved: moved[key] or moved[baseline])
        parts.append(effects.assign(theory=theory, stance=stance, in_play=in_play.astype(bool)))
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    table["rank"] = table["outcome"].map(HEADLINE.index)
    table = table.sort_values(["scenario", "rank"], kind="stable", ignore_index=True)
    keys = ["scenario", "outcome"]
    table["clear"] = table["in_words"].isin(CLEAR)
    central = table[table["theory"] == DEFAULT][[*keys, "effect", "clear"]]
    table = table.merge(central, on=keys, how="left", suffixes=("", " as it is"), validate="many_to_one")
    known = table["clear as it is"].fillna(False).astype(bool)
    same = (np.sign(table["effect"]) == np.sign(table["effect as it is"])) & (table["effect"] != 0)
    return table.assign(same_direction=same, holds=table["clear"] & same & known)[THEORIES_COLUMNS]


def _effects(values: dict[str, pd.DataFrame], baseline: str, named: dict[str, str]) -> pd.DataFrame:
    """Effects of one world of scenarios under their plain names; empty where the baseline has no run."""
    found = {key: values[other] for key, other in named.items() if other in values}
    if baseline not in found:
        return pd.DataFrame(columns=["scenario"])
    chosen = {key: part[(part["scope"] == REGION) & (part["window"] == WHOLE_RUN)] for key, part in found.items()}
    joined = pd.concat([part.assign(scenario=key) for key, part in chosen.items()], ignore_index=True)
    effects = paired_effects(joined, baseline)
    return effects[(effects["contrast"] == "difference") & effects["outcome"].isin(HEADLINE)]


def _differ(values: dict[str, pd.DataFrame], key: str, other: str) -> bool:
    """Tell whether two scenarios differ in any number of the replications that both have."""
    if key == other or key not in values or other not in values:
        return False
    index = ["replication", "scope", "window"]
    mine, theirs = (values[name].astype(dict.fromkeys(index[1:], str)).set_index(index) for name in (key, other))
    shared = mine.index.intersection(theirs.index)
    names = list(OUTCOME_NAMES)
    return not np.array_equal(mine.loc[shared, names].to_numpy(), theirs.loc[shared, names].to_numpy(), equal_nan=True)


def holds_count(table: pd.DataFrame) -> pd.DataFrame:
    """Count under how many stances each conclusion holds, the comparison as it is among them.

    Parameters
    ----------
    table : DataFrame
        From ``theory_effects``.

    Returns
    -------
    DataFrame
        ``scenario, outcome, conclusion`` (in words, as it is), ``holds`` of ``stances``, ``reversed`` (clear, in the other
        direction), ``not_in_play`` (stances that change no number), ``fails_under`` (by name), ``in_words``.
    """
    rows = []
    for (scenario, outcome), part in table.groupby(["scenario", "outcome"], sort=False):
        plain = part[part["theory"] == DEFAULT]
        if plain.empty:
            continue
        others = part[part["theory"] != DEFAULT]
        idle = int((~others["in_play"]).sum())
        settled = bool(plain["clear"].iloc[0])
        against = int((others["clear"] & ~others["same_direction"]).sum()) if settled else 0
        fails = others[~others["holds"]] if settled else others.iloc[:0]
        names = "; ".join(
            f"{theory}: {stance}" for theory, stance in zip(fails["theory"], fails["stance"], strict=True)
        )
        holds, stances, clear = int(part["holds"].sum()), len(part), int(others["clear"].sum())
        if settled:
            words = f"holds under {holds} of {stances}" + (f", reversed under {against}" if against else "")
            words += f"; {idle} changed nothing here" if idle else ""
        else:
            words = "nothing clear as it is" + (f"; clear under {clear} of {stances}" if clear else "")
        rows.append([scenario, outcome, plain["in_words"].iloc[0], holds, stances, against, idle, names, words])
    return pd.DataFrame(rows, columns=HOLDS_COUNT_COLUMNS)


def holds_under(runs: pd.DataFrame, baseline: str, outcome: str, theory: str = "point") -> pd.DataFrame:
    """Paired effect under each theory of a sweep.

    Parameters
    ----------
    runs : DataFrame
        The ``runs`` table of a sweep: ``scenario, point, replication``, the outcome, and the column ``theory``.
    baseline, outcome : str
        Key of the reference scenario; what is compared.
    theory : str
        Column whose values are rival theories; every design point by default.

    Returns
    -------
    DataFrame with ``HOLDS_COLUMNS``
    """
    better = OUTCOMES[OUTCOME_INDEX[outcome]].better
    rows = []
    for name, part in finished(runs).groupby(theory, sort=True):
        for pairs in paired(part.assign(whole=0), baseline, ["whole"], [outcome]):
            estimate, _ = crossed_estimate(pairs.treated - pairs.reference, pairs.points, pairs.replications)
            effect, low, high = (float(bound.item()) for bound in (estimate.value, estimate.low, estimate.high))
            words = verdict(effect, low, high, better)
            rows.append([pairs.scenario, outcome, name, effect, low, high, pairs.n, words])
    return pd.DataFrame(rows, columns=HOLDS_COLUMNS).sort_values(["scenario", "theory"], ignore_index=True)


def holds_summary(holds: pd.DataFrame) -> pd.DataFrame:
    """Count the theories of ``holds_under``: ``scenario, outcome, better, worse, unclear, theories, in_words``."""
    rows = []
    for (scenario, outcome), part in holds.groupby(["scenario", "outcome"], sort=True):
        better, worse = (int((part["in_words"] == words).sum()) for words in ("better", "worse"))
        words = f"holds under {better} of {len(part)} theories" + (f", reversed under {worse}" if worse else "")
        rows.append([scenario, outcome, better, worse, len(part) - better - worse, len(part), words])
    return pd.DataFrame(rows, columns=["scenario", "outcome", "better", "worse", "unclear", "theories", "in_words"])
