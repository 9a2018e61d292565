"""Measure how well objects are found and sorted into types, on surfaces whose objects are known.

python -m benchmarks.structures                  # test seeds, all kinds
python -m benchmarks.structures --choose         # the seeds that the finder was made with
python -m benchmarks.structures --write          # and put the table into docs/benchmarks.md
"""

import argparse
import time

import numpy as np
import pandas as pd

from benchmarks.quality.report import write_between
from benchmarks.speed.parts import ROOT
from benchmarks.structures import cost, metrics, pixel_clusters, students
from benchmarks.structures.surfaces import KINDS, Surface, make
from napari_stmml.structures.structures import Structures, find_structures

BEGIN, END = "<!-- structures -->\n", "<!-- end of structures -->\n"
CHOOSE, TEST, SCANS = (0, 1), (100, 101), 2  # first seed of a run of two scans typed together
CORRECTIONS = 3
HELD_OUT = "oxide"


def family(surface: Surface) -> np.ndarray:
    """Return the true type of each object, mirror images as one."""
    names = [name.replace("left ", "").replace("right ", "") for name in surface.types]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names), 1)}
    return np.array([numbers[names[kind - 1]] for kind in surface.objects.type])


def together(surfaces: list[Surface], places: list[np.ndarray]) -> metrics.Matched:
    """Match each scan, and number the finds and the true objects of all of them on."""
    parts = [
        metrics.match(place, one.objects, one.scan.pixel_size[0])
        for one, place in zip(surfaces, places, strict=True)
    ]
    founds = np.cumsum([0] + [part.n_found for part in parts])
    trues = np.cumsum([0] + [part.n_true for part in parts])
    return metrics.Matched(
        np.concatenate([part.found + start for part, start in zip(parts, founds, strict=False)]),
        np.concatenate([part.true + start for part, start in zip(parts, trues, strict=False)]),
        int(founds[-1]),
        int(trues[-1]),
    )


def of_table(found: Structures, number: int) -> np.ndarray:
    """Return row and column of the finds of a scan, (n, 2)."""
    return found.table.loc[found.table.scan == number, ["row", "col"]].to_numpy()


def corrected(found: Structures, truth: np.ndarray, matched: metrics.Matched, seed: int) -> Structures:
    """Correct three objects of each true type, as a person would who names types."""
    types = found.table.type.to_numpy()
    kinds, partners, scores = metrics.pairing(types, truth, matched)
    partner = {kind: one for kind, one, score in zip(kinds, partners, scores, strict=True) if score > 0}
    new, rng, given = len(found.names), np.random.default_rng(seed), {}
    for kind in np.unique(truth):
        if kind not in partner:
            new += 1
            partner[kind] = new
        rows = matched.found[truth[matched.true] == kind]
        for row in rng.permutation(rows)[:CORRECTIONS]:
            given[int(row)] = int(partner[kind])
    return found.learn(given)


def measure(kind: str, is_hard: bool, first: int) -> dict[str, object]:
    """Measure one kind of surface: two scans, and two more that only the corrected types see."""
    surfaces = [make(kind, SCANS * first + i, is_hard) for i in range(SCANS)]
    truth = np.concatenate([family(one) for one in surfaces])
    scans = [one.scan for one in surfaces]
    started = time.perf_counter()
    found = find_structures(scans, seed=0)
    seconds = (time.perf_counter() - started) / SCANS
    matched = together(surfaces, [of_table(found, i) for i in range(SCANS)])
    types = found.table.type.to_numpy()
    known = corrected(found, truth, matched, first)
    unseen = [make(kind, 1000 + SCANS * first + i, is_hard) for i in range(SCANS)]
    again = find_structures([one.scan for one in unseen], like=known)
    later = together(unseen, [of_table(again, i) for i in range(SCANS)])
    student = students.find(scans, len(np.unique(truth)))
    theirs = together(surfaces, [place for place, _ in student])
    student_types = np.concatenate([part for _, part in student])
    later_truth = np.concatenate([family(one) for one in unseen])
    clusters = pixel_clusters.find(scans)
    pieces = together(surfaces, [place for place, _ in clusters])
    piece_types = np.concatenate([part for _, part in clusters])
    return {
        "surface": kind, "": "hard" if is_hard else "easy", "px (nm)": scans[0].pixel_size[0],
        "P": matched.precision, "R": matched.recall, "F1": matched.f1,
        "types F1": metrics.macro_f1(types, truth, matched), "V": metrics.v_measure(types, truth, matched),
        "types": f"{len(found.names)} of {len(np.unique(truth))}",
        "count error": metrics.count_error(types, truth, matched),
        "corrected": metrics.macro_f1(again.table.type.to_numpy(), later_truth, later),
        "student F1": theirs.f1, "student types": metrics.macro_f1(student_types, truth, theirs),
        "student V": metrics.v_measure(student_types, truth, theirs),
        "clusters F1": pieces.f1, "clusters types": metrics.macro_f1(piece_types, truth, pieces),
        "clusters V": metrics.v_measure(piece_types, truth, pieces), "s": seconds,
    }  # fmt: skip


def _markdown(table: pd.DataFrame) -> list[str]:
    cells = [
        [f"{one:.3g}" if isinstance(one, float) else str(one) for one in row] for row in table.to_numpy()
    ]
    return [f"| {' | '.join(row)} |" for row in ([*table], ["---"] * table.shape[1], *cells)]


def main() -> None:
    """Measure all kinds and print, or write, the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.structures", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=", ".join(KINDS))
    parser.add_argument("--choose", action="store_true", help="the seeds that the finder was made with")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    kinds = options.kinds or [kind for kind in KINDS if not (options.choose and kind == HELD_OUT)]
    rows = []
    for is_hard in (False, True):
        for kind in kinds:
            made = pd.DataFrame(
                [measure(kind, is_hard, first) for first in (CHOOSE if options.choose else TEST)]
            )
            numbers = made.select_dtypes("number").mean()
            rows.append(
                {**made.iloc[0].to_dict(), **numbers.round(3).to_dict(), "types": ", ".join(made["types"])}
            )
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    lines = [*_markdown(table), "", *cost.lines()]
    print("\n".join(lines))
    if options.write:
        write_between(ROOT / "docs" / "benchmarks.md", BEGIN, END, lines)


if __name__ == "__main__":
    main()
