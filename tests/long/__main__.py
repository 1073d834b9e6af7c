"""Run the long checks and print one table; exit 1 if a check fails."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable

from tests.long.belief import planted, publish, tune
from tests.long.calibrate import calibrate
from tests.long.faults import faults
from tests.long.fuzz import fuzz
from tests.long.rows import rows
from tests.long.statistics import coverage, nulls
from tests.long.studies import Check, facts, rumour, scale

STUDIES = ("facts", "rumour", "scale", "fuzz", "coverage", "nulls")


def main() -> int:
    if sys.argv[1:2] == ["planted"]:
        return planted(sys.argv[2:])
    if sys.argv[1:2] == ["calibrate"]:
        return calibrate(sys.argv[2:])
    if sys.argv[1:2] == ["publish"]:
        return publish(sys.argv[2:])
    if sys.argv[1:2] == ["tune"]:
        return tune(sys.argv[2:])
    if sys.argv[1:2] == ["rows"]:
        return rows(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    parser.add_argument("study", nargs="*", choices=[*STUDIES, "kill", []], help="which (all but kill unless given)")
    parser.add_argument("--quick", action="store_true", help="fewer replications and citizens, for every change")
    options = parser.parse_args()
    chosen = options.study or STUDIES
    quick = options.quick
    made: list[Check] = []
    studies: dict[str, Callable[[], Iterable[Check]]] = {
        "kill": lambda: faults(quick),
        "facts": lambda: facts(40 if quick else 200),
        "rumour": lambda: rumour(40 if quick else 200),
        "scale": lambda: scale((20_000, 100_000), 8) if quick else scale((20_000, 200_000, 2_000_000), 16),
        "fuzz": lambda: fuzz(5_000 if quick else 100_000),
        "coverage": lambda: coverage(1_000 if quick else 10_000),
        "nulls": lambda: nulls(200, 200) if quick else nulls(2_000, 1_000),
    }
    for name in chosen:
        for check in studies[name]():
            print(check, flush=True)
            made.append(check)
    failed = sum(not check.holds for check in made)
    print(f"{len(made) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
