"""Measure maps on surfaces that the recipes were not tuned on.

python -m benchmarks.foreign                  # test seeds
python -m benchmarks.foreign --choose         # the seeds that recipe `objects` was chosen on
python -m benchmarks.foreign --write          # and put the tables into docs/benchmarks.md
python -m benchmarks.foreign --learned        # with recipe `learned` on easy surfaces, a minute or more each
"""

import argparse
import json
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from benchmarks.foreign.families import CHOOSE, TEST, Seeds, foreign_family, quality_family
from benchmarks.foreign.measure import invariance, measure, over_angles
from benchmarks.foreign.tables import GROUPS, lines
from benchmarks.quality.report import write_between
from benchmarks.quality.surfaces import KINDS as OF_QUALITY
from benchmarks.speed.parts import ROOT
from benchmarks.structures.surfaces import KINDS

BEGIN, END = "<!-- foreign -->\n", "<!-- end of foreign -->\n"
HELD_OUT = "oxide"
CHANGED = ("rows", "metal")  # kinds that are recorded otherwise
AT_ONCE = 2  # processes
Task = tuple[str, str, tuple[str, ...]]  # kind, group, recipes; group "" is recorded otherwise


def tasks(kinds: list[str], learned: bool) -> list[Task]:
    """List what is measured, the longest first, and the network, if asked for, last."""
    both = ("objects", "objects 20", "instant")
    first = [(kind, "hard", both) for kind in kinds] + [(kind, "easy", both) for kind in kinds]
    second = [(kind, GROUPS[-1], both) for kind in OF_QUALITY]
    third: list[Task] = [(kind, "", ()) for kind in CHANGED if kind in kinds]
    network: list[Task] = [(kind, "easy", ("learned",)) for kind in kinds if learned]
    return [*first, *second, *third, *network]


def done(task: Task, seeds: Seeds) -> dict[str, Any]:
    """Do a task in a process of its own."""
    warnings.simplefilter("ignore")
    kind, group, recipes = task
    if not group:
        return invariance(kind, seeds) | over_angles(kind, seeds)
    of_quality = group == GROUPS[-1]
    family = quality_family(kind, seeds) if of_quality else foreign_family(kind, group == "hard", seeds)
    return {name: measure(family, name) for name in recipes}


def gathered(found: dict[Task, dict[str, Any]], wanted: list[Task]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort what was measured: by surface and recipe, and by kind recorded otherwise."""
    results: dict[str, Any] = {}
    order = sorted((task for task in wanted if task[1]), key=lambda task: GROUPS.index(task[1]))
    for task in order:
        results.setdefault(f"{task[0]}, {task[1]}", {}).update(found[task])
    return results, {task[0]: found[task] for task in wanted if not task[1]}


def main() -> None:
    """Measure everything and print, or write, the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foreign", description=__doc__)
    parser.add_argument("--choose", action="store_true", help="the seeds that the recipe was chosen on")
    parser.add_argument(
        "--learned", action="store_true", help="measure recipe `learned`, too, on easy surfaces"
    )
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    seeds = CHOOSE if options.choose else TEST
    kinds = [kind for kind in KINDS if not (options.choose and kind == HELD_OUT)]
    wanted = tasks(kinds, options.learned)
    found = {}
    with ProcessPoolExecutor(AT_ONCE) as pool:
        waiting = {pool.submit(done, task, seeds): task for task in wanted}
        for one in as_completed(waiting):
            found[waiting[one]] = one.result()
            print(json.dumps([waiting[one], one.result()]), flush=True)
    told = list(lines(*gathered(found, wanted)))
    print("\n".join(told))
    if options.write:
        write_between(ROOT / "docs" / "benchmarks.md", BEGIN, END, told)


if __name__ == "__main__":
    main()
