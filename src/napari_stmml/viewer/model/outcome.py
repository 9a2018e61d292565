"""Outcome: what has become of the scans of a prediction so far, and the sentence about it."""

from dataclasses import dataclass, field

from napari_stmml import events
from napari_stmml.text import counted
from napari_stmml.viewer.model.confidence import unlike_sentence, unlike_share

EARLIER = "It takes the place of the map before, which Earlier map brings back (Ctrl+Z)."
PAINT = "Correct merges and names classes, saves what you paint, and learns from it."


@dataclass
class Outcome:
    """Filled while a prediction goes on.

    Parameters
    ----------
    doing : str
        ``Clustering`` or ``Prediction``.
    kept : str
        What was painted on maps that there were before, in sentences.
    total : int
        Scans.
    """

    doing: str = ""
    kept: str = ""
    total: int = 0
    found: str = ""  # clusters, in words
    made: list[events.ScanLabelled] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def ended(self) -> int:
        """How many scans are labelled, or never will be."""
        return len(self.made) + len(self.skipped)

    @property
    def done(self) -> str:
        """How many are labelled, and what was kept, without the last full stop."""
        return f"{len(self.made)} of {counted(self.total, 'scan')} labelled.{self.kept}".rstrip(".")

    def sentence(self, replaced: bool, confidence: bool) -> str:
        """Say what was labelled and what was not.

        Parameters
        ----------
        replaced : bool
            Whether a map took the place of another.
        confidence : bool
            Whether it is shown how sure labels are.
        """
        unlike = unlike_sentence(unlike_share(self.made), confidence)
        left_out = f"Left out: {'; '.join(self.skipped)}" if self.skipped else ""
        doubts = [f"{doubt}." for doubt in events.doubts((one.scan, one.doubt) for one in self.made)]
        found = f"{self.found[0].upper()}{self.found[1:]}." if self.found else ""
        before = EARLIER if replaced else ""
        said = (f"{self.done}.", before, found, *doubts, unlike, left_out or PAINT)
        return " ".join(part for part in said if part)
