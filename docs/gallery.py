"""Make the gallery from real runs: run the commands named in it, and take one figure of each kind from their results.

python docs/gallery.py FOLDER    runs what is not in FOLDER yet (a few minutes), then writes the pictures and the page
"""

from __future__ import annotations

import base64
import html
import io
import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from sim.plots.style import small_png  # noqa: E402

PICTURES = HERE / "images" / "gallery"
SIZE = "--months 36 --citizens 9000"
COMMANDS = {
    "compare": f"compare baseline_2024 job_creation dialogue_forums way_forward --replications 16 {SIZE}",
    "theories": f"compare baseline_2024 way_forward --theories all --replications 4 {SIZE}",
    "why": f"why baseline_2024 way_forward --replications 4 {SIZE}",
    "sobol": "sweep sobol.yaml",
    "grid": "sweep grid.yaml",
}
EXPERIMENT = """format: 1
title: Do dialogue forums pay?
question: How does the effect of dialogue forums on communal incidents depend on their intensity and on one assumption?
expected: It grows with the intensity.
scenarios: [baseline_2024, dialogue_forums]
baseline: baseline_2024
design: {design}
uncertainties:
  b_tension: {{low: 1.0, high: 3.0{levels[0]}}}
levers:
  interventions.forums.intensity: {{low: {low}, high: 1.0{levels[1]}}}
constants: {{months: 36}}
replications: {replications}
citizens: 9000
seed: 1
"""
EXPERIMENTS = {
    "sobol": EXPERIMENT.format(design="{kind: sobol, points: 8, seed: 1}", low="0.0", levels=("", ""), replications=2),
    "grid": EXPERIMENT.format(design="{kind: grid}", low="0.25", levels=(", levels: 5", ", levels: 4"), replications=4),
}
FIGURES = (
    ("effects", "Effects", "compare", "Effects over the whole run",
     "Every scenario's effect on every headline outcome. The thick bar is the 95 % interval of the mean, the thin one the range "
     "over parameter sets (over single pairs with central parameters)."),
    ("scorecard", "Scorecard", "compare", "Scorecard",
     "The three focus areas side by side, in per cent of the baseline. Effects in the grey band are small however certain."),
    ("over_time", "Difference over time", "compare", "Communal incidents: cumulative",
     "When the difference appears, and whether it lasts. Flows are running totals."),
    ("states", "Effects by state", "compare", "Communal incidents by state",
     "The same outcome in every state, scenarios as rows; each state has its own scale."),
    ("map", "Map of effects", "compare", "Unemployment: difference",
     "Differences by district. A dark rim means that the difference is distinguishable from zero."),
    ("history", "One scenario by itself", "compare", "The region month by month", "Headline outcomes month by month."),
    ("ranking", "Ranking", "compare", "Communal incidents: probability",
     "Probability that each scenario is the best, by resampling the replications."),
    ("plane", "Cost-effectiveness plane", "compare", "Communal incidents averted",
     "Cost upwards, harm averted to the right. Where a cloud crosses the vertical line, the sign is not known."),
    ("chain", "Order of movement", "compare", "What moved first: Way forward",
     "Which outcomes moved first. Temporal order is not causation."),
    ("theories", "Rival theories", "theories", "Way forward: effects under rival theories",
     "The same effect under each stance of rival theories. A conclusion does not hold where a dot is hollow or on the other side "
     "of zero."),
    ("attribution", "Attribution", "why", "why", "Where a difference comes from: Shapley shares that add up to it."),
    ("factors", "Along each factor", "sobol", "Communal incidents along each factor",
     "A sweep: the effect along each factor while all others vary too. A flat line means that the factor does not matter here."),
    ("drivers", "From the low to the high end", "sobol", "Communal incidents: what it depends on",
     "Which factors move the effect most. Where a bar crosses zero, the sign depends on the factor."),
    ("sensitivity", "Sensitivity indices", "sobol", "Communal incidents: sensitivity",
     "Share of the variance that goes back to each factor (Sobol), or its mean effect (Morris)."),
    ("box", "When it fails", "sobol", "When does it fail",
     "PRIM box: the ranges of the factors in which a scenario fails."),
    ("heat", "Two factors at once", "grid", "Communal incidents by dose",
     "Effect over two factors. Crosses mark cells that are not distinguishable from zero."),
)  # fmt: skip
"""Name of the picture, heading, command it comes from, how its title starts (of `why`: its file), and how to read it."""
INTRO = """<!-- Made by docs/gallery.py: edit that, then run it again. -->
# Gallery

One example of every figure that comparisons, sweeps and `why` draw, taken from real runs that are far too few and too small
for conclusions. Blue and orange are distinct for colour-blind readers. Every figure carries its scenarios, replications and
seed. How to read a whole report: [report](report.md).
"""


def page() -> str:
    """Write the page."""
    parts = [INTRO]
    for name, heading, command, _, text in FIGURES:
        parts.append(f"\n## {heading}\n\n{text} From `{command}` below.\n\n![{heading}](images/gallery/{name}.png)\n")
    parts.append("\n## Commands\n\n```bash\n")
    parts += [f"stabsim {command}    # {name}\n" for name, command in COMMANDS.items()]
    parts.append("```\n")
    for name, text in EXPERIMENTS.items():
        parts.append(f"\n`{name}.yaml`:\n\n```yaml\n{text}```\n")
    return "".join(parts)


def run(folder: Path) -> None:
    """Run the commands whose results are not in the folder yet, and write the report of each."""
    for name, text in EXPERIMENTS.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    stabsim = [sys.executable, "-m", "sim.cli"]
    for name, command in COMMANDS.items():
        words = command.split()
        if not (folder / name).exists():
            subprocess.run([*stabsim, "-q", *words, "--out", name], cwd=folder, check=True)
        if words[0] == "sweep":
            subprocess.run([*stabsim, "-q", "report", name], cwd=folder, check=True)


def picture(folder: Path, title: str) -> bytes:
    """Take one figure from a report, or from the figures of a folder without one."""
    if not (folder / "report.html").is_file():
        return (folder / "figures" / f"{title}.png").read_bytes()
    content = (folder / "report.html").read_text(encoding="utf-8")
    images = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]*)"', content)
    return base64.b64decode(next(data for data, said in images if html.unescape(said).startswith(title)))


def main() -> None:
    """Write the pictures, a third smaller than in a report, and the page."""
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    run(folder)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, _, command, title, _ in FIGURES:
        with Image.open(io.BytesIO(picture(folder / command, title))) as image, io.BytesIO() as buffer:
            image.convert("RGB").resize((image.width * 2 // 3, image.height * 2 // 3)).save(buffer, format="png")
            content = small_png(buffer.getvalue())
        (PICTURES / f"{name}.png").write_bytes(content)
        print(f"wrote docs/images/gallery/{name}.png, {len(content) / 1000:.0f} kB")
    (HERE / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
