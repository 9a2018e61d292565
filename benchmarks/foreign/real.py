"""Measure maps and structures on parts of real scans that were marked by hand, twice.

python -m benchmarks.foreign.real --marks FOLDER     # marks that are not in the repository, too
python -m benchmarks.foreign.real --learned          # with recipe `learned`, a minute or more each
python -m benchmarks.foreign.real --pictures FOLDER  # and maps beside the scans and the marks
python -m benchmarks.foreign.real --write            # and put the tables into docs/benchmarks.md
"""

import argparse
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks.foreign.by_hand import HERE, Marked, Round, agreement, f1, paired, read_marks
from benchmarks.foreign.families import Family
from benchmarks.foreign.measure import BORDER, Learn, fitted, forest_on, near_borders, product
from benchmarks.foreign.tables import told
from benchmarks.quality.metrics import best_classes, pooled, scores
from benchmarks.quality.report import write_between
from benchmarks.quality.strokes import paint
from benchmarks.speed.parts import ROOT
from napari_stmml import Scan, SurfaceClassifier, find_structures, read_scans
from napari_stmml.features.store import FeatureStore

DATA = ROOT.parent / "shared" / "data"
BEGIN, END = "<!-- real -->\n", "<!-- end of real -->\n"
FOUND_NM = 0.6  # from the middle of an object
STROKES = 5
SESSIONS = {
    "srsml-1_3": "mtrx/default_2011Mar10-162902_STM-STM_Spectroscopy--1_3.Z_mtrx",
    "srsml-22_4": "mtrx/default_2011May27-164015_STM-STM_Spectroscopy--22_4.Z_mtrx",
}
ARRAYS = {  # nm of one unit
    "si001-paddington": ("images/si001-h-paddington-31_1.npy", 1.0),
    "si001-neasden": ("images/si001-h-neasden-9_2.npy", 1.0),
    "tio2": ("images/tio2-m70.npy", 0.1),
}
OF_SPIEPY = {
    "spiepy-defects": "image_with_defects.dat",
    "spiepy-step": "image_with_step_edge.dat",
    "spiepy-step-atoms": "image_with_step_edge_and_atoms.dat",
}
Mode = Callable[[Scan], SurfaceClassifier]
Numbers = dict[str, float]


def scan_named(marked: Marked, data: Path = DATA) -> Scan:
    """Load the image of marks, with the pixel size that the marks state."""
    pixel = (marked.pixel_nm, marked.pixel_nm)
    if marked.image in SESSIONS:
        scans = read_scans(data / SESSIONS[marked.image])
        return next(scan for scan in scans if scan.direction == "forward/up")
    if marked.image in ARRAYS:
        name, unit = ARRAYS[marked.image]
        return Scan(np.load(data / name) * unit, pixel, source=marked.image)
    import spiepy.demo

    loaded = spiepy.demo.load_demo_file(OF_SPIEPY[marked.image])
    return Scan(np.asarray(loaded.data) * 1e9, pixel, source=marked.image)


def of_recipe(name: str) -> Mode:
    """Return what fits a recipe to one scan, as *Predict at once* does, with clusters as `fitted` says."""
    return lambda scan: fitted(Family([scan], [], [], ()), name)


MODES: dict[str, Mode] = {name: of_recipe(name) for name in ("objects", "objects 20", "instant", "learned")}


def by_clusters(labels: np.ndarray, known: Round, n_classes: int) -> Numbers:
    """Give each cluster of a part to its best class; macro-F1 without rim, and near borders with it."""
    inner = np.zeros(labels.shape, bool)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    near = near_borders(known.labels) & ~known.unsure & inner
    kept = known.scored & inner
    n_found = int(labels.max()) + 1
    tables = [
        np.pad(table, ((0, n_found - len(table)), (0, 0)))
        for table in (pooled([labels[at]], [known.labels[at]], n_classes) for at in (kept, near))
    ]
    classes = best_classes(tables[0])
    score, beside = (scores(table, classes) for table in tables)
    numbers = {"F1": score.macro_f1, "boundary": beside.macro_f1}
    return numbers | {f"class {at}": float(value) for at, value in enumerate(score.f1)}


