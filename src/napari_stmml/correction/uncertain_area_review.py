"""Review: leads a person through the areas that the model is least certain of, and counts the answers."""

from dataclasses import dataclass

import numpy as np

from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.correction.session import CorrectionSession
from napari_stmml.events import UncertainArea, UncertainFound
from napari_stmml.scan import Scan
from napari_stmml.truth.uncertain_areas import ACROSS, UNCERTAIN, cells_of_area, uncertain_areas


@dataclass(frozen=True)
class AreaToOpen:
    """An area on a scan that is not open; ``found`` says which scan that is."""

    found: UncertainFound
    area: UncertainArea

    def is_on(self, scan: Scan) -> bool:
        """Say whether a scan is the one that it lies on.

        Parameters
        ----------
        scan : Scan

        Returns
        -------
        bool
            Whether file, channel and direction are the same.
        """
        own = (scan.source, scan.channel, scan.direction)
        return own == (self.found.source, self.found.channel, self.found.direction)


class Review:
    """Asks about one uncertain area after the other; a class or a stroke on it is an answer."""

    def __init__(self, session: CorrectionSession) -> None:
        self.session = session
        self.asked: tuple[CorrectedScan, UncertainArea] | None = None
        self.pixels = np.zeros((0, 0), bool)  # of the area that is asked about, (rows, cols) of its scan
        self.answered = self.skipped = 0
        self.to_open: list[AreaToOpen] = []
        self.began: float | None = None  # ``uncertain_share`` when the review began
        self._seen: list[tuple[object, int, int]] = []  # key of the scan and cell of each area

    def next(self) -> AreaToOpen | None:
        """Ask about the next area; the one before, if nobody has answered, counts as skipped.

        Returns
        -------
        AreaToOpen or None
            An area that comes first, but whose scan must be opened: then ``ask`` asks about it.
        """
        self.skipped += self.asked is not None
        self.asked = None
        areas = self._areas()
        if self.began is None and self.session.scans:
            self.began = self.uncertain_share
        first = max(self.to_open, key=lambda one: one.area.weight, default=None)
        if first is not None and (not areas or first.area.weight > areas[0][1].weight):
            self.to_open.remove(first)
            return first
        if areas:
            self.ask(*areas[0])
        return None

    def ask(self, one: CorrectedScan, area: UncertainArea) -> None:
        """Ask about an area of an open scan.

        Parameters
        ----------
        one : CorrectedScan
        area : UncertainArea
            On the cells of that scan.
        """
        self._seen.append((one.key, area.row, area.col))
        self.asked = one, area
        self.pixels = one.to_pixels(cells_of_area(one.answers(), area).astype(np.uint8)) > 0

    def answer(self, label: int) -> bool:
        """Paint the area that is asked about with a class; say whether there was one.

        Parameters
        ----------
        label : int
            Of the class.

        Returns
        -------
        bool
            False where no area is asked about; then nothing is painted.
        """
        if self.asked is None:
            return False
        one, self.asked = self.asked[0], None
        self.answered += 1
        self.session.paint(one, self.pixels, label)
        return True

    def take_stroke(self, one: CorrectedScan) -> bool:
        """Take a stroke on the area that is asked about for an answer; say whether it was one.

        Parameters
        ----------
        one : CorrectedScan
            That was painted on just now.

        Returns
        -------
        bool
            True where the area that is asked about lies on this scan and any of its pixels is painted.
        """
        if self.asked is None or self.asked[0] is not one or not (one.truth[self.pixels] > 0).any():
            return False
        self.asked = None
        self.answered += 1
        return True

    def renew(self) -> None:
        """Begin anew where other scans are open."""
        scans = self.session.scans
        self.to_open = [far for far in self.to_open if not any(far.is_on(one.scan) for one in scans)]
        if self.asked is not None and self.asked[0] in scans:
            return
        self.asked = self.began = None
        if not scans:
            self._seen.clear()
            self.answered = self.skipped = 0

    @property
    def uncertain_share(self) -> float:
        """Share of the labelled cells of all open scans that are uncertain, 0 to 1."""
        answers = [one.answers() for one in self.session.scans]
        uncertain = sum(int((one.confidence[one.open] < UNCERTAIN).sum()) for one in answers)
        return uncertain / max(sum(int(one.labelled.sum()) for one in answers), 1)

    def _areas(self) -> list[tuple[CorrectedScan, UncertainArea]]:
        scans = list(self.session.scans)
        found = uncertain_areas([one.answers() for one in scans])
        areas = [(scans[area.scan], area) for area in found]
        return [(one, area) for one, area in areas if not self._was_seen(one, area)]

    def _was_seen(self, one: CorrectedScan, area: UncertainArea) -> bool:
        """Say whether an area was asked about, or one beside it: areas move a little when a model learns."""
        return any(
            key == one.key and max(abs(row - area.row), abs(col - area.col)) <= ACROSS // 2
            for key, row, col in self._seen
        )
