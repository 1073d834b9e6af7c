"""Stored folders for tests of reports: made by the fake engine, or row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sim.experiment import ResultsFolder, build_plan, execute
from sim.experiment.tables import RUNS_SCHEMA, SCHEMAS
from sim.world.outcomes import OUTCOME_NAMES
from tests.experiment_fakes import FakeEngine, FakeScenario

HOSTILE = (
    "<script>alert('x')</script> & $\\frac{1}{0}$ \"Đakovica\" \u202e\x07 --> ]]> </style><img src=x onerror=alert(1)>"
)


def manifest(kind: str, titles: Mapping[str, str], replications: int, **more: Any) -> dict[str, Any]:
    """Describe an experiment as the folder of one does."""
    resolved = {"region": "nowhere", "start": "2024-01", "months": 24, "interventions": {}, "shocks": {}}
    police = {"type": "I2", "provider": "eu", "start": "2024-06", "intensity": 0.5, "meur_per_year": 3.0}
    entries = [
        {
            "key": key,
            "title": title,
            "sha256": "0" * 64,
            "resolved": resolved | ({"interventions": {title: police}, "parameters": {"b_peer": 3.0}} if place else {}),
        }
        for place, (key, title) in enumerate(titles.items())
    ]
    return {
        "program": "stabsim",
        "version": "9.9.9",
        "kind": kind,
        "status": "complete",
        "model_hash": "f" * 64,
        "region": {"key": "nowhere", "sha256": "1" * 64},
        "base_seed": 7,
        "replications": replications,
        "citizens": 20_000,
        "baseline": next(iter(titles)),
        "scenarios": entries,
        "versions": {"python": "3.11"},
        "hosts": ["a-private-host"],
        "platform": "a private platform",
        "started": "2026-01-01T00:00:00+00:00",
        **more,
    }


def comparison(folder: Path, titles: Mapping[str, str], replications: int = 6, done: int | None = None) -> Path:
    """ResultsFolder a comparison of fake worlds; ``done`` replications of each are there, all by default."""
    rates = np.linspace(4.0, 2.0, len(titles))
    scenarios = [
        FakeScenario(key, parameters={"rate": float(rate), "cost": 2.0 * place, "tension": -0.02 * place})
        for place, (key, rate) in enumerate(zip(titles, rates, strict=True))
    ]
    plan = build_plan(
        scenarios,  # type: ignore[arg-type]
        base_seed=7,
        replications=replications if done is None else done,
        citizens=20_000,
        region_hash="r",
        model="m",
    )
    store = ResultsFolder(folder)
    store.prepare()
    execute(plan, store, FakeEngine())
    status = {} if done is None else {"status": "running"}
    store.write_manifest(manifest("compare" if len(titles) > 1 else "run", titles, replications, **status))
    texts = folder / "scenarios"
    texts.mkdir(exist_ok=True)
    for key, title in titles.items():
        (texts / f"{key}.yaml").write_text(f"format: 1\ntitle: {title!r}\n", encoding="utf-8")
    return folder


def sweep(
    folder: Path,
    titles: Mapping[str, str],
    points: pd.DataFrame,
    design: Mapping[str, Any],
    *,
    replications: int = 4,
    done: float = 1.0,
    keys: Sequence[str] = ("parameters.b_peer", "interventions.police.intensity"),
) -> Path:
    """ResultsFolder a sweep whose incidents are 50 + 10 * first factor, less 12 * second factor where there is a measure."""
    draw = np.random.default_rng(0)
    first, second = (points[key].to_numpy(dtype=float) for key in keys)
    frames = []
    for place, key in enumerate(titles):
        noise = np.tile(draw.normal(0, 1, replications), len(points))
        frame = pd.DataFrame(
            {
                "scenario": key,
                "point": np.repeat(points["point"].to_numpy(), replications),
                "replication": np.tile(np.arange(replications), len(points)),
            }
        )
        for name in OUTCOME_NAMES:
            frame[name] = 0.0
        effect = np.repeat(4 * first - 12 * second, replications) if place else 0.0
        frame["incidents"] = 50 + np.repeat(10 * first, replications) + noise + effect
        frames.append(frame)
    runs = pd.concat(frames, ignore_index=True).sort_values(["replication", "point"], kind="stable", ignore_index=True)
    runs = runs.head(int(len(runs) * done)).assign(status="done")
    runs["run"] = [f"{number:020x}" for number in range(len(runs))]
    for name in RUNS_SCHEMA.names:
        if name not in runs:
            runs[name] = 0 if name == "seed" else ""
    store = ResultsFolder(folder)
    store.prepare()
    store.write_batch(
        {
            "runs": pa.Table.from_pandas(runs[RUNS_SCHEMA.names], schema=RUNS_SCHEMA, preserve_index=False),
            "series": SCHEMAS["series"].empty_table(),
            "places": SCHEMAS["places"].empty_table(),
        },
    )
    status = {} if done == 1.0 else {"status": "running"}
    store.write_manifest(
        manifest(
            "sweep", titles, replications, design=dict(design), question="Does it <b>pay</b>?", expected="Yes", **status
        )
    )
    points.to_csv(folder / "points.csv", index=False)
    return folder
