"""The catalogue of interventions and shocks: nulls are null, harms can harm, sizes fit their rows."""

from math import exp, log
from pathlib import Path

import pytest
from pydantic import ValidationError

from sim.errors import InputError
from sim.interventions import PATTERN_OPTIONS, CatalogueEntry, Channel, ShockType, catalogue, read_catalogue
from sim.world.levers import LEVER_BY_NAME

ROWS = [f"I{number}" for number in range(1, 37)]
SHOCKS = {
    "rumour",
    "contested_election",
    "government_collapse",
    "economic_crisis",
    "status_declaration",
    "assassination",
    "cyber_attack",
    "energy_cutoff",
    "earthquake",
    "accident",
    "refugee_inflow",
    "arms_inflow",
    "war_elsewhere",
    "alliance_division",
    "mission_withdrawal",
    "uprising",
    "posture",
    "expulsion",
    "ceasefire",
    "power_change",
    "cyber_neglect",
    "mass_layoffs",
    "nationalist_campaign",
    "power_rivalry",
}
ENTRIES = list(catalogue().interventions.values())
CHANNELS = [(entry.row, channel) for entry in ENTRIES for channel in entry.channels]
GOOD_WHEN_UP = {
    "legitimacy",
    "return",
    "police",
    "riot_control",
    "enforcement",
    "capacity",
    "civic_space",
    "oversight",
    "information",
    "credibility",
    "settlement",
    "reform_security",
    "reform_political",
    "reform_economic",
    "troops",
    "mission_police",
    "observers",
    "exits",
    "un_means",
    "contribution",
    "mandate",
}


def harm(channel: Channel) -> float:
    """How far the channel's central size points in the harmful direction."""
    return -channel.size if channel.lever in GOOD_WHEN_UP else channel.size


def channels(row: str, lever: str) -> list[Channel]:
    return [channel for channel in catalogue().interventions[row].channels if channel.lever == lever]


def test_all_rows_and_shocks_are_there() -> None:
    assert set(ROWS) <= set(catalogue().interventions)
    assert set(catalogue().shocks) == SHOCKS


def test_lookup_by_row_and_by_key() -> None:
    known = catalogue()
    assert known.intervention("I2") is known.intervention("police_capacity") is known.interventions["I2"]
    assert known.intervention("I99") is None
    assert known.intervention("I6").key == "joint_exercises"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("row", "channel"), CHANNELS, ids=[f"{row}-{c.lever}-{i}" for i, (row, c) in enumerate(CHANNELS)]
)
def test_channel_moves_a_lever_within_its_scale(row: str, channel: Channel) -> None:
    lever = LEVER_BY_NAME[channel.lever]
    assert channel.low <= channel.size <= channel.high
    if lever.kind == "share":
        assert -1 <= channel.low <= channel.high <= 1
    elif lever.kind == "persons":
        assert (channel.size, channel.distribution) == (1.0, "fixed")
    else:
        assert abs(channel.size) <= log(4), "a single channel at full dose stays within the cap of its lever"
    assert channel.quantile(0.5) == pytest.approx(channel.size, abs=1e-12)
    if channel.distribution in ("normal", "lognormal"):
        assert channel.quantile(0.05) == pytest.approx(channel.low, abs=1e-9)
        assert channel.quantile(0.95) == pytest.approx(channel.high, abs=1e-9)
    assert channel.text, "every channel says what its size means"


def test_quantiles_of_bounded_distributions() -> None:
    flat = Channel(lever="tension", size=0.1, low=0.0, high=1.0, distribution="uniform")
    assert [flat.quantile(p) for p in (0.1, 0.9)] == pytest.approx([0.1, 0.9])
    peak = Channel(lever="tension", size=0.5, low=0.0, high=1.0, distribution="triangular")
    assert [peak.quantile(p) for p in (0.02, 0.5, 0.98)] == pytest.approx([0.1, 0.5, 0.9])