def by_strokes(labels_of: Learn, marked: Marked, known: Round, shape: tuple[int, ...]) -> float:
    """Paint 5 strokes of 7 px a class on a part of a scan; macro-F1 of the part without rim."""
    n_classes = len(marked.classes)
    painted = paint(np.where(known.scored, known.labels, n_classes), STROKES, seed=5000, border=BORDER)
    whole = np.zeros(shape, np.uint8)
    whole[marked.part] = np.where(painted > n_classes, 0, painted)
    said = labels_of(0, whole)[0][marked.part]
    inner = known.scored.copy()
    inner[:BORDER], inner[-BORDER:], inner[:, :BORDER], inner[:, -BORDER:] = False, False, False, False
    table = pooled([said[inner]], [known.labels[inner]], n_classes + 1)
    table = np.pad(table, ((0, n_classes + 1 - len(table)), (0, 0)))
    return scores(table, np.arange(n_classes + 1)).macro_f1


def detection(scan: Scan, marked: Marked) -> list[Numbers]:
    """Find objects on the scan; precision, recall and F1 of those of the part, for each round."""
    table = find_structures(scan, seed=0).table
    places = table[["row", "col"]].to_numpy(float) - [part.start for part in marked.part]
    places = places[((places >= 0) & (places < marked.rounds[0].labels.shape)).all(1)]
    numbers = []
    for known in marked.rounds:
        pairs = paired(places, known.objects, marked.pixel_nm, FOUND_NM, inside=True)
        left = np.delete(places, [one for one, _ in pairs], axis=0).astype(int)
        wrong = int((~known.elsewhere[tuple(left.T)]).sum())
        hit, true = len(pairs), len(known.objects)
        numbers.append(
            {
                "P": hit / (hit + wrong) if hit + wrong else float("nan"),
                "R": hit / true if true else float("nan"),
                "F1": f1(hit, hit + wrong, true),
            }
        )
    return numbers


def measure(marked: Marked, modes: Sequence[str], pictures: Path | None = None) -> dict[str, list[Numbers]]:
    """Measure modes and `find_structures` on an image, for both rounds."""
    scan, store = scan_named(marked), FeatureStore()
    n_classes, shape = len(marked.classes), scan.heights.shape
    found: dict[str, list[Numbers]] = {"find_structures": detection(scan, marked)}
    maps = {}
    for name in modes:
        model = MODES[name](scan)
        maps[name] = model.predict(scan, store=store)[marked.part]
        found[name] = [by_clusters(maps[name], known, n_classes) for known in marked.rounds]
        ways = {} if name == "learned" else {name: _learn(model, scan, store)}
        ways |= {"forest": forest_on(model, [scan])} if name == "instant" else {}
        for way, learn in ways.items():
            found[f"{way}, strokes"] = [
                {"F1": by_strokes(learn, marked, known, shape)} for known in marked.rounds
            ]
    if pictures is not None:
        _draw(marked, scan, maps, pictures / f"{marked.image}.png")
    return found


def _learn(model: SurfaceClassifier, scan: Scan, store: FeatureStore) -> Learn:
    return lambda at, painted: product(model, [scan], at, painted, store)


def _draw(marked: Marked, scan: Scan, maps: dict[str, np.ndarray], path: Path) -> None:
    """Draw the part, the marks of round one, and each map: clusters, and the classes they are given to."""
    from matplotlib.figure import Figure

    from napari_stmml import flatten

    heights = flatten(flatten(scan.heights, "median_of_differences"), "poly_xy")[marked.part]
    known, n_classes = marked.rounds[0], len(marked.classes)
    figure = Figure(figsize=(3 * (2 + 2 * len(maps)), 3.2), layout="constrained")
    panes = iter(figure.subplots(1, 2 + 2 * len(maps)))

    def show(title: str, image: np.ndarray, **how: object) -> None:
        pane = next(panes)
        pane.imshow(image, interpolation="nearest", **how)
        pane.set_title(title, fontsize=9)
        pane.set_axis_off()

    low, high = np.percentile(heights, (1, 99))
    show(marked.image, heights, cmap="gray", vmin=low, vmax=high)
    show("marks, round one", np.ma.array(known.labels, mask=known.unsure), cmap="tab10", vmin=0, vmax=9)
    for name, labels in maps.items():
        table = pooled([labels[known.scored]], [known.labels[known.scored]], n_classes)
        table = np.pad(table, ((0, int(labels.max()) + 1 - len(table)), (0, 0)))
        show(f"{name}, clusters", labels, cmap="tab20", vmin=1, vmax=20)
        show(f"{name}, best classes", best_classes(table)[labels], cmap="tab10", vmin=0, vmax=9)
    figure.savefig(path, dpi=80)


