"""The parts of the speed benchmark: what each runs, and the lines of the tables that come of it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_stmml.recipe import DEFAULT

ROOT = Path(__file__).resolve().parents[2]
Found = dict[str, Any]


@dataclass(frozen=True)
class Lab:
    """A folder for what is made beforehand, and how large everything is: small sizes only try the code."""

    folder: Path
    small: bool = False
    _made: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def size(self, real: int, small: int) -> int:
        """Return the size to measure."""
        return small if self.small else real

    def run(self, task: str, **how: Any) -> Found:
        """Run a task in a process of its own; ``wall`` is all its seconds."""
        started = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.speed.tasks", task, json.dumps(how)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"{task} {how} failed:\n{ended.stderr[-3000:]}")
        return json.loads(ended.stdout) | {"wall": time.perf_counter() - started}

    def make(self, name: str, what: str, **how: Any) -> str:
        """Make a scene once; return where it is."""
        if name not in self._made:
            path = str(self.folder / name)
            self._made[name] = self.run("prepare", what=what, path=path, **how).get("file", path)
        return self._made[name]

    def model(self, recipe: str) -> str:
        """Make a model of a recipe once."""
        return self.make(f"{recipe}.stmml", "model", recipe=recipe)


def engines(lab: Lab) -> Found:
    """Measure the dense engine against the windowed one."""
    px, share = lab.size(750, 150), lab.size(6, 2)
    densely = lab.run("engine", model=lab.model("srsml24-dense"), px=px, share=1)
    windowed = lab.run("engine", model=lab.model("srsml24"), px=px, share=share)
    return {"px": px, "share": share, "dense": densely, "windowed": windowed}


def files(lab: Lab) -> Found:
    """Measure from a MATRIX file to a map."""
    px = lab.size(750, 150)
    file = lab.make("one", "file", px=px)
    found = {
        recipe: lab.run("file_to_map", model=lab.model(recipe), file=file)
        for recipe in ("objects", "instant", "learned", "srsml24-dense")
    }
    return {"px": px, "recipes": found}


def large(lab: Lab) -> Found:
    """Measure maps of 8192 px against maps of 1024."""
    sides = lab.size(1024, 256), lab.size(8192, 512)
    found = {}
    cells = (("instant", None), ("objects", None), ("learned", None))
    for recipe, pitch in (*cells, ("srsml24-dense", 8), ("srsml24-dense", 2)):
        rows = []
        for side, times in zip(sides, (3, 1), strict=True):
            heights = lab.make(f"{side}.npy", "heights", px=side)
            rows.append(
                lab.run("label_size", model=lab.model(recipe), heights=heights, pitch=pitch, times=times)
            )
        found[recipe if pitch is None else f"{recipe}, pitch {pitch}"] = rows
    return {"sides": sides, "recipes": found}


def training(lab: Lab) -> Found:
    """Count windows a second in training."""
    less = {"sampled_windows": 640, "epochs": 1} if lab.small else {}
    return {
        "learned": lab.run("train_rate", recipe="learned", scans=lab.size(6, 2), changes=less),
        "srsml24": lab.run("train_rate", recipe="srsml24", scans=lab.size(3, 1), changes={"epochs": 1}),
    }


def folder(lab: Lab) -> Found:
    """Send a folder of many scans through `stmml predict`."""
    count, px = lab.size(50, 3), lab.size(400, 128)
    where = lab.make("many", "files", files=count, px=px)
    out = str(lab.folder / "predicted")
    found = lab.run("predict_folder", model=lab.model(DEFAULT), folder=where, out=out)
    return {"px": px, "scans": 4 * count, "recipe": DEFAULT, **found}


def click(lab: Lab) -> Found:
    """Measure from the click to the map of a fresh scan."""
    sides, times = (lab.size(512, 128), lab.size(1024, 256)), lab.size(5, 2)
    how = {"recipe": "instant", "density": 15.0}
    survey = {"recipe": DEFAULT, "density": 5.12, "px": sides[0]}
    return {
        "sides": sides,
        "warm": {str(px): lab.run("click_to_map", px=px, times=times, warm=True, **how) for px in sides},
        "cold": lab.run("click_to_map", px=sides[0], times=1, warm=False, **how),
        "survey": lab.run("click_to_map", times=times, warm=True, **survey),
        "survey, cold": lab.run("click_to_map", times=1, warm=False, **survey),
    }


def profile(lab: Lab) -> Found:
    """Say where the time goes, and what the arithmetic allows."""
    px = lab.size(1024, 256)
    model = lab.model("srsml24-dense")
    return {
        "px": px,
        "instant": lab.run("profile_instant", px=px),
        "map": lab.size(750, 150),
        "dense": lab.run("profile_dense", model=model, px=lab.size(750, 150), pitch=2),
        "windows": lab.run("profile_windows", model=lab.model("srsml24")),
    }


def survey(lab: Lab) -> Found:
    """Say where the processor time of a survey scan goes."""
    px = lab.size(512, 128)
    return {"px": px, "steps": lab.run("profile_survey", px=px)}


PARTS: dict[str, Callable[[Lab], Found]] = {
    part.__name__: part for part in (engines, files, large, training, folder, click, profile, survey)
}


def bars(known: dict[str, Found]) -> Iterator[str]:
    """Yield the table of what was asked for, as far as it was measured."""
    yield "| what | bar | measured | met |"
    yield "|---|---|---|---|"
    for what, bar, measured, met in _bars(known):
        yield f"| {what} | {bar} | {measured} | {'yes' if met else 'no'} |"


def _bars(known: dict[str, Found]) -> Iterator[tuple[str, str, str, bool]]:
    if found := known.get("engines"):
        ratio = _windowed_seconds(found) / found["dense"]["seconds"]
        px = found["px"]
        what = f"{px} x {px} px, pitch 2: dense against windowed engine, same network"
        yield what, ">= 25 x", f"{ratio:.0f} x", ratio >= 25
    if found := known.get("files"):
        px = found["px"]
        for recipe, most in (("objects", 0.2), ("instant", 0.2), ("learned", 1)):
            if own := found["recipes"].get(recipe):
                what = f"MATRIX file to map, {px} x {px} px, `{recipe}`, model loaded"
                yield what, f"<= {most} s", f"{own['later']:.2f} s", own["later"] <= most
        for recipe, one in found["recipes"].items():
            yield f"the same, first time, `{recipe}`", "<= 10 s", f"{one['wall']:.1f} s", one["wall"] <= 10
        for recipe, one in found["recipes"].items():
            most = 500 if recipe == "instant" else 1200
            yield (
                f"peak memory of that, `{recipe}`",
                f"<= {most / 1000:g} GB",
                f"{one['peak'] / 1000:.2f} GB",
                one["peak"] <= most,
            )
    if found := known.get("large"):
        for recipe, (small, big) in found["recipes"].items():
            px = found["sides"][1]
            more = 100 * (_each(big) / _each(small) - 1)
            what = f"{px} x {px} px, `{recipe.replace(', ', '`, ')}{'' if ',' in recipe else '`'}"
            memory, slower = (2, 10) if recipe == "instant" else (4, 25)
            told = f"{big['peak'] / 1000:.1f} GB"
            yield f"{what}: memory", f"<= {memory} GB", told, big["peak"] <= 1000 * memory
            than = f"{what}: time per pixel against {found['sides'][0]} px"
            yield than, f"<= +{slower} %", f"{more:+.0f} %", more <= slower
    if found := known.get("training"):
        ratio = found["learned"]["rate"] / found["srsml24"]["rate"]
        what = "training, windows per second, `learned` against `srsml24`"
        yield what, ">= 10 x", f"{ratio:.1f} x", ratio >= 10
    if found := known.get("folder"):
        share = 100 * found["cpu"] / found["wall"] / 2
        what = f"{found['scans']} scans, `stmml predict` on a folder"
        yield f"{what}: two cores busy", ">= 90 %", f"{share:.0f} %", share >= 90
        told = f"{found['loaded']:g} x in each of {found['processes']}"
        yield f"{what}: model read", "once a process", told, found["loaded"] == 1
    if found := known.get("click"):
        for px, most in zip(found["sides"], (1, 3), strict=True):
            taken = found["warm"][str(px)]["median"]
            what = f"`instant`, click to map of a fresh {px} x {px} scan"
            yield what, f"<= {most} s", f"{taken:.2f} s", taken <= most
        for name, most in (("survey", 1), ("survey, cold", 3)):
            if own := found.get(name):
                what = f"`{DEFAULT}`, click to map, 512 px of 100 nm{name.removeprefix('survey')}"
                yield what, f"<= {most} s", f"{own['median']:.2f} s", own["median"] <= most


def _each(found: Found) -> float:
    return found["seconds"] / found["pixels"]


def _windowed_seconds(found: Found) -> float:
    return found["windowed"]["seconds"] * found["dense"]["windows"] / found["windowed"]["windows"]


def details(known: dict[str, Found]) -> Iterator[str]:
    """Yield what stands behind the bars."""
    for name, lines in _DETAILS.items():
        if name in known:
            yield from ("", *lines(known[name]))


def _of_engines(found: Found) -> Iterator[str]:
    yield f"Engines, {found['px']} x {found['px']} px at pitch 2, {found['dense']['windows']} windows:"
    yield from ("", "| engine | s | windows/s | peak MB |", "|---|---|---|---|")
    windowed = _windowed_seconds(found)
    part = f"windowed (measured on 1/{found['share']} of the windows)"
    for name, taken, one in (("dense", found["dense"]["seconds"], "dense"), (part, windowed, "windowed")):
        rate = found["dense"]["windows"] / taken
        yield f"| {name} | {taken:.2f} | {rate:,.0f} | {found[one]['peak']:.0f} |"


def _of_files(found: Found) -> Iterator[str]:
    yield f"From a MATRIX file of {found['px']} x {found['px']} px, four directions, to the map of one:"
    yield from ("", "| recipe | model loaded, s | fresh process, imports included, s | peak MB |")
    yield "|---|---|---|---|"
    for recipe, one in found["recipes"].items():
        yield f"| `{recipe}` | {one['later']:.2f} | {one['wall']:.1f} | {one['peak']:.0f} |"


def _of_large(found: Found) -> Iterator[str]:
    small, big = found["sides"]
    yield f"Large maps, preparing included, {small} and {big} px a side:"
    yield from ("", f"| recipe | {small}: s | {big}: s | {small}: ns/px | {big}: ns/px | {big}: peak MB |")
    yield "|---|---|---|---|---|---|"
    for recipe, (one, other) in found["recipes"].items():
        yield (
            f"| {recipe} | {one['seconds']:.2f} | {other['seconds']:.1f} | {1e9 * _each(one):.0f}"
            f" | {1e9 * _each(other):.0f} | {other['peak']:.0f} |"
        )


def _of_training(found: Found) -> Iterator[str]:
    yield from ("Training:", "", "| recipe | windows/s | all of training, s | peak MB |", "|---|---|---|---|")
    for recipe in ("learned", "srsml24"):
        one = found[recipe]
        told = f"{one['seconds']:.0f}" if recipe == "learned" else "one epoch alone was measured"
        yield f"| `{recipe}` | {one['rate']:,.0f} | {told} | {one['peak']:.0f} |"


def _of_folder(found: Found) -> Iterator[str]:
    each = found["wall"] / found["maps"]
    yield (
        f"A folder of {found['scans']} scans of {found['px']} x {found['px']} px, `{found['recipe']}`, label"
        f" maps and pictures: {found['maps']} maps in {found['wall']:.1f} s, {each:.2f} s each,"
        f" {found['cpu']:.0f} s of processor time, {found['peak']:.0f} MB at most in a process."
    )


def _of_click(found: Found) -> Iterator[str]:
    each = (
        f"{px} px: {', '.join(f'{taken:.2f}' for taken in one['each'])}" for px, one in found["warm"].items()
    )
    cold = (
        f"{found['cold']['median']:.1f} s where the panel was opened at that moment, {found['sides'][0]} px."
    )
    yield f"Click to map, s, each time another scan: {'; '.join(each)}; {cold}"


def _of_profile(found: Found) -> Iterator[str]:
    px, own = found["px"], {name: value for name, value in found["instant"].items() if name != "wall"}
    yield from (f"Where the time goes, `instant`, {px} x {px} px:", "", "| step | ms |", "|---|---|")
    for name, value in own.items():
        yield f"| {name} | {1000 * value:.0f} |"
    one, windows = found["dense"], found["windows"]
    work = one["encode gflop"] + one["distances gflop"]
    rates = (
        one["encode gflop"] / one["encode"],
        work / one["label"],
        windows["rate"] * windows["mflop"] / 1000,
    )
    shares = [f"{rate:.0f} GFLOP/s, {100 * rate / one['peak gflops']:.0f} %" for rate in rates]
    yield from ("", f"The network on {found['map']} x {found['map']} px at pitch 2, against a product of")
    yield f"matrices in float32 ({one['peak gflops']:.0f} GFLOP/s):"
    yield from ("", "| step | GFLOP | s | reached, of the peak |", "|---|---|---|---|")
    yield f"| dense, encode | {one['encode gflop']:.0f} | {one['encode']:.2f} | {shares[0]} |"
    yield f"| dense, encode and distances to 20 centres | {work:.0f} | {one['label']:.2f} | {shares[1]} |"
    told = f"{windows['mflop']:.0f} MFLOP a window, {windows['rate']:,.0f} windows/s"
    yield f"| windows, encode | {told} | | {shares[2]} |"


def _of_survey(found: Found) -> Iterator[str]:
    px = found["px"]
    yield f"Where the time of a survey scan goes, `{DEFAULT}`, {px} x {px} px at 5.12 px/nm, processor time:"
    yield from ("", "| step | ms |", "|---|---|")
    for name, taken in found["steps"].items():
        if name != "wall":
            yield f"| {name} | {1000 * taken:.0f} |"


_DETAILS: dict[str, Callable[[Found], Iterator[str]]] = {
    "engines": _of_engines,
    "files": _of_files,
    "large": _of_large,
    "training": _of_training,
    "folder": _of_folder,
    "click": _of_click,
    "profile": _of_profile,
    "survey": _of_survey,
}
