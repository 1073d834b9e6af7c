"""The controls of what is assumed: rival theories, and every parameter of the model by family."""

from __future__ import annotations

import math

from htmltools import Tag, tags

from sim.page.measures import slider
from sim.parameters import CATALOGUE, Parameter
from sim.parameters.theories import THEORIES, Stance, Theory

FAMILIES = {
    "mobilisation": "Who turns out",
    "conduct": "Violence and arrest",
    "fields": "Slow fields: tension, trust, work, crime",
    "armed": "Armed groups",
    "institutions": "Institutions",
    "rules": "When institutions act, and how fast",
}


def assumptions() -> Tag:
    """The section of assumptions."""
    return tags.section(
        tags.h2("Assumptions"),
        tags.p("Every parameter of the model. The shaded part of a slider is the range that evidence supports.",
               class_="note"),
        tags.label(tags.input(type="checkbox", role="switch", checked="", data_set="shared"),
                   " Changed assumptions hold in both worlds", class_="switch"),
        tags.details(
            tags.summary("Rival theories ", tags.span(f"{len(THEORIES)}", class_="count")),
            tags.p("Where the literature is divided. A stance is a set of parameters; a parameter that you set yourself wins.",
                   class_="note"),
            *map(_theory, THEORIES.values()),
            id="theories",
        ),
        tags.label(tags.span("Find a parameter", class_="name"),
                   tags.input(type="search", id="find", data_shiny_no_bind_input="", placeholder="contagion, police, tension"), class_="control"),
        tags.p("", id="found", class_="note", role="status"),
        *(_family(key, title) for key, title in FAMILIES.items()),
        aria_label="Assumptions",
    )  # fmt: skip


def _family(key: str, title: str) -> Tag:
    rows = [item for item in CATALOGUE.values() if item.family == key and (item.low < item.high or item.high > 0)]
    return tags.details(
        tags.summary(f"{title} ", tags.span(f"{len(rows)}", class_="count")),
        *(_parameter(item) for item in rows),
        data_family=key,
    )


def _theory(theory: Theory) -> Tag:
    """The stances of a theory, the model's own first; below what each says and which parameters it sets."""
    own = theory.stances[0].key
    options = [
        tags.option(stance.key, value=stance.key, selected="" if stance.key == own else None)
        for stance in theory.stances
    ]
    return tags.div(
        tags.label(
            tags.span(theory.question, class_="name"),
            tags.select(*options, data_path=f"theories.{theory.key}", data_default=own),
        ),
        tags.p(f"default {own} · theory {theory.key}", class_="facts"),
        *(tags.p(_stance(stance), class_="facts") for stance in theory.stances),
        class_="control",
    )


def _stance(stance: Stance) -> str:
    sets = ", ".join(f"{name} {value:g}" for name, value in stance.parameters.items())
    return f"{stance.key}: {stance.text}" + (f" Sets {sets}." if sets else "") + f" Evidence {stance.source}."


def _parameter(item: Parameter) -> Tag:
    room = 0.5 * (item.high - item.low) or item.high  # one without a range: from nothing to twice its value
    step = _round_step(item.high - item.low + 2 * room)
    low = max(math.ceil(item.hard_low / step - 1e-9), math.floor((item.low - room) / step)) * step
    high = min(math.floor(item.hard_high / step + 1e-9), math.ceil((item.high + room) / step)) * step
    control = slider(
        f"parameters.{item.name}",
        item.text,
        item.default,
        low,
        high,
        step,
        item.default,
        item.unit,
        evidence=(item.low, item.high),
        source=f"row {item.name} · evidence {item.source}",
    )
    control.add_class("parameter")
    control.attrs["data-words"] = f"{item.name} {item.text} {item.source}".lower()
    control.append(
        tags.button("Back to default", type="button", class_="quiet", data_remove=f"parameters.{item.name}", hidden="")
    )
    return control  # fmt: skip


def _round_step(span: float) -> float:
    """A step of one, two or five of some decimal, of which 100 to 250 make the span."""
    size = 10.0 ** math.floor(math.log10(span / 100))
    return max(step * size for step in (1, 2, 5) if step * size <= span / 100)
