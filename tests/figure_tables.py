"""Tables made up to test figures: one example of each figure, with its names where tests can replace them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sim import __version__
from sim.analysis.scorecard import AREAS
from sim.analysis.verdict import SMALL, verdict
from sim.parameters.theories import THEORIES
from sim.plots.bars import attribution_figure, ranking_figure, sensitivity_figure, tornado_figure
from sim.plots.effects import forest_figure, plane_figure, scorecard_figure, states_figure, theories_figure
from sim.plots.explore import box_figure, factors_figure, heat_figure
from sim.plots.maps import map_figure
from sim.plots.over_time import baseline_figure, chain_figure, timeline_figure
from sim.plots.sets import BY_NAME, HEADLINE
from sim.plots.style import Note
from sim.region import Region, find_region, load_region
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES

REGION = "western_balkans"
DRIFT = (-0.5, -0.6, -0.1, -0.9)
LABEL, UNIT = "Communal incidents", "events"

TITLES = {
    "baseline": "Baseline",
    "police": "Police capacity",
    "forums": "Dialogue forums",
    "jobs": "Job creation",
    "all": "All three together",
}


def note(baseline: str = "Baseline") -> Note:
    """Provenance that says the numbers are made up."""
    return Note("made-up numbers that show the form", 64, 1, __version__, 20_000, baseline)


def packages() -> dict[str, str]:
    """Scenarios other than the baseline."""
    return {key: title for key, title in TITLES.items() if key != "baseline"}


def path(index: int, months: int = 120, scale: float = 1.0) -> np.ndarray:
    """Make up a difference that grows from month 12 on."""
    draw = np.random.default_rng(index)
    steps = np.where(np.arange(months) < 12, 0.0, draw.normal(DRIFT[index % 4], 0.9, months))
    return scale * np.cumsum(steps)


def over_time(scopes: dict[str, float], keys: list[str]) -> pd.DataFrame:
    """Make up rows of ``difference_over_time``."""
    frames = []
    for index, key in enumerate(keys):
        for place, (scope, scale) in enumerate(scopes.items()):
            line = path(index + 3 * place, scale=scale)
            width = scale * np.sqrt(np.maximum(np.arange(len(line)) - 11, 0))
            frames.append(
                pd.DataFrame(
                    {
                        "scenario": key,
                        "outcome": "incidents",
                        "unit": UNIT,
                        "scope": scope,
                        "month": np.arange(len(line)),
                        "cumulative": True,
                        "effect": line,
                        "ci_low": line - 1.2 * width,
                        "ci_high": line + 1.2 * width,
                        "spread_low": line - 5 * width,
                        "spread_high": line + 5 * width,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def size(unit: str) -> float:
    """A made-up difference of one, in sizes that the unit may have."""
    if unit == "0 to 1" or unit.startswith("share"):
        return 0.01
    return {"person-weeks": 20_000.0, "persons": 40.0, "events": 20.0, "episodes": 0.05}.get(unit, 1.0)


def effects(scopes: list[str]) -> pd.DataFrame:
    """Make up rows of the effects table."""
    draw = np.random.default_rng(3)
    rows = [
        (key, name, unit, scope, *(size(unit) * draw.normal(0, 1), size(unit) * draw.uniform(0.3, 1.2)))
        for key in packages()
        for name, unit in ((item.name, item.unit) for item in HEADLINE)
        for scope in scopes
    ]
    table = pd.DataFrame(rows, columns=["scenario", "outcome", "unit", "scope", "effect", "half"])
    return table.assign(
        window="whole run",
        contrast="difference",
        ci_low=table["effect"] - table["half"],
        ci_high=table["effect"] + table["half"],
        spread_low=table["effect"] - 4 * table["half"],
        spread_high=table["effect"] + 4 * table["half"],
    )


def stances() -> pd.DataFrame:
    """Make up rows of ``theories.csv``."""
    draw = np.random.default_rng(4)
    worlds = [("default", "as it is", 1.0, True)]
    for theory in THEORIES.values():
        scale = {"motive": (0.7, -0.4), "contact": (0.6, 1.4), "published_effects": (0.5,)}.get(theory.key, (1.0, 1.0))
        others = zip(theory.stances[1:], scale, strict=False)
        worlds += [(theory.key, stance.key, size, theory.key != "reaction") for stance, size in others]
    rows = []
    for name, unit in ((item.name, item.unit) for item in HEADLINE):
        effect, half = size(unit) * draw.normal(0, 1.5), size(unit) * draw.uniform(0.2, 0.8)
        for theory_key, stance_key, scale, in_play in worlds:
            value = scale * effect + (size(unit) * draw.normal(0, 0.15) if in_play and theory_key != "default" else 0.0)
            rows.append((name, unit, theory_key, stance_key, value, value - half, value + half, in_play))
    names = ["outcome", "unit", "theory", "stance", "effect", "ci_low", "ci_high", "in_play"]
    return pd.DataFrame(rows, columns=names)


def cells() -> pd.DataFrame:
    """Make up effects by dose and start."""
    dose, start = np.meshgrid(np.linspace(0.2, 1, 5), np.arange(2024, 2032), indexing="ij")
    effect = -120 * dose.ravel() * np.exp(-0.3 * (start.ravel() - 2024))
    return pd.DataFrame({"dose": dose.ravel().round(2), "timing": start.ravel(), "effect": effect}).assign(
        ci_low=effect - 14, ci_high=effect + 14
    )


FACTORS = ("b_peer", "b_grievance", "violent_share", "mission_communal", "b_tension", "lethal_share", "b_threshold")


def assumptions() -> pd.DataFrame:
    """Make up what seven assumptions do to a difference."""
    size = np.array([60, 42, 31, -18, 12, 6, 2.0])
    return pd.DataFrame({"label": FACTORS, "at_low": -70 + size * 0.7, "at_high": -70 - size})


def indices() -> pd.DataFrame:
    """Make up sensitivity indices."""
    value = np.array([0.46, 0.27, 0.15, 0.09, 0.05, 0.02, 0.0])
    return pd.DataFrame({"factor": FACTORS, "index": value, "low": value - 0.04, "high": value + 0.05})


def western_balkans() -> Region:
    return load_region(find_region(REGION))


def districts() -> pd.DataFrame:
    """Make up district effects over the districts of the shipped region."""
    region = western_balkans()
    draw = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "state": [region.states[int(index)] for index in region.district_state],
            "district": list(region.districts),
            "lat": region.district_lat,
            "lon": region.district_lon,
            "persons": region.district_population,
        }
    )
    frames = []
    for key in ("police", "forums"):
        value = draw.normal(-0.4, 1, len(frame)) * (frame["state"] == "XKX") + draw.normal(0, 0.15, len(frame))
        frames.append(frame.assign(scenario=key, effect=value, ci_low=value - 0.7, ci_high=value + 0.7))
    return pd.concat(frames, ignore_index=True)


def state_names() -> dict[str, str]:
    """States of the shipped region."""
    region = western_balkans()
    return dict(zip(region.states, region.state_names, strict=True))


def plane() -> pd.DataFrame:
    """Make up resampled means of cost and harm averted."""
    draw = np.random.default_rng(8)
    frames = []
    for index, key in enumerate(packages()):
        averted = np.concatenate([[30.0 + 20 * index], draw.normal(30 + 20 * index, 22, 400)])
        cost = np.concatenate([[40.0 + 45 * index], draw.normal(40 + 45 * index, 3, 400)])
        frames.append(pd.DataFrame({"scenario": key, "draw": range(401), "averted": averted, "cost": cost}))
    return pd.concat(frames, ignore_index=True)


def box() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make up design points that fail in one corner, and the box around it."""
    draw = np.random.default_rng(9)
    points = pd.DataFrame({"b_peer": draw.uniform(2, 3.8, 300), "police.intensity": draw.uniform(0, 1, 300)})
    inside = (points["b_peer"] > 3.1) & (points["police.intensity"] < 0.45)
    points["fails"] = inside ^ (draw.random(300) < 0.06)
    shares = {"coverage": 0.72, "density": 0.9}
    rows = [("b_peer", 3.1, 3.8, 2.0, 3.8), ("police.intensity", 0.0, 0.45, 0.0, 1.0)]
    table = pd.DataFrame(rows, columns=["factor", "low", "high", "range_low", "range_high"])
    return points, table.assign(**shares)