def lines(
    marks: Sequence[Marked], found: dict[str, dict[str, list[Numbers]]], modes: Sequence[str]
) -> Iterator[str]:
    """Yield the tables: agreement of both rounds, then what was measured, the mean over both rounds."""
    agreed = {one.image: agreement(one) for one in marks}
    columns = list(next(iter(agreed.values())))
    yield f"| image | nm/px | objects, both rounds | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 3) + "|"
    for one in marks:
        counts = ", ".join(str(len(known.objects)) for known in one.rounds)
        numbers = " | ".join(told(agreed[one.image][what]) for what in columns)
        yield f"| {one.image} | {one.pixel_nm:.3g} | {counts} | {numbers} |"
    yield ""
    wanted = [(f"{name} {what}", name, what) for name in modes for what in ("F1", "boundary")]
    wanted += [(name, name, "F1") for name in ("objects, strokes", "instant, strokes", "forest, strokes")]
    wanted += [(f"found {what}", "find_structures", what) for what in ("P", "R", "F1")]
    wanted = [one for one in wanted if all(one[1] in numbers for numbers in found.values())]
    yield f"| image | {' | '.join(title for title, _, _ in wanted)} |"
    yield "|---" * (len(wanted) + 1) + "|"
    rows = {
        image: [mean(one[what] for one in numbers[name]) for _, name, what in wanted]
        for image, numbers in found.items()
    }
    for image, row in rows.items():
        yield f"| {image} | {' | '.join(map(told, row))} |"
    means = np.nanmean(list(rows.values()), axis=0)
    yield f"| **mean** | {' | '.join(told(one) for one in means)} |"
    yield ""
    yield from _classes(marks, found, modes)


def _classes(
    marks: Sequence[Marked], found: dict[str, dict[str, list[Numbers]]], modes: Sequence[str]
) -> Iterator[str]:
    """Yield F1 of each class with clusters, the mean over both rounds."""
    yield "| image | recipe | F1 of each class |"
    yield "|---|---|---|"
    for one in marks:
        for name in modes:
            each = [
                f"{title} {told(mean(some[f'class {at}'] for some in found[one.image][name]))}"
                for at, title in enumerate(one.classes)
            ]
            yield f"| {one.image} | {name} | {', '.join(each)} |"


def main() -> None:
    """Measure all marked images and print, or write, the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foreign.real", description=__doc__)
    parser.add_argument("--marks", type=Path, help="a folder with marks of other images, too")
    parser.add_argument("--learned", action="store_true", help="measure recipe `learned`, too")
    parser.add_argument("--only", nargs="*", help="names of images")
    parser.add_argument("--pictures", type=Path, help="a folder for pictures")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    folders = [folder for folder in (options.marks, HERE) if folder]
    paths = {path.name: path for folder in folders for path in sorted(folder.glob("*.json"))}
    marks = [read_marks(path) for path in paths.values()]
    marks = [one for one in marks if not options.only or one.image in options.only]
    modes = [name for name in MODES if options.learned or name != "learned"]
    found = {}
    for one in marks:
        found[one.image] = measure(one, modes, options.pictures)
        print(json.dumps([one.image, found[one.image]]), flush=True)
    said = list(lines(marks, found, modes))
    print("\n".join(said))
    if options.write:
        write_between(ROOT / "docs" / "benchmarks.md", BEGIN, END, said)


if __name__ == "__main__":
    main()
