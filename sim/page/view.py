"""The page's document: every part that does not depend on a scenario, made once when the command starts."""

from __future__ import annotations

from typing import Any

from htmltools import HTML, Tag, TagList, tags

from sim import __version__
from sim.interventions import catalogue
from sim.page.assumptions import assumptions
from sim.page.lessons import LESSONS
from sim.page.state import BARE, MAX_CITIZENS, MAX_MONTHS, MAX_REPLICATIONS
from sim.scenario import shipped_scenarios
from sim.status import status

DEPENDENCIES = '<meta name="shiny-dependency-placeholder" content="">'


def page_text() -> str:
    """Return the whole document."""
    head = TagList(
        tags.meta(charset="utf-8"),
        tags.meta(name="viewport", content="width=device-width, initial-scale=1"),
        tags.meta(name="color-scheme", content="light dark"),
        tags.title("stabsim: two worlds, same luck"),
        HTML(DEPENDENCIES),
        tags.link(rel="icon", href="data:,"),
        tags.link(rel="stylesheet", href="static/page.css"),
        tags.script(src="static/draw.js", defer=""),
        tags.script(src="static/page.js", defer=""),
    )
    body = tags.body(
        tags.a("Skip to the worlds", href="#stage", class_="skip"),
        _header(),
        tags.div("", id="lost", role="alert", hidden=""),
        tags.div(_controls(), _stage(), class_="layout"),
        tags.div("", id="said", role="status", aria_live="polite", class_="visually-hidden"),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n{body}\n</html>\n'


def _header() -> Tag:
    return tags.header(
        tags.div(tags.h1("stabsim"), tags.p("Two worlds on the same luck: what differs is what you changed.")),
        tags.nav(tags.a("Worlds", href="#stage"), tags.a("Lessons and controls", href="#controls"), tags.a("File and data", href="#file"),
                 aria_label="On this page"),
        tags.p(tags.strong(f"{status()}."), " Results follow from assumptions; they predict no event.", class_="warning"),
        class_="top",
    )  # fmt: skip


def _controls() -> Tag:
    """The left column: what is simulated."""
    return tags.div(
        _lessons(),
        tags.section(
            tags.h2("Scenario"),
            _picker("Start from", "open", [("", "(a file or a lesson)"), *((name, name.replace("_", " ")) for name in shipped_scenarios())]),
            _picker("Compare with", "baseline", [(BARE, "the same without measures and shocks")]),
            tags.label(tags.span("Title", class_="name"), tags.input(type="text", maxlength="120", data_path="title"),
                       class_="control"),
            tags.div(
                _whole("months", "Length", 1, MAX_MONTHS, "months", path=True),
                _whole("seed", "Luck", 0, 2**31 - 1, "seed: another number is another history"),
                class_="pair",
            ),
            tags.details(
                tags.summary("Institutions and citizens"),
                tags.label(
                    tags.input(type="checkbox", role="switch", data_institutions=""),
                    " Institutions react", class_="switch",
                ),
                tags.p("On: states, NATO, the UN, the EU and others decide month by month. Off: only the scenario acts.",
                       class_="facts"),
                _whole("citizens", "Simulated citizens", 1, MAX_CITIZENS, f"at most {MAX_CITIZENS:,} here, default 20,000"),
            ),
            aria_label="Scenario",
        ),
        tags.section(
            tags.h2("Measures and shocks"),
            tags.div(id="measures", class_="shiny-html-output"),
            _adder("interventions", "Add a measure", [
                (entry.row, f"{entry.row} {entry.name}", entry.family) for entry in catalogue().interventions.values()
            ]),
            _adder("shocks", "Add a shock", [(entry.key, entry.name, "") for entry in catalogue().shocks.values()]),
            aria_label="Measures and shocks",
        ),
        assumptions(),
        id="controls", class_="controls",
    )  # fmt: skip


def _lessons() -> Tag:
    return tags.section(
        tags.h2("Lessons"),
        tags.div(
            *(tags.button(tags.span(lesson.title), tags.small(f"about {lesson.minutes} minutes"), type="button",
                          data_lesson=lesson.key, aria_pressed="false") for lesson in LESSONS),
            class_="lesson-list",
        ),
        tags.div(
            tags.h3("", id="lesson-title", tabindex="-1"), tags.p("", id="lesson-question", class_="question"),
            tags.p("", id="lesson-count", class_="note"), tags.p("", id="lesson-text"),
            tags.p(tags.strong("Look: "), tags.span("", id="lesson-look")),
            tags.div(tags.button("Back", type="button", id="lesson-back"),
                     tags.button("Next step", type="button", id="lesson-next", class_="primary"),
                     tags.button("End the lesson", type="button", id="lesson-end", class_="quiet"), class_="row"),
            id="lesson", hidden="", aria_live="polite",
        ),
        aria_label="Lessons",
    )  # fmt: skip


def _stage() -> Tag:
    """The right column: the worlds."""
    return tags.main(
        tags.div(tags.ul("", id="problems", role="alert", hidden=""), tags.ul("", id="warnings", role="status", hidden="")),
        tags.section(
            tags.div(
                tags.h2("", id="pair-title"),
                tags.div(
                    _chooser("outcome", "Outcome"), _chooser("scope", "Where"), class_="row choosers"
                ),
                class_="stage-head",
            ),
            tags.div(
                tags.span(tags.i("", class_="key base"), tags.span("", id="key-base"), class_="legend"),
                tags.span(tags.i("", class_="key ours"), tags.span("", id="key-ours"), class_="legend"),
                tags.span(tags.i("", class_="key band"), "5 to 95 % of replications", class_="legend", id="key-band", hidden=""),
                class_="row legends",
            ),
            tags.figure(tags.div(id="chart", class_="drawing"), tags.figcaption("", id="chart-words")),
            tags.figure(tags.div(id="difference", class_="drawing small"), tags.figcaption("", id="difference-words")),
            aria_label="Outcomes over time",
        ),
        _player(),
        tags.section(
            tags.div(tags.h2("Districts"), tags.div(_chooser("measure", "Map shows"), class_="row choosers"), class_="stage-head"),
            tags.div(_world_map("base"), _world_map("ours"), class_="worlds"),
            tags.div(tags.div("", id="scale", class_="scale"), tags.p("", id="place", role="status", class_="note"), class_="row"),
            tags.p("Names and outlines imply no position on status.", class_="note"),
            aria_label="Map of districts",
        ),
        tags.section(tags.h2("Stability index"), tags.div(id="index"), tags.p(
            "0 to 100, a monitor and no objective. It falls with pressure, weakness and lack of coping, each 0 to 1.",
            class_="note"), aria_label="Stability index"),
        tags.section(
            tags.div(tags.h2("Decisions"), tags.div(_chooser("who", "Who"), tags.label(
                tags.input(type="checkbox", id="only", data_shiny_no_bind_input="", role="switch"), " Only what differs", class_="switch"),
                class_="row choosers"), class_="stage-head"),
            tags.div(_world_log("base"), _world_log("ours"), class_="worlds"),
            aria_label="Decisions of institutions",
        ),
        _replications(), _notebook(), _files(),
        id="stage", tabindex="-1",
    )  # fmt: skip


def _player() -> Tag:
    def button(key: str, words: str, path: str) -> Tag:
        icon = HTML(f'<svg viewBox="0 0 20 20" aria-hidden="true"><path d="{path}"/></svg>')
        return tags.button(icon, type="button", id=key, aria_label=words, title=words)

    return tags.section(
        tags.div(
            button("first", "First month", "M4 4h2v12H4zM16 4v12l-9-6z"),
            button("back", "One month back", "M14 4v12L5 10z"),
            button("play", "Play", "M5 3l12 7-12 7z"),
            button("step", "One month on", "M6 4v12l9-6z"),
            button("last", "Last month", "M14 4h2v12h-2zM4 4v12l9-6z"),
            class_="buttons", role="group", aria_label="Play",
        ),
        tags.input(type="range", id="month", data_shiny_no_bind_input="", min="0", max="1", step="1", value="0", aria_label="Month"),
        tags.output("", id="when", for_="month"),
        tags.label(tags.span("Speed", class_="visually-hidden"), tags.select(
            tags.option("slow", value="4"), tags.option("normal", value="10", selected=""), tags.option("fast", value="24"),
            id="speed", data_shiny_no_bind_input="", aria_label="Speed")),
        class_="player", aria_label="Time",
    )  # fmt: skip


def _world_map(world: str) -> Tag:
    return tags.figure(
        tags.h3("", id=f"title-{world}", class_=world),
        tags.div(id=f"map-{world}", class_="drawing map"),
        tags.figcaption("", id=f"map-words-{world}"),
        class_="world",
    )


def _world_log(world: str) -> Tag:
    return tags.div(
        tags.h3("", id=f"log-title-{world}", class_=world),
        tags.ol("", id=f"log-{world}", class_="log", tabindex="0", aria_label="Decisions up to this month"),
        class_="world",
    )


def _replications() -> Tag:
    return tags.section(
        tags.h2("How sure? Many histories"),
        tags.p("One pair of histories shows what can happen. Many pairs show what is likely.", class_="note"),
        tags.div(
            _whole("replications", "Pairs of histories", 2, MAX_REPLICATIONS, f"2 to {MAX_REPLICATIONS}, default 32"),
            tags.button("Run them", type="button", id="replicate", class_="primary"),
            tags.button("Cancel", type="button", id="cancel", disabled=""),
            class_="row",
        ),
        tags.progress("", id="progress", max="1", value="0", hidden="", aria_label="Runs done"),
        tags.p("", id="progress-words", role="status"),
        tags.div(id="effects"),
        aria_label="Replications",
    )


def _notebook() -> Tag:
    return tags.section(
        tags.h2("Notebook"),
        tags.p("Note the difference of this month, then change something and note again.", class_="note"),
        tags.div(tags.button("Note this difference", type="button", id="note"),
                 tags.button("Clear", type="button", id="clear-notes", class_="quiet"), class_="row"),
        tags.div(id="notes"),
        aria_label="Notebook",
    )  # fmt: skip


def _files() -> Tag:
    def download(name: str, words: str) -> Tag:
        return tags.a(words, href="#", data_download=name, download="", class_="button")

    return tags.section(
        tags.h2("This page as a file"),
        tags.p("What you see is a scenario file. The command below gives the same numbers.", class_="note"),
        tags.label(tags.span("Scenario file", class_="name"),
                   tags.textarea("", id="yaml", data_shiny_no_bind_input="", readonly="", rows="12", spellcheck="false"), class_="control"),
        tags.div(
            tags.button("Copy as YAML", type="button", id="copy-yaml"),
            tags.button("Download my_scenario.yaml", type="button", id="save-yaml"),
            tags.button("Download my_baseline.yaml", type="button", id="save-bare", hidden=""),
            tags.label("Load a scenario file", tags.input(type="file", data_load="", accept=".yaml,.yml"), class_="button file"),
            class_="row",
        ),
        tags.label(tags.span("Command line", class_="name"),
                   tags.textarea("", id="command", data_shiny_no_bind_input="", readonly="", rows="2", spellcheck="false"), class_="control"),
        tags.div(tags.button("Copy the command", type="button", id="copy-command"), class_="row"),
        tags.h3("Data and figures of this pair"),
        tags.div(
            download("months", "Months (CSV)"), download("districts", "Districts by month (CSV)"),
            download("log", "Decisions (CSV)"), download("figure", "Figure (PNG)"), download("animation", "Animation (GIF)"),
            download("replications", "Replications: tables and figures (ZIP)"),
            class_="row",
        ),
        tags.p("", id="download-words", role="status"),
        tags.p(f"stabsim {__version__}. Codes of states and territories follow ISO 3166 (XKX is user-assigned). "
               "Nothing on this page leaves this machine.", class_="note"),
        id="file", aria_label="Files",
    )  # fmt: skip


def _picker(name: str, do: str, options: list[tuple[str, str]]) -> Tag:
    choices = [tags.option(words, value=key) for key, words in options]
    return tags.label(
        tags.span(name, class_="name"),
        tags.select(*choices, id=f"pick-{do}", data_shiny_no_bind_input=""),
        class_="control",
    )


def _adder(kind: str, words: str, options: list[tuple[str, str, str]]) -> Tag:
    groups: dict[str, list[Any]] = {}
    for key, title, family in options:
        groups.setdefault(family, []).append(tags.option(title, value=key))
    choices: list[Any] = [tags.option(f"{words} …", value="")]
    for family, items in groups.items():
        choices += [tags.optgroup(*items, label=family.capitalize())] if family else items
    return tags.select(*choices, data_add=kind, aria_label=words, class_="adder")


def _chooser(key: str, words: str) -> Tag:
    return tags.label(
        tags.span(words, class_="name"), tags.select(id=key, data_shiny_no_bind_input=""), class_="inline"
    )


def _whole(name: str, words: str, low: int, high: int, unit: str, *, path: bool = False) -> Tag:
    where = {"data_path": name, "data_whole": "1"} if path else {"data_set": name}
    return tags.label(
        tags.span(words, class_="name"),
        tags.input(type="number", min=str(low), max=str(high), step="1", **where),
        tags.span(unit, class_="facts"),
        class_="control",
    )
