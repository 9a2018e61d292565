"""ShownScan: what a figure shows of a scan: heights from the darkest colour up, and its classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_stmml.colours import NO_COLOUR, robust_limits
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.heights.flatten import flatten
from napari_stmml.io.label_tiff import BACKGROUND, LabelMap
from napari_stmml.scan import Scan
from napari_stmml.text import percent

SAFE = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")  # Okabe and Ito, 2008


@dataclass(frozen=True, eq=False)
class ShownScan:
    """A scan, with the classes that are shown on it.

    Parameters
    ----------
    scan : Scan
    labels : LabelMap, optional
        Has the scan's own pixels. If it knows single objects, each has its own outline, also where two touch.
    limits : (float, float), optional
        Heights of the first and the last colour, where the scan is drawn as it is.
    model : str
        File of the model that made the labels, where it is known.

    Raises
    ------
    ValueError
        If the labels have another size.
    """

    scan: Scan
    labels: LabelMap | None = None
    limits: tuple[float, float] | None = None
    model: str = ""

    def __post_init__(self) -> None:
        if self.labels is not None and self.labels.labels.shape != self.scan.heights.shape:
            (rows, cols), (tall, wide) = self.labels.labels.shape, self.scan.heights.shape
            raise ValueError(
                f"the labels have {cols} x {rows} px, and {self.scan.name} has {wide} x {tall}: choose the"
                " scan that they were made of"
            )

    def same_as(self, other: "ShownScan") -> bool:
        """Whether another one shows the same heights and classes."""
        if (self.limits, self.model) != (other.limits, other.model):
            return False
        if self.scan.settings() != other.scan.settings():
            return False
        if not np.array_equal(self.scan.heights, other.scan.heights, equal_nan=True):
            return False
        one, two = self.labels, other.labels
        if one is None or two is None:
            return one is two
        about = [(dict(of.names), dict(of.colours), of.scan) for of in (one, two)]
        maps = [of.labels if of.objects is None else of.objects for of in (one, two)]
        return (
            about[0] == about[1]
            and np.array_equal(maps[0], maps[1])
            and np.array_equal(one.labels, two.labels)
        )

    @property
    def size(self) -> tuple[float, float]:
        """Height and width in nm, or px where the scale is not known."""
        rows, cols = self.scan.heights.shape
        return self.scan.size_nm or (float(rows), float(cols))

    @property
    def unit(self) -> str:
        """Of lengths: nm or px."""
        return "px" if self.scan.size_nm is None else "nm"

    def flattens(self, options: FigureOptions) -> str:
        """Return the chain that heights are flattened by; empty where they are drawn as they are."""
        return "" if self.scan.history or self.scan.unit != "nm" else options.flatten

    def heights(self, options: FigureOptions) -> tuple[np.ndarray, tuple[float, float]]:
        """Return heights as they are drawn, (rows, cols), and those of the first and the last colour.

        Heights in nm count from the first colour: where they are zero has no meaning.
        """
        chain = self.flattens(options)
        if chain not in self._drawn:
            heights = np.asarray(self.scan.heights, float)
            if chain and np.isfinite(heights).any():
                heights = flatten(heights, chain)
            low, high = (None if chain else self.limits) or robust_limits(heights)
            zero = low if self.scan.unit == "nm" else 0.0
            self._drawn[chain] = heights - zero, (low - zero, high - zero)
        return self._drawn[chain]

    @cached_property
    def _drawn(self) -> dict[str, tuple[np.ndarray, tuple[float, float]]]:
        """Heights and limits by the chain they were flattened by."""
        return {}

    @cached_property
    def there(self) -> tuple[int, ...]:
        """Labels that the map shows, from 1 on."""
        return (
            ()
            if self.labels is None
            else tuple(np.unique(self.labels.labels[self.labels.labels > 0]).tolist())
        )

    @property
    def background(self) -> set[int]:
        """Labels that are no structure: they are shown faintly, without outlines."""
        return set() if self.labels is None else set(self.labels.scan.get(BACKGROUND, []))

    def name(self, label: int) -> str:
        """Return the name of a class."""
        return f"class {label}" if self.labels is None else self.labels.names.get(label, f"class {label}")

    def colours(self, options: FigureOptions) -> Mapping[int, str]:
        """Return ``#rrggbb`` of the labels that are there."""
        known = {} if self.labels is None else self.labels.colours
        own = {label: str(known.get(label, NO_COLOUR))[:7] for label in self.there}
        if options.colours == "classes":
            return own
        structures = [label for label in sorted({*own, *known}) if label not in self.background]
        return own | {one: safe for one, safe in zip(structures, SAFE, strict=False) if one in own}

    def amount(self, label: int) -> str:
        """Say how many objects of a class there are, or which share of the scanned area it has."""
        if self.labels is None:
            return ""
        own = self.labels.labels == label
        if self.labels.objects is not None:
            n = len(np.unique(self.labels.objects[own & (self.labels.objects > 0)]))
            return f"n = {n}"
        scanned = np.isfinite(self.scan.heights)
        return percent(float((own & scanned).sum() / max(1, scanned.sum())))
