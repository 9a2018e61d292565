"""Write what was measured as Markdown tables."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.contenders import TITLES
from benchmarks.quality.measure import STROKES
from benchmarks.quality.taught import STROKES as TAUGHT

Results = dict[str, dict[str, Any]]  # contender -> kind -> numbers
BARS = (("instant", 0.85), ("best recipe", 0.90))
EVERY_KIND = 0.80
TAUGHT_BARS = (("same", "the corrected scan", 0.90), ("others", "scans never touched", 0.85))
_BASELINES = ("srsml24-untrained", "raw-pca", "filter-bank", "constant", "random", "instant-one-bias")
BEGIN, END = "<!-- quality -->\n", "<!-- end of quality -->\n"


def tables(results: Results, kinds: Sequence[str]) -> Iterator[str]:
    """Yield the lines of all tables."""
    one_bias = {name: known for name, known in results.items() if name not in _BOTH}
    both = {name: known for name, known in results.items() if name in _BOTH}
    yield from _means(one_bias, kinds)
    yield from ("", "Macro-F1 with 20 clusters, kind by kind:", "")
    yield from _by_kind(one_bias, kinds)
    yield from ("", "The bars:", "")
    yield from bars(one_bias, kinds)
    if any(known_of(known, "taught") for known in one_bias.values()):
        yield from (
            "",
            "Clusters as they were named on the training surfaces, then corrected: macro-F1 after",
            "",
        )
        yield from _taught(one_bias, kinds)
    yield from ("", "A logistic regression on the features alone, strokes a class, macro-F1:", "")
    yield from _strokes({**one_bias, **both}, kinds)
    if both:
        yield from ("", "Surfaces at two biases, with one class more that a single bias cannot tell:", "")
        yield from _means(both, kinds)
        yield ""
        yield from _by_kind(both, kinds)
    for name in ("instant", "learned", "instant-both"):
        if name in results:
            yield from ("", f"`{name}`, F1 of each class with 20 clusters:", "")
            yield from _by_class(results[name], kinds)


_BOTH = ("instant-one-bias", "instant-both")


def title(name: str) -> str:
    """Say what a contender is."""
    return TITLES.get(name, f"`{name}`")


def mean(known: dict[str, Any], kinds: Sequence[str], *path: str) -> float:
    """Average a number over the kinds it was measured on; NaN if there is none."""
    found = []
    for kind in kinds:
        value: Any = known.get(kind, {})
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None and np.isfinite(value):
            found.append(value)
    return float(np.mean(found)) if found else float("nan")


def _row(first: str, values: Sequence[float], digits: int = 2) -> str:
    told = (f"{value:.{digits}f}" if np.isfinite(value) else "–" for value in values)
    return f"| {first} | {' | '.join(told)} |"


def _means(results: Results, kinds: Sequence[str]) -> Iterator[str]:
    heads = ("F1, 20 clusters", "IoU, 20", "F1, 8", "IoU, 8", "F1, 20, named on training surfaces", "AMI, 20")
    yield f"| | {' | '.join(heads)} | two seeds, ARI | s to fit |"
    yield "|---|---|---|---|---|---|---|---|---|"
    paths = (("f1 20",), ("iou 20",), ("f1 8",), ("iou 8",), ("named",), ("ami", "20"), ("seeds",))
    for name, known in results.items():
        values = [mean(known, kinds, *path) for path in paths]
        seconds = mean(known, kinds, "seconds", "fit")
        yield _row(title(name), values)[:-1] + f"| {seconds:.0f} |"


def _by_kind(results: Results, kinds: Sequence[str]) -> Iterator[str]:
    yield f"| | {' | '.join(kinds)} | mean | worst |"
    yield "|---" * (len(kinds) + 3) + "|"
    for name, known in results.items():
        values = [known[kind]["f1 20"] for kind in kinds if kind in known]
        each = [known.get(kind, {}).get("f1 20", float("nan")) for kind in kinds]
        yield _row(title(name), [*each, float(np.mean(values)), min(values)])


def _strokes(results: Results, kinds: Sequence[str]) -> Iterator[str]:
    heads = [f"{n}, {where}" for where in ("same scan", "unseen scans") for n in STROKES]
    yield f"| | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    for name, known in results.items():
        values = [
            mean(known, kinds, "strokes", where, str(n)) for where in ("same", "others") for n in STROKES
        ]
        if np.isfinite(values[0]):
            yield _row(title(name), values)


def known_of(known: dict[str, Any], name: str) -> bool:
    """Whether a number was measured on any kind."""
    return any(numbers.get(name) for numbers in known.values())


def _taught(results: Results, kinds: Sequence[str]) -> Iterator[str]:
    heads = [f"{n or 'no'}, {where}" for where in ("same scan", "unseen scans") for n in (0, *TAUGHT)]
    yield f"| strokes a class | {' | '.join(heads)} | 5, unseen, worst kind |"
    yield "|---" * (len(heads) + 2) + "|"
    for name, known in results.items():
        if known_of(known, "taught"):
            values = [
                mean(known, kinds, "taught", where, str(n))
                for where in ("same", "others")
                for n in (0, *TAUGHT)
            ]
            worst = min(mean(known, [kind], "taught", "others", "5") for kind in kinds if kind in known)
            what = "random forest on 24 filters" if name == "filter-bank" else title(name)
            yield _row(what, [*values, worst])


def _by_class(known: dict[str, Any], kinds: Sequence[str]) -> Iterator[str]:
    yield "| kind | F1 of each class |"
    yield "|---|---|"
    for kind in kinds:
        if kind in known:
            pairs = zip(known[kind]["classes"], known[kind]["by class"], strict=True)
            yield f"| {kind} | {', '.join(f'{one} {value:.2f}' for one, value in pairs)} |"


def bars(results: Results, kinds: Sequence[str]) -> Iterator[str]:
    """Yield a table of what was asked for and what was reached."""
    recipes = {name: known for name, known in results.items() if name not in _BASELINES and known}
    if not recipes:
        return
    best = max(recipes, key=lambda name: mean(recipes[name], kinds, "f1 20"))
    yield "| what | bar | measured | met |"
    yield "|---|---|---|---|"
    for what, bar in BARS:
        name = best if what == "best recipe" else what
        if name in recipes:
            value = mean(recipes[name], kinds, "f1 20")
            said = f"{what}, `{name}`" if name != what else f"`{name}`"
            yield f"| {said}: macro-F1, mean over kinds | >= {bar:.2f} | {value:.3f} | {_met(value >= bar)} |"
    for name in dict.fromkeys(("instant", best)):
        if name in recipes:
            worst = min(kinds, key=lambda kind: recipes[name].get(kind, {}).get("f1 20", np.inf))
            value = recipes[name][worst]["f1 20"]
            yield (
                f"| `{name}`: macro-F1 of the worst kind, {worst} | >= {EVERY_KIND:.2f} | {value:.3f}"
                f" | {_met(value >= EVERY_KIND)} |"
            )
    learnt = {name: known for name, known in recipes.items() if known_of(known, "taught")}
    for where, said, bar in TAUGHT_BARS if learnt else ():
        name = max(learnt, key=lambda name: mean(learnt[name], kinds, "taught", where, "5"))
        value = mean(learnt[name], kinds, "taught", where, "5")
        what = f"`{name}`, 5 strokes a class: macro-F1 on {said}"
        yield f"| {what} | >= {bar:.2f} | {value:.3f} | {_met(value >= bar)} |"


def _met(yes: bool) -> str:
    return "yes" if yes else "no"


def write_between(page: Path, begin: str, end: str, lines: Sequence[str]) -> None:
    """Put lines between two markers of a page.

    Raises
    ------
    ValueError
        If the page lacks a marker.
    """
    text = page.read_text("utf-8")
    if begin not in text or end not in text:
        raise ValueError(f"{page.name} needs the lines {begin.strip()} and {end.strip()}")
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    page.write_text(before + begin + "\n" + "\n".join(lines) + "\n\n" + end + after, "utf-8")
