"""Draw the gallery: one example of every figure, from numbers made up to show its form.

python docs/gallery.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from sim import __version__, plots  # noqa: E402
from sim.analysis.scorecard import AREAS  # noqa: E402
from sim.analysis.verdict import SMALL, verdict  # noqa: E402
from sim.parameters.theories import THEORIES  # noqa: E402
from sim.plots.sets import HEADLINE  # noqa: E402
from sim.plots.style import png_bytes, small_png  # noqa: E402
from sim.region import find_region, load_region  # noqa: E402
from sim.world.outcomes import OUTCOME_INDEX, OUTCOMES  # noqa: E402

FOLDER = HERE / "images" / "gallery"
DPI = 100
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


class Item(NamedTuple):
    """One figure of the gallery: how it is drawn, its heading, and what it is for."""

    heading: str
    text: str
    draw: Callable[[], Figure]


def note(baseline: str = "Baseline") -> plots.Note:
    """Provenance that says the numbers are made up."""
    return plots.Note("made-up numbers that show the form", 64, 1, __version__, 20_000, baseline)


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
        for name, _, unit, _ in HEADLINE
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
    for name, _, unit, _ in HEADLINE:
        effect, half = size(unit) * draw.normal(0, 1.5), size(unit) * draw.uniform(0.2, 0.8)
        for theory_key, stance_key, scale, in_play in worlds:
            value = scale * effect + (size(unit) * draw.normal(0, 0.15) if in_play and theory_key != "default" else 0.0)
            rows.append((name, unit, theory_key, stance_key, value, value - half, value + half, in_play))
    names = ["outcome", "unit", "theory", "stance", "effect", "ci_low", "ci_high", "in_play"]
    return pd.DataFrame(rows, columns=names)


def doses() -> pd.DataFrame:
    """Make up effects by dose."""
    frames = []
    for index, key in enumerate(packages()):
        dose = np.linspace(0, 1, 6)
        effect = -80 * (1 - np.exp(-(1.5 + index) * dose))
        frames.append(
            pd.DataFrame({"scenario": key, "dose": dose, "effect": effect}).assign(
                ci_low=effect - 18 * dose,
                ci_high=effect + 18 * dose,
                spread_low=effect - 70 * dose,
                spread_high=effect + 70 * dose,
            )
        )
    return pd.concat(frames, ignore_index=True)


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
    ranges = ["2 to 3.8", "1.5 to 6", "0.1 to 0.4", "0.1 to 0.9", "1 to 5", "0.1 to 0.3", "0.2 to 0.8"]
    return pd.DataFrame({"label": FACTORS, "at_low": -70 + size * 0.7, "at_high": -70 - size, "range": ranges})


def indices() -> pd.DataFrame:
    """Make up sensitivity indices."""
    value = np.array([0.46, 0.27, 0.15, 0.09, 0.05, 0.02, 0.0])
    return pd.DataFrame({"factor": FACTORS, "index": value, "low": value - 0.04, "high": value + 0.05})


def districts() -> tuple[pd.DataFrame, plots.Geography]:
    """Make up district effects over the districts of the shipped region."""
    region = load_region(find_region(REGION))
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
    names = dict(zip(region.states, region.state_names, strict=True))
    return pd.concat(frames, ignore_index=True), plots.Geography(frame, region.outlines(), names)


def state_names() -> dict[str, str]:
    """States of the shipped region."""
    region = load_region(find_region(REGION))
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


def warnings() -> pd.DataFrame:
    """Make up lead times."""
    rows = [
        ("tension", 0.6, 0.8, 0.3, 14, 4, 30),
        ("incidents", 40, 0.9, 0.55, 5, 1, 13),
        ("pressure", 0.5, 0.55, 0.2, 9, 2, 22),
    ]
    names = ["indicator", "level", "hit_rate", "false_share", "lead_median", "lead_low", "lead_high"]
    return pd.DataFrame(rows, columns=names)


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
    for index, (name, _, unit, _) in enumerate(HEADLINE):
        line = 5 * size(unit) * (1 + 0.3 * np.sin(months / (9 + index)) + 0.002 * index * months)
        frames.append(
            pd.DataFrame({"outcome": name, "unit": unit, "scope": "region", "month": months, "mean": line}).assign(
                low=line * 0.7, high=line * 1.4
            )
        )
    return pd.concat(frames, ignore_index=True)


def setting() -> Figure:
    """Draw the setting of the shipped region; real tables, nothing made up."""
    from sim.plots.setting import setting_tables

    region = load_region(find_region(REGION), 2024)
    tables = setting_tables(region, 2024, 1)
    where = plots.Note("Western Balkans, January 2024", 0, 0, __version__)
    return plots.setting_figure(*tables, where, region.outlines(), state_names())


def _map() -> Figure:
    rows, geography = districts()
    unit = "per 100,000 residents a year; lower is better"
    return plots.map_figure(rows, LABEL, unit, note(), packages(), geography.outlines, geography.names)


def _ranking() -> Figure:
    table = pd.DataFrame({"scenario": list(TITLES), "p_best": [0.0, 0.24, 0.03, 0.02, 0.71]})
    return plots.ranking_figure(table, LABEL, "lower", note(), TITLES)


ITEMS: dict[str, Item] = {
    "forest": Item(
        "Effects",
        "Every scenario's effect on every headline outcome. Read the thick bar for how well the mean is known, the "
        "thin one for what one history may show.",
        lambda: plots.forest_figure(effects(["region"]), HEADLINE, note(), packages()),
    ),
    "scorecard": Item(
        "Scorecard",
        "The three focus areas side by side, in per cent of the baseline. Effects in the grey band are small however certain.",
        lambda: plots.scorecard_figure(card(), note(), packages()),
    ),
    "theories": Item(
        "Rival theories",
        "The same effect under each stance of rival theories. Dots on the other side of zero, or hollow ones, say where a "
        "conclusion does not hold.",
        lambda: plots.theories_figure(stances(), HEADLINE[:12], note(), TITLES["police"]),
    ),
    "over_time": Item(
        "Difference over time",
        "When the difference appears, and whether it lasts. Flows are running totals.",
        lambda: plots.timeline_figure(
            over_time({"region": 1.0}, list(packages())), "incidents", LABEL, note(), packages(), (2024, 1)
        ),
    ),
    "states": Item(
        "Effects by state",
        "The same outcome in every state, scenarios as rows.",
        lambda: plots.states_figure(
            effects(list(state_names())), ("incidents", LABEL, UNIT, "lower"), note(), packages(), state_names()
        ),
    ),
    "states_over_time": Item(
        "Difference over time by state",
        "Small multiples; each state has its own scale, so compare shapes and not heights.",
        lambda: plots.states_over_time_figure(
            over_time({state: 0.3 + 0.4 * place for place, state in enumerate(state_names())}, ["police"]),
            LABEL,
            note(),
            state_names(),
            (2024, 1),
            TITLES["police"],
        ),
    ),
    "map": Item("Map of effects", "Where it changes. A dark rim means that the direction is told.", _map),
    "setting": Item(
        "Map of the setting",
        "Where people live, who has kin across a border, who is present at the start. This one shows the tables of "
        "the shipped region.",
        setting,
    ),
    "history": Item(
        "One scenario by itself",
        "Headline outcomes month by month.",
        lambda: plots.baseline_figure(history(), HEADLINE, note(""), TITLES["baseline"], (2024, 1)),
    ),
    "dose": Item(
        "Dose-response",
        "What more of the same measure would change; look for where it flattens.",
        lambda: plots.dose_figure(doses(), LABEL, UNIT, "Intensity, 0 to 1", note(), packages()),
    ),
    "factors": Item(
        "Along each factor",
        "A sweep: the effect along each factor while all others vary too. A flat line says that it does not matter here.",
        lambda: plots.factors_figure(factors(), FACTORS[:6], LABEL, f"Difference, {UNIT}", note(), TITLES["police"]),
    ),
    "heat": Item(
        "Dose by timing",
        "How much and when. Crosses mark cells that cannot be told from no difference.",
        lambda: plots.heat_figure(cells(), LABEL, UNIT, "Intensity, 0 to 1", "Start", note(), TITLES["police"]),
    ),
    "tornado": Item(
        "Tornado",
        "Which assumptions move the answer most, one at a time. Where a bar crosses zero the answer flips.",
        lambda: plots.tornado_figure(assumptions(), -70, LABEL, f"Difference, {UNIT}", note(), TITLES["police"]),
    ),
    "sensitivity": Item(
        "Sensitivity indices",
        "Share of the variance that goes back to each factor (Sobol), or its mean effect (Morris).",
        lambda: plots.sensitivity_figure(indices(), LABEL, "total Sobol index", note()),
    ),
    "plane": Item(
        "Cost-effectiveness plane",
        "Cost upwards, harm averted to the right. A cloud across the upright line means the sign is not known.",
        lambda: plots.plane_figure(plane(), LABEL, UNIT, note(), packages()),
    ),
    "ranking": Item(
        "Ranking",
        "How probable it is that each scenario is the best, given the replications at hand.",
        _ranking,
    ),
    "box": Item(
        "When it fails",
        "PRIM box: the corner of the assumptions in which a package fails.",
        lambda: plots.box_figure(*box(), "When does police capacity fail to lower incidents?", note()),
    ),
    "chain": Item(
        "Order of movement",
        "Which outcomes moved first. It suggests a chain; it does not prove one.",
        lambda: plots.chain_figure(order(), note(), TITLES["police"], order_paths()),
    ),
    "attribution": Item(
        "Attribution",
        "Where a difference comes from: Shapley shares that add up to it.",
        lambda: plots.attribution_figure(
            shares(), LABEL, UNIT, "lower", "Shapley values over 5 groups, every order.", note(), TITLES["all"]
        ),
    ),
    "lead": Item(
        "Early warning",
        "How long before an episode an indicator passes its level, and how often it cries wolf.",
        lambda: plots.lead_figure(
            warnings(),
            note(),
            {"tension": "Tension", "incidents": LABEL, "pressure": "Index: pressure"},
            "an episode of 25 deaths",
        ),
    ),
}

INTRO = """<!-- Made by docs/gallery.py from the code: edit the code, then run it again. -->
# Gallery

One example of every figure that `sim.plots` draws, as PNG and SVG with the same caption. All but the map of the setting
show **numbers made up to show the form**, not results. Blue and orange are told apart with any kind of colour vision.
How to read a whole report: [report](report.md).
"""


def page() -> str:
    """Write the page."""
    parts = [
        f"\n## {item.heading}\n\n{item.text}\n\n![{item.heading}, example](images/gallery/{name}.png)\n"
        for name, item in ITEMS.items()
    ]
    return INTRO + "".join(parts)


def main() -> None:
    """Draw every figure and write the page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, item in ITEMS.items():
        content = small_png(png_bytes(item.draw(), DPI))
        (FOLDER / f"{name}.png").write_bytes(content)
        print(f"wrote docs/images/gallery/{name}.png, {len(content) / 1000:.0f} kB")
    (HERE / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