def order() -> pd.DataFrame:
    """Make up the order in which outcomes moved."""
    outcomes = [
        "cost", "capacity", "legitimacy", "tension", "participants", "incidents", "new_displaced",
    ]  # fmt: skip
    labels = ["Cost", "State capacity", "Legitimacy", "Tension", "Protest participation", LABEL, "Newly displaced"]
    return pd.DataFrame(
        {
            "outcome": outcomes,
            "label": labels,
            "month": [12.0, 15, 19, 24, 31, 33, 40],
            "effect_peak": [180.0, 0.021, 0.014, -0.011, -5200, -74, -310],
            "share_peak": [np.nan, 0.04, 0.03, -0.05, -0.06, -0.1, -0.12],
        }
    )


def order_paths() -> pd.DataFrame:
    """Make up the differences of these outcomes over time."""
    months = np.arange(120)
    frames = []
    for row in order().to_dict("records"):
        grown = row["effect_peak"] * (1 - np.exp(-np.maximum(months - row["month"], 0) / 20))
        frames.append(pd.DataFrame({"outcome": row["outcome"], "month": months, "effect": grown}))
    return pd.concat(frames, ignore_index=True)


def card() -> pd.DataFrame:
    """Make up a scorecard."""
    draw = np.random.default_rng(11)
    rows = [
        (key, area.key, name, OUTCOMES[OUTCOME_INDEX[name]].label, OUTCOMES[OUTCOME_INDEX[name]].better)
        for key in list(packages())[:3]
        for area in AREAS
        for name in area.outcomes
    ]
    table = pd.DataFrame(rows, columns=["scenario", "area", "outcome", "label", "better"])
    effect, half = draw.normal(0, 0.03, len(rows)), draw.uniform(0.002, 0.02, len(rows))
    table = table.assign(baseline_mean=1.0, effect=effect, ci_low=effect - half, ci_high=effect + half)
    rows_of = zip(effect, effect - half, effect + half, table["better"], strict=True)
    words = [verdict(float(value), float(low), float(high), better) for value, low, high, better in rows_of]
    return table.assign(in_words=words, small=np.abs(effect) < SMALL)


