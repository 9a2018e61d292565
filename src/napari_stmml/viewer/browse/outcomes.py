"""What became of scans: labelled, corrected by a person, left out by a job; told by the names of files."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from napari_stmml.batch.report import NOT_YET
from napari_stmml.io.folder_search import files_below
from napari_stmml.io.names import folded
from napari_stmml.io.tables import read_table
from napari_stmml.scan import SHORT
from napari_stmml.system.user_folder import truth_folder
from napari_stmml.text import short_stem
from napari_stmml.truth.truth_paths import ENDING, earlier_truth_folders

_WAYS = "|".join(SHORT.values())
_LABELS = re.compile(rf"(.+?)(?:_({_WAYS}))?_labels\.tif")
_TRUTH = re.compile(rf"(.+?)(?:_({_WAYS}))?(?:_[0-9a-f]{{12}})?(?:_\d+x\d+)?{re.escape(ENDING)}")
_INGEST = "ingest.csv"  # in the folder `report` of a job: what it took, and what it left out


@dataclass(frozen=True)
class Outcome:
    """What became of one direction of a scan.

    Parameters
    ----------
    labels : str
        Path of its label map; empty where there is none.
    corrected : bool
        Whether a person has painted on it.
    left_out : str
        Why a job has left it out; empty where none has.
    """

    labels: str = ""
    corrected: bool = False
    left_out: str = ""

    @property
    def words(self) -> list[str]:
        """What a filter finds it by."""
        left_out = ["left out", self.left_out] if self.left_out else []
        return ["predicted"] * bool(self.labels) + ["corrected"] * self.corrected + left_out

    @property
    def sentences(self) -> list[str]:
        """What a person reads."""
        said = ["predicted"] * bool(self.labels) + ["corrected by a person"] * self.corrected
        return said + ([f"left out: {self.left_out}"] if self.left_out else [])

    @property
    def rank(self) -> int:
        """Its place in an order: corrected, predicted, left out, nothing yet."""
        return 0 if self.corrected else 1 if self.labels else 2 if self.left_out else 3


class Outcomes:
    """What became of scans, by the stem of their file and their direction.

    Parameters
    ----------
    folders : iterable of str or Path
        Where label maps, truths and folders of jobs are looked for.
    """

    def __init__(self, folders: Iterable[str | Path]) -> None:
        self._known: dict[str, dict[str, Outcome]] = {}
        files = [file for folder in folders for file in files_below(folder)[0]]
        for folder in (truth_folder(), *earlier_truth_folders()):
            with suppress(OSError):
                files += folder.iterdir()
        for file in files:
            if file.name == _INGEST and file.parent.name == "report":
                self._take_report(file)
            elif found := _LABELS.fullmatch(file.name):
                self._note(found[1], found[2] or "", labels=str(file))
            elif found := _TRUTH.fullmatch(file.name):
                self._note(found[1], found[2] or "", corrected=True)

    def of(self, file: Path) -> dict[str, Outcome]:
        """Return what became of each direction of a file: FU, ..., or empty for all of them."""
        return self._known.get(folded(short_stem(file.stem)), {})

    def _note(self, stem: str, direction: str, **what: object) -> None:
        of_file = self._known.setdefault(folded(stem), {})
        of_file[direction] = replace(of_file.get(direction, Outcome()), **what)  # type: ignore[arg-type]

    def _take_report(self, file: Path) -> None:
        """Take what a job has left out; a file that is no such report says nothing."""
        with suppress(OSError, ValueError, KeyError):
            for row in read_table(file):
                if row["status"] == "skipped" and row["reason"] != NOT_YET:
                    stem = short_stem(Path(row["source"]).stem)
                    self._note(stem, row["direction"], left_out=row["reason"])