@pytest.mark.parametrize(
    ("row", "lever", "ratio", "low", "high"),
    [
        ("I28", "dispute_conversion", 0.75, 0.55, 0.95),
        ("I23", "recruitment", 0.80, 0.65, 0.95),
        ("I6", "dispute", 0.85, 0.65, 1.05),
        ("I8", "crime", 0.85, 0.65, 1.0),
        ("I29", "dispute", 0.7, 0.5, 0.95),
        ("I15", "crime", 1.0, 0.95, 1.05),
    ],
)
def test_sizes_are_those_of_their_rows(row: str, lever: str, ratio: float, low: float, high: float) -> None:
    channel = channels(row, lever)[0]
    assert [exp(x) for x in (channel.size, channel.low, channel.high)] == pytest.approx([ratio, low, high], abs=2e-3)


def test_dialogue_lasts_three_years() -> None:
    assert channels("I28", "dispute_conversion")[0].halflife_months == 36


def test_nulls_are_null_and_switched_on() -> None:
    policing = catalogue().interventions["I15"]
    assert {channel.lever for channel in policing.channels} == {"legitimacy", "crime"}
    communal = channels("I6", "tension")
    for channel in (*policing.channels, *communal):
        assert channel.size == 0.0
        assert channel.low < 0.0 < channel.high
    assert policing.scale == 1.0
    assert len(communal) == 1


@pytest.mark.parametrize(
    ("row", "lever", "when"),
    [
        ("I1", "oversight", "low_oversight"),
        ("I3", "violence", None),
        ("I4", "corruption", "low_oversight"),
        ("I6", "influence", "scripted"),
        ("I17", "tension", None),
        ("I24", "dispute_conversion", "insecure"),
        ("I24", "recruitment", "insecure"),
        ("I28", "mobilisation", None),
        ("I29", "dispute", None),
    ],
)
def test_known_harms_can_harm(row: str, lever: str, when: str | None) -> None:
    assert any(harm(channel) > 0 and channel.when == when for channel in channels(row, lever))


def test_mediation_helps_soon_and_harms_later() -> None:
    soon, later = channels("I29", "dispute")
    assert soon.size < 0 < later.size
    assert soon.lag_months < later.lag_months
    assert soon.halflife_months < later.halflife_months


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.row for entry in ENTRIES])
def test_entry_states_its_provenance(entry: CatalogueEntry) -> None:
    assert "assumption" in entry.cost.basis
    assert entry.cost.price_year == 2024
    assert entry.cost.meur_per_year > 0
    assert entry.provider in entry.requesters or entry.approval != "allies"
    if entry.status == "transported":
        assert any(channel.evidence != "assumption" for channel in entry.channels)


def test_rumour_is_a_shock_of_log_odds_over_two_rounds() -> None:
    rumour = catalogue().shocks["rumour"]
    (channel,) = rumour.channels
    assert (rumour.pattern, channel.lever, channel.size) == ("rumour", "mobilisation", 4.5)


@pytest.mark.parametrize("shock", catalogue().shocks.values(), ids=list(catalogue().shocks))
def test_shock_is_complete(shock: ShockType) -> None:
    assert shock.pattern in PATTERN_OPTIONS
    assert bool(shock.channels) == (shock.pattern in ("impulse", "rumour"))
    assert all(LEVER_BY_NAME[channel.lever].kind != "persons" for channel in shock.channels)
    assert (shock.rate_per_year is None) == shock.rate_basis.startswith("scheduled only")


def test_cyber_attack_leaves_violence_alone() -> None:
    (violence,) = [c for c in catalogue().shocks["cyber_attack"].channels if c.lever == "violence"]
    assert violence.size == 0.0


# --- what a catalogue may not say ---