def factors() -> pd.DataFrame:
    """Make up the effect along six factors of a sweep."""
    frames = []
    for index, name in enumerate(FACTORS[:6]):
        effect = -70 + (18 - 5 * index) * np.linspace(-1, 1, 5)
        frames.append(pd.DataFrame({"factor": name, "dose": np.linspace(0.1, 0.9, 5), "effect": effect}))
    table = pd.concat(frames, ignore_index=True)
    bounds = {"ci_low": -9.0, "ci_high": 9.0, "spread_low": -40.0, "spread_high": 45.0}
    return table.assign(**{name: table["effect"] + step for name, step in bounds.items()})


def shares() -> pd.DataFrame:
    """Make up an attribution."""
    value = np.array([-46.0, -22, 9, -8, 3])
    groups = ["police: legitimacy", "police: deterrence", "external powers", "forums: tension", "armed groups"]
    rows = pd.DataFrame({"group": groups, "share": value, "ci_low": value - 7, "ci_high": value + 7})
    total = pd.DataFrame({"group": ["(total)"], "share": [value.sum()], "ci_low": -80.0, "ci_high": -48.0})
    return pd.concat([rows, total], ignore_index=True)


def history() -> pd.DataFrame:
    """Make up one scenario's history."""
    months = np.arange(120)
    frames = []
    for index, item in enumerate(HEADLINE):
        line = 5 * size(item.unit) * (1 + 0.3 * np.sin(months / (9 + index)) + 0.002 * index * months)
        frames.append(
            pd.DataFrame(
                {"outcome": item.name, "unit": item.unit, "scope": "region", "month": months, "mean": line}
            ).assign(low=line * 0.7, high=line * 1.4)
        )
    return pd.concat(frames, ignore_index=True)


def ranks() -> pd.DataFrame:
    """Make up a ranking."""
    return pd.DataFrame({"scenario": list(TITLES), "p_best": [0.0, 0.24, 0.03, 0.02, 0.71]})


FIGURES: dict[str, Callable[[], Figure]] = {
    "forest": lambda: forest_figure(effects(["region"]), HEADLINE, note(), packages()),
    "scorecard": lambda: scorecard_figure(card(), note(), packages()),
    "theories": lambda: theories_figure(stances(), HEADLINE[:12], note(), TITLES["police"]),
    "over_time": lambda: timeline_figure(
        over_time({"region": 1.0}, list(packages())), BY_NAME["incidents"], note(), packages(), (2024, 1)
    ),
    "states": lambda: states_figure(
        effects(list(state_names())), BY_NAME["incidents"], note(), packages(), state_names()
    ),
    "map": lambda: map_figure(
        districts(), LABEL, "per 100,000 residents", note(), packages(), western_balkans().outlines(), state_names()
    ),
    "history": lambda: baseline_figure(history(), HEADLINE, note(""), TITLES["baseline"], (2024, 1)),
    "factors": lambda: factors_figure(factors(), FACTORS[:6], LABEL, f"Difference, {UNIT}", note(), TITLES["police"]),
    "heat": lambda: heat_figure(cells(), LABEL, UNIT, "Intensity, 0 to 1", "Start", note(), TITLES["police"]),
    "tornado": lambda: tornado_figure(assumptions(), -70, LABEL, f"Difference, {UNIT}", note(), TITLES["police"]),
    "sensitivity": lambda: sensitivity_figure(indices(), LABEL, "total Sobol index", note()),
    "plane": lambda: plane_figure(plane(), LABEL, UNIT, note(), packages()),
    "ranking": lambda: ranking_figure(ranks(), LABEL, "lower", note(), TITLES),
    "box": lambda: box_figure(*box(), "When does police capacity fail to lower incidents?", note()),
    "chain": lambda: chain_figure(order(), note(), TITLES["police"], order_paths()),
    "attribution": lambda: attribution_figure(
        shares(), LABEL, UNIT, "lower", "Shapley values over 5 groups, every order.", note(), TITLES["all"]
    ),
}
