"""What was measured, as Markdown tables."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.foreign.measure import STROKES

Results = dict[str, dict[str, Any]]  # surface -> recipe -> numbers
GROUPS = ("easy", "hard", "first generator")
BARS = {5: (0.90, 0.88), 3: (0.88, 0.86)}  # strokes: painted and unseen scan
PEERS, AGREED = 0.1, 0.8
FALL, TURNED = 0.05, 0.02
ANGLES = ("best of 12 lattice angles", "worst of 12 lattice angles")
WHERE = ("painted", "unseen")
_NOT = float("nan")
_CLUSTERS = [
    *(
        (f"`{name}` {what}", name, what)
        for name in ("objects", "instant")
        for what in ("F1", "boundary", "interior")
    ),
    ("`objects` classes", "objects", "classes"),
    ("`objects` two seeds, ARI", "objects", "two seeds, ARI"),
    ("`objects`, 20 clusters, F1", "objects 20", "F1"),
    ("`learned` F1", "learned", "F1"),
    *(
        (f"`{name}` {what}", name, what)
        for what in ("s to fit", "s a scan")
        for name in ("objects", "instant", "learned")
    ),
]
_METHODS = (("`objects`", "objects", ""), ("`instant`", "instant", ""), ("forest", "instant", "forest "))
_STROKES = [
    (f"{title} {n}, {where}", name, f"{begin}{n} {where}")
    for title, name, begin in _METHODS
    for n in STROKES
    for where in WHERE
]


def lines(results: Results, changes: dict[str, dict[str, dict[str, float]]]) -> Iterator[str]:
    """Yield all tables.

    Parameters
    ----------
    results : dict
        By surface, whose name ends with one of `GROUPS`, and recipe: what `measure` returns.
    changes : dict
        By kind: what `invariance` returns.
    """
    yield from (
        "Clusters, each given to its best class, macro-F1; `objects` finds their number, the others have 20:",
        "",
    )
    measured = {name for known in results.values() for name in known}
    yield from _table(results, [column for column in _CLUSTERS if column[1] in measured])
    yield from ("", "Strokes, all classes new, macro-F1 as shown:", "")
    yield from _table(results, _STROKES)
    if changes:
        yield from ("", "`objects` on the same surfaces recorded otherwise, macro-F1 of clusters:", "")
        yield from _changed(changes)
    yield from ("", "| bar | measured | met |", "|---|---|---|")
    yield from bars(results, changes)


def bars(results: Results, changes: dict[str, dict[str, dict[str, float]]]) -> Iterator[str]:
    """Yield what was asked for, and what was reached: the mean over surfaces of a group, and the worst."""
    for n, asked in BARS.items():
        for where, bar in zip(WHERE, asked, strict=True):
            for group in GROUPS:
                values = {
                    one: numbers(results, one, "objects", f"{n} {where}") for one in _of(results, group)
                }
                yield _bar(
                    f"{n} strokes, {where} scan, {group}, mean >= {bar:.2f}",
                    values,
                    lambda x, bar=bar: np.mean(x) >= bar,
                )
    for n in STROKES:
        ahead = {
            f"{one}, {where}": numbers(results, one, "objects", f"{n} {where}")
            - numbers(results, one, "instant", f"forest {n} {where}")
            for one in results
            for where in WHERE
        }
        yield _bar(
            f"{n} strokes, ahead of the forest everywhere by {PEERS}", ahead, lambda x: min(x) >= PEERS
        )
    for group in GROUPS:
        seeds = {one: numbers(results, one, "objects", "two seeds, ARI") for one in _of(results, group)}
        yield _bar(f"two seeds, ARI, {group}, mean >= {AGREED}", seeds, lambda x: np.mean(x) >= AGREED)
    for peer in ("instant", "learned"):
        ahead = {
            one: numbers(results, one, "objects", "F1") - numbers(results, one, peer, "F1") for one in results
        }
        yield _bar(f"clusters, ahead of `{peer}` everywhere", ahead, lambda x: min(x) >= 0)
    for how in ("fitted to such scans", "fitted to plain scans"):
        rise = {
            f"{kind}, {what}": found[what][how] - found["plain"][how]
            for kind, found in changes.items()
            for what in found
            if what != "plain" and what not in ANGLES
        }
        yield _bar(f"recorded otherwise, {how}: falls by at most {FALL}", rise, lambda x: min(x) >= -FALL)
        best, worst = ANGLES
        apart = {
            kind: found[worst][how] - found[best][how] for kind, found in changes.items() if worst in found
        }
        yield _bar(
            f"lattice angles, {how}: worst below best by at most {TURNED}", apart, lambda x: min(x) >= -TURNED
        )


def numbers(results: Results, surface: str, recipe: str, what: str) -> float:
    """Return a number, NaN where it was not measured."""
    return float(results[surface].get(recipe, {}).get(what, _NOT))


def _of(results: Results, group: str) -> list[str]:
    return [one for one in results if one.endswith(group)]


def _bar(what: str, values: dict[str, float], holds: Callable[[list[float]], Any]) -> str:
    known = {name: value for name, value in values.items() if np.isfinite(value)}
    if not known:
        return f"| {what} | not measured | |"
    worst, each = min(known, key=known.__getitem__), list(known.values())
    told = f"mean {np.mean(each):.3f}, worst {known[worst]:.3f} ({worst}), of {len(each)}"
    return f"| {what} | {told} | {'yes' if holds(each) else 'no'} |"


def _table(results: Results, columns: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    yield f"| surface | {' | '.join(title for title, _, _ in columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    rows = {one: [numbers(results, one, recipe, what) for _, recipe, what in columns] for one in results}
    for one, row in rows.items():
        yield _row(one, row)
    for group in GROUPS:
        if names := _of(results, group):
            yield _row(f"**mean, {group}**", list(np.mean([rows[one] for one in names], axis=0)))


def _changed(changes: dict[str, dict[str, dict[str, float]]]) -> Iterator[str]:
    hows = list(next(iter(next(iter(changes.values())).values())))
    yield f"| recorded | {' | '.join(f'{kind}, {how}' for kind in changes for how in hows)} |"
    yield "|---" * (len(hows) * len(changes) + 1) + "|"
    for what in next(iter(changes.values())):
        yield _row(what, [changes[kind][what][how] for kind in changes for how in hows])


def _row(first: str, values: Sequence[float]) -> str:
    return f"| {first} | {' | '.join(told(one) for one in values)} |"


def told(value: float) -> str:
    """Write a number as the tables do; a dash where there is none."""
    if not np.isfinite(value):
        return "–"
    return f"{value:.3f}" if value <= 1 else f"{value:.1f}"