CHANNEL = {"lever": "tension", "size": -0.1, "low": -0.2, "high": 0.0}
ENTRY = {
    "row": "I90",
    "key": "example",
    "name": "Example",
    "family": "social",
    "provider": "un",
    "approval": "none",
    "requesters": ["un"],
    "dose": {"unit": "share", "full": 1},
    "status": "assumption",
    "evidence": "P11h",
    "cost": {"meur_per_year": 1, "price_year": 2024, "basis": "assumption"},
    "text": "Text.",
    "channels": [CHANNEL],
}
SHOCK = {
    "key": "example",
    "name": "Example",
    "pattern": "impulse",
    "rate_per_year": 0.1,
    "rate_basis": "assumption",
    "evidence": "assumption",
    "text": "Text.",
    "channels": [{**CHANNEL, "halflife_months": 3}],
}


def test_the_examples_are_good() -> None:
    assert CatalogueEntry.model_validate(ENTRY).scale == 1.0
    assert ShockType.model_validate(SHOCK).pattern == "impulse"


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"lever": "happiness"}, "no lever is called happiness"),
        ({"lever": "participants"}, "no lever is called participants"),
        ({"size": 0.5}, "low <= size <= high"),
        ({"low": 0.5}, "low <= size <= high"),
        ({"size": float("nan")}, "finite"),
        ({"evidence": "Q7"}, "pattern"),
        ({"evidence": "my own belief"}, "pattern"),
        ({"distribution": "fixed"}, "fixed size"),
        ({"distribution": "lognormal"}, "one sign"),
        ({"low": -0.1, "high": -0.1}, "fixed size"),
        ({"when": "sometimes"}, "always"),
        ({"lag_months": -1}, "greater than or equal"),
        ({"unknown": 1}, "not permitted"),
        ({"lever": "troops"}, "needs a quantity"),
    ],
)
def test_bad_channel_is_refused(change: dict[str, object], pattern: str) -> None:
    with pytest.raises(ValidationError, match=pattern):
        CatalogueEntry.model_validate({**ENTRY, "channels": [{**CHANNEL, **change}]})


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"row": "X1"}, "pattern"),
        ({"key": "Bad Key"}, "pattern"),
        ({"channels": []}, "at least 1"),
        ({"requesters": []}, "at least 1"),
        ({"status": "proven"}, "tuned"),
        ({"approval": "nobody"}, "allies"),
        ({"absorption": ["capacity", "capacity"]}, "absorption twice"),
    ],
)
def test_bad_entry_is_refused(change: dict[str, object], pattern: str) -> None:
    with pytest.raises(ValidationError, match=pattern):
        CatalogueEntry.model_validate({**ENTRY, **change})


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"channels": []}, "needs a channel"),
        ({"pattern": "rumour"}, "half-life"),
        ({"channels": [{**CHANNEL, "lever": "mobilisation", "halflife_months": 0}]}, "half-life"),
        ({"pattern": "storm"}, "impulse"),
    ],
)
def test_bad_shock_is_refused(change: dict[str, object], pattern: str) -> None:
    with pytest.raises(ValidationError, match=pattern):
        ShockType.model_validate({**SHOCK, **change})


def test_entries_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        catalogue().interventions["I2"].scale = 2.0  # type: ignore[misc]


def test_broken_catalogue_lists_every_problem(tmp_path: Path) -> None:
    (tmp_path / "social.yaml").write_text("- {row: I2, key: a}\n- {row: I2, key: b, colour: red}\n")
    (tmp_path / "shocks.yaml").write_text("key: rumour\n")
    (tmp_path / "economic.yaml").write_text("- [\n")
    with pytest.raises(InputError) as caught:
        read_catalogue(tmp_path)
    said = str(caught.value)
    for pattern in ("b.colour", "a.channels", "shocks.yaml: must be a list", "economic.yaml: cannot be read"):
        assert pattern in said


def test_the_same_row_twice_is_refused(tmp_path: Path) -> None:
    source = Path(__file__).parent.parent / "sim" / "interventions" / "catalogue" / "diplomatic.yaml"
    text = source.read_text(encoding="utf-8")
    for name in ("diplomatic.yaml", "social.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="I29: given twice"):
        read_catalogue(tmp_path)
