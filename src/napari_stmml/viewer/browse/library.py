"""What a folder of scans holds: files, what they say of themselves, what became of them; no Qt, no napari."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_stmml.io.formats import files_of, read_outlines
from napari_stmml.io.outline import Outline
from napari_stmml.scan import SHORT, ScanFileError
from napari_stmml.text import number
from napari_stmml.viewer.browse.outcomes import Outcome, Outcomes

ORDERS = ("as taken", "newest first", "bias", "size", "state")
FIRST, AT_A_TIME = 40, 250  # scans that are listed at a time: at first, and then
WAIT_S, STEP_S = (
    0.2,
    0.01,
)  # after a file, while thumbnails are made: at most so long, and until one looks again
_FIELDS = "bias|size|date|setpoint|rows"
_COMPARED = re.compile(rf"({_FIELDS})(<=|>=|<|>|=)(\S+)")


@dataclass(frozen=True, eq=False)
class Item:
    """One file of scans.

    Parameters
    ----------
    file : Path
    number : int
        Its place among all, as they were taken.
    outlines : tuple of Outline
        One for each direction; empty as long as the file was not read.
    problem : str
        Why it gives no scan, in a sentence.
    outcomes : dict of str to Outcome
        What became of each direction, FU, ...
    """

    file: Path
    number: int
    outlines: tuple[Outline, ...] = ()
    problem: str = ""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict, init=False, repr=False)  # for filters, by direction

    def outline(self, direction: str) -> Outline | None:
        """Return the scan of a direction, or else the first; None as long as the file was not read."""
        for one in self.outlines:
            if one.scan.direction == direction:
                return one
        return self.outlines[0] if self.outlines else None

    def outcome(self, direction: str) -> Outcome:
        """Return what became of the scan of a direction."""
        one = self.outline(direction)
        short = SHORT.get(direction, "") if one is None else one.scan.short_direction
        return self.outcomes.get(short) or self.outcomes.get("") or Outcome()

    def lines(self, direction: str) -> tuple[str, str, str]:
        """Return what stands below its picture: number and direction, bias and size, date."""
        one = self.outline(direction)
        if one is None:
            return _short(self.file.stem), self.problem.partition(":")[0], ""
        scan = one.scan
        words = ["" if scan.bias is None else f"{number(scan.bias, 3)} V", _size(one)]
        taken = "" if scan.taken is None else f"{scan.taken:%Y-%m-%d %H:%M}"
        name = f"{_short(scan.stem)} {scan.short_direction}"
        return name.strip(), " · ".join(word for word in words if word), taken

    def about(self, direction: str) -> str:
        """Return all there is to say in a few lines."""
        one, outcome = self.outline(direction), self.outcome(direction)
        if one is None:
            return "\n".join(part for part in (self.file.name, self.problem) if part)
        scan = one.scan
        rows, cols = scan.heights.shape
        partial = "" if one.complete else f", {one.scanned_rows} of {rows} lines scanned"
        current = "" if scan.setpoint is None else f", {number(1000 * scan.setpoint, 3)} pA"
        parts = [
            f"{scan.name}{current}",
            f"{_size(one)}, {cols} x {rows} px{partial}",
            "" if scan.taken is None else f"{scan.taken:%Y-%m-%d %H:%M} UTC",
            *outcome.sentences,
            str(self.file.parent),
        ]
        return "\n".join(part for part in parts if part)

    def text(self, direction: str) -> str:
        """Return all that a filter looks at, in lower case."""
        if direction not in self._texts:
            one, outcome = self.outline(direction), self.outcome(direction)
            words = [str(self.file), *self.lines(direction), *outcome.words]
            if one is not None:
                words += [one.scan.direction, "complete" if one.complete else "partial"]
            else:
                words += ["unreadable"] if self.problem else []
            self._texts[direction] = " ".join(words).lower()
        return self._texts[direction]

    def value(self, name: str, direction: str) -> float | str | None:
        """Return what a comparison in a filter takes: a number, or a date; None where it is not known."""
        one = self.outline(direction)
        if one is None:
            return None
        scan = one.scan
        match name:
            case "bias":
                return scan.bias
            case "size":
                return None if scan.size_nm is None else max(scan.size_nm)
            case "date":
                return None if scan.taken is None else scan.taken.isoformat(" ")
            case "setpoint":
                return None if scan.setpoint is None else 1000 * scan.setpoint
        return scan.heights.shape[0]


class Filter:
    """Words that all have to be there, ``-word`` for one that must not, and comparisons such as ``bias<0``.

    Parameters
    ----------
    words : str
        ``size`` is the longer side in nm, ``setpoint`` in pA, ``date`` the beginning of ``2024-01-31 12:00``.

    Raises
    ------
    ValueError
        If a number is none.

    Examples
    --------
    >>> Filter("bias<=-1.5 -partial si001").compared
    [('bias', '<=', -1.5)]
    """

    def __init__(self, words: str) -> None:
        self.words: list[str] = []
        self.without: list[str] = []
        self.compared: list[tuple[str, str, float | str]] = []
        for word in words.lower().split():
            if found := _COMPARED.fullmatch(word):
                name, sign, value = found.groups()
                self.compared.append((name, sign, value if name == "date" else _number(word, value)))
            elif len(word) > 1 and word[0] == "-" and not word[1].isdigit():
                self.without.append(word[1:])
            else:
                self.words.append(word)

    def __bool__(self) -> bool:
        return bool(self.words or self.without or self.compared)

    def takes(self, item: Item, direction: str) -> bool:
        """Say whether an item passes.

        Parameters
        ----------
        item : Item
        direction : str
            Whose scan is looked at.

        Returns
        -------
        bool
        """
        text = item.text(direction) if self.words or self.without else ""
        if not all(word in text for word in self.words) or any(word in text for word in self.without):
            return False
        return all(_holds(item.value(name, direction), sign, to) for name, sign, to in self.compared)


def list_files(paths: Iterable[str | Path]) -> list[Item]:
    """List the files that folders, sessions and files stand for, without reading any of them.

    Parameters
    ----------
    paths : iterable of str or Path

    Returns
    -------
    list of Item
        As they were taken; what stands for no scan has its reason.
    """
    return [Item(file, number, problem=why) for number, (file, why) in enumerate(files_of(paths))]


def read_item(item: Item) -> Item:
    """Read what a file says of itself; no heights.

    Parameters
    ----------
    item : Item

    Returns
    -------
    Item
        With its outlines, or with the reason why there are none.
    """
    if item.problem:
        return item
    try:
        return replace(item, outlines=tuple(read_outlines(item.file)))
    except ScanFileError as error:
        return replace(item, problem=str(error))


def arranged(items: Sequence[Item], words: str, order: str, direction: str) -> list[int]:
    """Return which items pass a filter, in an order.

    Parameters
    ----------
    items : sequence of Item
    words : str
        As of `Filter`.
    order : str
        One of `ORDERS`.
    direction : str

    Returns
    -------
    list of int
        Indices; of equal ones the one that was taken first comes first.
    """
    wanted = Filter(words)
    chosen = [at for at, one in enumerate(items) if not wanted or wanted.takes(one, direction)]
    if order == "newest first":
        dates = [one.value("date", direction) or "" for one in items]
        return sorted(chosen, key=lambda at: (dates[at], at), reverse=True)
    if order == "state":
        return sorted(chosen, key=lambda at: (items[at].outcome(direction).rank, at))
    if order in ("bias", "size"):
        values = [one.value(order, direction) for one in items]
        return sorted(chosen, key=lambda at: (values[at] is None, values[at] or 0.0, at))
    return chosen


def _holds(value: float | str | None, sign: str, to: float | str) -> bool:
    if value is None:
        return False
    if isinstance(value, str):  # a date as precise as what it is compared with
        value, to = value[: len(str(to))], str(to)
        below, equal = value < to, value == to
    else:
        equal = abs(value - float(to)) <= 1e-6 * max(1.0, abs(float(to)))
        below = value < float(to) and not equal
    if sign == "=":
        return equal
    return (below if sign[0] == "<" else not below and not equal) or (equal and sign[1:] == "=")


def _number(word: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{word}: {value} is no number, as in bias<-1.5 or size>=20") from None


def _short(stem: str) -> str:
    return stem.rpartition("--")[2]


def _size(one: Outline) -> str:
    if one.scan.size_nm is None:
        return ""
    tall, wide = (number(side, 3) for side in one.scan.size_nm)
    return f"{wide} nm" if tall == wide else f"{wide} x {tall} nm"


def look_through(
    paths: Sequence[str | Path], results: Sequence[str | Path], wait: Callable[[], bool]
) -> Iterator[list[Item]]:
    """List the scans of folders, and then read what they say, some at a time.

    Parameters
    ----------
    paths : sequence of str or Path
        Folders, sessions and files.
    results : sequence of str or Path
        Further folders where label maps and truths are looked for.
    wait : callable
        Says whether something else needs the processor now: thumbnails that a person waits for.

    Yields
    ------
    list of Item
        All, as they were taken; then those of which more is known.
    """
    items = list_files(paths)
    yield items
    folders = [path if Path(path).is_dir() else Path(path).parent for path in paths]
    outcomes = Outcomes(dict.fromkeys([*folders, *results]))
    some: list[Item] = []
    for item in items:
        some.append(read_item(replace(item, outcomes=outcomes.of(item.file))))
        if item.number >= FIRST:
            until = time.monotonic() + WAIT_S if wait() else 0.0
            while wait() and time.monotonic() < until:
                time.sleep(STEP_S)
        if len(some) >= AT_A_TIME or item.number + 1 in (FIRST, len(items)):
            yield some
            some = []
