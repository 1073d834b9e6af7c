"""The page: what comes in which order, and the frame around it."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sim.experiment.plan import CENTRAL, ENSEMBLE_FILE, SHIPPED
from sim.plots import Picture
from sim.plots.style import small_png
from sim.report.assumptions import limits_section, measures_section, parameters_section
from sim.report.effects import (
    cost_section,
    effects_section,
    history_section,
    places_section,
    unclear_section,
)
from sim.report.markup import Html, element, facts, join, paragraph
from sim.report.study import Material, Study
from sim.report.sweep import design_section, drivers_section, failure_section
from sim.report.theories import theories_section
from sim.report.words import answer, question, span

READING = {
    "effects": "Every scenario's effect on every headline outcome. Filled: clearly different from the baseline.",
    "scorecard": "The three focus areas. Areas are not added up: one may gain in one outcome and lose in another.",
    "over_time": "When the difference appears, and whether it lasts.",
    "states": "The same outcome state by state; each panel has its own scale.",
    "map": "Where it changes. Colours are means; only districts with a dark rim are clear.",
    "ranking": "How probable it is that each scenario is the best, by resampling the replications.",
    "cost_plane": "Extra cost against harm averted. A cloud across the upright line: the sign is not known.",
    "order": "What moved first. Order in time suggests a chain; it proves none.",
    "theories": "Whether the conclusion survives: dots on the other side of zero, or hollow ones, say where it does not.",
    "baseline": "What the baseline does by itself.",
    "factors": "The outcome against each factor, all others varying.",
    "drivers": "How far the outcome moves from the lowest to the highest fifth of each factor.",
    "sensitivity": "Which factors the outcome answers to.",
    "heat": "Two factors at once.",
    "box": "The corner of the assumptions where it fails.",
}
Section = Callable[[Material], Html]


def report_html(material: Material) -> str:
    """Write the whole page.

    Parameters
    ----------
    material : Material
        Tables, pictures and the manifest.

    Returns
    -------
    str
        One HTML document that needs nothing else; the same material gives the same text.
    """
    study = material.study
    title = question(study)
    figures = _Figures(material.pictures, study.status)
    sections = [
        (name, heading, content)
        for name, heading, make in _contents(study)
        if (content := join([make(material), *figures.take(name)]))
    ]
    style = _style()
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content=f"stabsim {study.manifest.get('version', '')}"),
        element("title", title),
        element("style", Html(style)),
    )
    header = element(
        "header",
        paragraph(
            element("strong", study.status), ". The numbers follow from the assumptions listed below.", class_="status"
        ),
        *_banners(material),
        element("h1", title),
        element("div", *(paragraph(sentence) for sentence in answer(material)), class_="answer"),
        _key_facts(study),
    )
    contents = element(
        "nav",
        element("h2", "Contents"),
        element("ol", *(element("li", element("a", heading, href=f"#{name}")) for name, heading, _ in sections)),
    )
    main = element("main", *(element("section", element("h2", h), content, id=name) for name, h, content in sections))
    footer = element(
        "footer",
        paragraph(
            f"{study.status}. Codes and names of states, communities and places imply no position on status. "
            f"Made by stabsim {study.manifest.get('version', '')} from stored results."
        ),
    )
    body = element("body", header, contents, main, footer)
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _contents(study: Study) -> list[tuple[str, str, Section]]:
    """List the sections: anchor, heading, maker."""
    nothing: Section = lambda material: Html("")  # noqa: E731 - a section of figures only
    first: list[tuple[str, str, Section]]
    if study.kind == "sweep":
        first = [
            ("design", "What was varied", design_section),
            ("drivers", "What the outcome depends on", drivers_section),
        ]
        first += [("failure", "When it fails", failure_section)]
        if study.others:
            first += [
                ("effects", "Effects over all points", effects_section),
                ("unclear", "What cannot be told", unclear_section),
            ]
    elif study.others:
        first = [
            ("effects", "Effects", effects_section),
            ("time", "Over time", nothing),
            ("places", "Who gains and who loses", places_section),
            ("unclear", "What cannot be told", unclear_section),
            ("theories", "Under rival theories", theories_section),
            ("cost", "Cost", cost_section),
            ("ranking", "Which is best", nothing),
        ]
    else:
        first = [("history", "Outcomes", history_section)]
    return [
        *first,
        ("measures", "What each scenario does, and what its sizes rest on", measures_section),
        ("parameters", "Parameters", parameters_section),
        ("limits", "Limits", lambda material: limits_section(material.study)),
        ("made", "How this was made", made_section),
    ]


SECTION_OF = {
    "effects": "effects",
    "scorecard": "effects",
    "over_time": "time",
    "states": "places",
    "map": "places",
    "ranking": "ranking",
    "cost_plane": "cost",
    "order": "time",
    "theories": "theories",
    "baseline": "history",
    "factors": "drivers",
    "drivers": "drivers",
    "sensitivity": "drivers",
    "heat": "drivers",
    "box": "failure",
}


class _Figures:
    """Hands out the pictures section by section, numbered in the order of the page."""

    def __init__(self, pictures: tuple[Picture, ...], status: str) -> None:
        self.left, self.count, self.status = list(pictures), 0, status

    def take(self, section: str) -> list[Html]:
        """Return the figures of one section."""
        own = [picture for picture in self.left if _section(picture.name, self.left) == section]
        self.left = [picture for picture in self.left if picture not in own]
        return [self._figure(picture) for picture in own]

    def _figure(self, picture: Picture) -> Html:
        self.count += 1
        png = small_png(picture.png)
        width, height = struct.unpack(">II", png[16:24])
        source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
        image = element("img", src=source, alt=f"{picture.title}. {picture.caption}", width=width, height=height)
        reading = READING.get(_family(picture.name), "")
        caption = [element("b", f"Figure {self.count}."), f" {picture.title}. {reading} {self.status}."]
        return element("figure", element("div", image, class_="paper"), element("figcaption", *caption))


def _family(name: str) -> str:
    return next((key for key in sorted(SECTION_OF, key=len, reverse=True) if name.startswith(key)), name)


def _section(name: str, pictures: list[Picture]) -> str:
    """Find where a figure belongs; the baseline's own history stands with time where there is a comparison."""
    section = SECTION_OF.get(_family(name), "")
    compared = any(_family(picture.name) in ("effects", "over_time") for picture in pictures)
    return "time" if section == "history" and compared else section


