"""The report: sections in order, figures with their numbers, and the one HTML file made from the templates."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sim.analysis.verdict import is_drawn, sets_in_words
from sim.plots import Picture
from sim.plots.style import small_png
from sim.report import sections, words
from sim.report.sections import View
from sim.report.study import Material, Study

FIGURES = {
    "effects": ("effects", "Every scenario's effect on every headline outcome. Filled: clearly different from the baseline."),
    "scorecard": ("effects", "The three focus areas. Areas are not added up: one may gain in one outcome and lose in another."),
    "over_time": ("time", "When the difference appears, and whether it lasts."),
    "baseline": ("time", "The baseline by itself."),
    "order": ("time", "Which outcomes moved first. Temporal order is not causation."),
    "states": ("places", "The same outcome state by state; each panel has its own scale."),
    "map": ("places", "Differences by district. Colours are means; only districts with a dark rim are distinguishable from zero."),
    "theories": ("theories", "Whether the conclusion holds under rival theories: it does not where a dot is hollow or on the other side of zero."),
    "cost_plane": ("cost", "Extra cost against harm averted. Where the cloud crosses the vertical line, the sign is not known."),
    "ranking": ("ranking", "Probability that each scenario is the best, by resampling the replications."),
    "factors": ("drivers", "The outcome against each factor, all others varying."),
    "drivers": ("drivers", "How far the outcome moves from the lowest to the highest fifth of each factor."),
    "sensitivity": ("drivers", "Sensitivity indices of the factors."),
    "heat": ("drivers", "Two factors at once."),
    "box": ("failure", "The ranges of the factors within which it fails."),
}  # fmt: skip
"""Figures by the start of their name: the section each belongs to, and how to read it."""
Section = tuple[str, str, Callable[[Material], View] | None]
"""Anchor, which is also the name of the template; heading; the function that prepares its contents, if any."""


def report_html(material: Material) -> str:
    """Write the whole report.

    Parameters
    ----------
    material : Material
        Tables, pictures and the manifest.

    Returns
    -------
    str
        One HTML document that needs nothing else; the same material gives the same text.
    """
    study, environment = material.study, templates()
    style = files("sim.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
    shown, count = [], 0
    for name, heading, prepare in _contents(study):
        view = prepare(material) if prepare else None
        figures = [_figure(picture) for picture in material.pictures if _section_of(picture, study) == name]
        for figure in figures:
            count += 1
            figure["number"] = count
        if view is not None or figures:
            shown.append({"name": name, "heading": heading, "view": view, "figures": figures})
    return environment.get_template("report.html").render(
        study=study,
        title=words.question(study),
        answer=words.answer(material),
        remarks=material.remarks,
        sections=shown,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
    )


class _Templates(Environment):
    """Templates that read ``row.count`` from a row of a table, not as a method of the mapping that holds it."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an item of a mapping before an attribute of the same name."""
        return obj[attribute] if isinstance(obj, Mapping) and attribute in obj else super().getattr(obj, attribute)


@cache
def templates() -> Environment:
    """Return the templates: every value is escaped and made visible, and filters write the numbers."""
    environment = _Templates(
        loader=PackageLoader("sim.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=words.visible,
    )
    written = (words.number, words.signed, words.percent, words.span, words.pieces)
    environment.filters |= {function.__name__: function for function in written}
    environment.globals |= {"interval": words.interval, "allowed": words.allowed}
    environment.globals |= {"is_drawn": is_drawn, "sets_in_words": sets_in_words}
    return environment


def _contents(study: Study) -> list[Section]:
    """List the sections in order; one that has nothing to show is left out later."""
    first: list[Section]
    if study.kind == "sweep":
        first = [
            ("design", "What was varied", sections.design),
            ("drivers", "What the outcome depends on", sections.drivers),
            ("failure", "When it fails", sections.failure),
        ]
        if study.others:
            first += [
                ("effects", "Effects over all points", sections.effects),
                ("unclear", "Not distinguishable from zero", sections.unclear),
            ]
    elif study.others:
        first = [
            ("effects", "Effects", sections.effects),
            ("time", "Over time", None),
            ("places", "Who gains and who loses", sections.places),
            ("unclear", "Not distinguishable from zero", sections.unclear),
            ("theories", "Under rival theories", sections.theories),
            ("cost", "Cost", sections.cost),
            ("ranking", "Which is best", None),
        ]
    else:
        first = [("history", "Outcomes", sections.history)]
    return [
        *first,
        ("measures", "What each scenario does, and the evidence for its effect sizes", sections.measures),
        ("parameters", "Parameters", sections.parameters),
        ("limits", "Limits", sections.limits),
        ("made", "How this was made", sections.made),
    ]


def _section_of(picture: Picture, study: Study) -> str:
    """Find where a figure belongs; a scenario by itself shows its history among the outcomes."""
    if picture.name == "baseline" and not study.others:
        return "history"
    return next((section for start, (section, _) in FIGURES.items() if picture.name.startswith(start)), "")


def _figure(picture: Picture) -> dict[str, Any]:
    png = small_png(picture.png)
    width, height = struct.unpack(">II", png[16:24])
    reading = next((reading for start, (_, reading) in FIGURES.items() if picture.name.startswith(start)), "")
    data = base64.b64encode(png).decode("ascii")
    return {"picture": picture, "reading": reading, "data": data, "width": width, "height": height}
