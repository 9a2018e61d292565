"""Whether scans suit a model, or each other: one quantity, and pixels that show what the model knows."""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.text import number

if TYPE_CHECKING:
    from napari_stmml.model.classifier import SurfaceClassifier

# So many times finer than the model's pixels, 192 x 192 px of Si(001) are 64 x 64 px to it, and 91 % of them
# one cluster, where it is 48 % at its own density and 61 % at twice that (docs/benchmarks.md).
FINER = 3.0
COARSER = 1.5  # times coarser than the model's pixels: its smallest filters see little but interpolation


def about_scan(scan: Scan) -> dict[str, Any]:
    """Return what a model keeps of a scan that it is trained on, as JSON knows it.

    Parameters
    ----------
    scan : Scan

    Returns
    -------
    dict
        ``quantity``, such as ``Z (nm)``, empty where the unit is not known; ``pixel_density`` in px/nm, None
        where the pixel size is not known.
    """
    quantity = f"{scan.channel} ({scan.unit})" if scan.unit else ""
    return {"quantity": quantity, "pixel_density": _density(scan)}


def check_one_quantity(files: Iterable[Mapping[str, Any]], mixed: bool) -> None:
    """Refuse to train on scans of several quantities at once, unless that is asked for.

    Parameters
    ----------
    files : iterable of mapping
        Each with the ``name`` of a file, and ``quantity`` as `about_scan` returns it.
    mixed : bool
        Whether several are asked for.

    Raises
    ------
    ValueError
        If there are several; the message names a file of each.
    """
    first: dict[str, str] = {}
    for file in files:
        first.setdefault(file.get("quantity") or "", str(file["name"]))
    first.pop("", None)
    if len(first) > 1 and not mixed:
        named = " and ".join(f"{quantity} in {name}" for quantity, name in first.items())
        raise ValueError(
            f"the scans are of several quantities, {named}: choose scans of one, or set mixed_channels"
        )


def doubt_about(classifier: "SurfaceClassifier", scan: Scan) -> str:
    """Say why labels of a scan by a model may mean little.

    Parameters
    ----------
    classifier : SurfaceClassifier
    scan : Scan

    Returns
    -------
    str
        A sentence without the name of the scan; empty where there is no doubt, or too little is known.
    """
    doubts = (_other_quantity(classifier, scan), _other_density(classifier, scan))
    return "; ".join(doubt for doubt in doubts if doubt)


def nothing_seen(classifier: "SurfaceClassifier", labels: np.ndarray) -> str:
    """Say that a map shows nothing but background, such as the surface.

    Parameters
    ----------
    classifier : SurfaceClassifier
    labels : ndarray of int
        As it labelled a scan; 0 = no label.

    Returns
    -------
    str
        A sentence without the name of the scan; empty where anything else is seen.
    """
    there = np.unique(labels[labels > 0]).tolist()
    if there and set(there) <= set(classifier.classes.background):
        return "nothing stands out from the surface"
    return ""


def _other_quantity(classifier: "SurfaceClassifier", scan: Scan) -> str:
    own, known = about_scan(scan)["quantity"], _known(classifier, "quantity", str)
    if not own or not known or own in known:
        return ""
    return f"this is a map of {own}, and the model was trained on {' and '.join(dict.fromkeys(known))}"


def _other_density(classifier: "SurfaceClassifier", scan: Scan) -> str:
    own, model = _density(scan), classifier.recipe.preprocessing.pixel_density
    if own is None:
        return ""
    if model is not None and model > 0:
        return _of_resampled(scan, own, model)
    known = _known(classifier, "pixel_density", float)
    made = median(known) if known else own
    if max(own / made, made / own) < FINER:
        return ""
    look = "larger" if own > made else "smaller"
    return (
        f"{_compared(own, made)} of the scans of the model: structures look {look} to it than those it knows"
    )


def _of_resampled(scan: Scan, own: float, model: float) -> str:
    """Say what resampling to the density of the model does to a scan much finer or coarser than that."""
    if own >= FINER * model:
        rows, cols = (max(1, round(n * model / own)) for n in scan.heights.shape)
        seen = f"the model sees it as {rows} x {cols} px, without finer detail"
    elif own <= model / COARSER:
        seen = f"what is smaller than {number(2 / own, 2)} nm cannot be seen in it"
    else:
        return ""
    return f"{_compared(own, model)} of the model: {seen}"


def _compared(own: float, other: float) -> str:
    times = f"{number(own / other, 2)} times" if own > other else f"1/{number(other / own, 2)} of"
    return f"it has {number(own, 3)} px/nm, {times} the {number(other, 3)} px/nm"


def _known(classifier: "SurfaceClassifier", what: str, kind: type) -> list[Any]:
    """List what the model knows of the scans that it was trained on; older models know nothing."""
    files = (file for file in classifier.training.get("files", ()) if isinstance(file, Mapping))
    return [file[what] for file in files if file.get(what) and isinstance(file[what], kind)]


def _density(scan: Scan) -> float | None:
    """Return px per nm, the geometric mean of both directions."""
    if scan.pixel_size is None:
        return None
    return float((scan.pixel_size[0] * scan.pixel_size[1]) ** -0.5)