def _banners(material: Material) -> list[Html]:
    study = material.study
    banners = []
    if study.unfinished:
        state = {"running": "still running, or was stopped"}.get(str(study.manifest.get("status")), "not complete")
        banners.append(
            f"Unfinished: {study.done:,} of {study.total:,} runs are stored and the experiment is {state}. "
            "What follows is about those runs and will change."
        )
    if study.failed:
        banners.append(f"{study.failed:,} of {study.total:,} runs failed and are left out.")
    banners += material.remarks
    return [paragraph(banner, class_="banner") for banner in banners]


def _key_facts(study: Study) -> Html:
    citizens = study.manifest.get("citizens", "")
    year, month = study.start
    compared = len(study.others)
    return facts(
        [
            (
                "Compared",
                f"{compared} scenario{'s' if compared != 1 else ''} with a baseline" if compared else "one scenario",
            ),
            ("Period", f"{span(study.months)} from {year:04d}-{month:02d}"),
            ("Replications", f"{study.manifest.get('replications', '')}, seed {study.manifest.get('base_seed', '')}"),
            ("Runs", f"{study.done:,} of {study.total:,}"),
            ("Parameters", f"calibrated ensemble, {study.drawn:,} points" if study.drawn else "central values"),
            ("Citizens", f"{citizens:,}" if isinstance(citizens, int) else str(citizens)),
            ("Version", f"stabsim {study.manifest.get('version', '')}"),
        ]
    )


def made_section(material: Material) -> Html:
    """Write the command that recreates the results, the manifest in short, and the scenarios."""
    study, manifest = material.study, material.study.manifest
    versions = manifest.get("versions", {})
    region = manifest.get("region", {})
    rows = [
        ("Status", str(manifest.get("status", ""))),
        ("Started, finished", f"{manifest.get('started', '')}, {manifest.get('finished', 'not finished')}"),
        ("Region", f"{region.get('key', '')}, sha256 {region.get('sha256', '')}"),
        ("Model", f"sha256 {manifest.get('model_hash', '')}"),
        *(
            (f"Table {name.removesuffix('_sha256')}", f"sha256 {value}")
            for name, value in manifest.get("tables", {}).items()
        ),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        *((f"Scenario {entry['key']}", f"sha256 {entry.get('sha256', '')}") for entry in manifest.get("scenarios", [])),
    ]
    folder = "the folder of the results" if material.texts else "the scenarios"
    parts = [
        paragraph(
            f"The same version, files and command give the same numbers, to the byte. DIR is {folder}; "
            "each scenario is also given in full below, to be saved under its name."
        ),
        element("pre", element("code", recreate(study)), tabindex="0"),
        facts(rows),
    ]
    for key, content in material.texts.items():
        summary = element("summary", f"{key}.yaml: {study.titles.get(key, key)}")
        parts.append(element("details", summary, element("pre", element("code", content), tabindex="0")))
    design = dict(study.design)
    if design:
        written = json.dumps(design, indent=1, ensure_ascii=False)
        parts.append(
            element("details", element("summary", "Design"), element("pre", element("code", written), tabindex="0"))
        )
    return join(parts)


def recreate(study: Study) -> str:
    """Write the command that makes the same results again from the stored files."""
    manifest = study.manifest
    if study.kind == "sweep":
        return "stabsim sweep DIR --out DIR-again"
    files = [f"DIR/scenarios/{key}.yaml" for key in study.titles]
    words = ["stabsim", study.kind, *files, "--replications", manifest.get("replications", 1)]
    words += ["--seed", manifest.get("base_seed", 0), "--citizens", manifest.get("citizens", "")]
    if study.theories:
        words += ["--theories", ",".join(study.theories)]
    if study.drawn:
        words += ["--parameters", f"DIR/{ENSEMBLE_FILE}"]
    elif study.kind == "compare" and SHIPPED.is_file():
        words += ["--parameters", CENTRAL]
    return shlex.join(str(item) for item in words)


@cache
def _style() -> str:
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


def _hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
