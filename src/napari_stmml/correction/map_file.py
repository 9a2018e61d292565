"""Write the labels of a corrected scan: a label TIFF, or a Gwyddion file with a mask for each class."""

from pathlib import Path

from napari_stmml.classes import Classes
from napari_stmml.correction.corrected_scan import CorrectedScan
from napari_stmml.io.gwyddion import write_gwy
from napari_stmml.io.label_tiff import LabelMap


def save_map(path: str | Path, one: CorrectedScan, classes: Classes, model: str) -> Path:
    """Write the labels of a scan, painted ones over predicted ones.

    Parameters
    ----------
    path : str or Path
        ``.gwy`` for Gwyddion; else a label TIFF, whose name ends in ``.stmml.tif``.
    one : CorrectedScan
    classes : Classes
        Of the model.
    model : str
        Its file.

    Returns
    -------
    Path
        Of the file.
    """
    path = Path(path)
    shown, (names, colours) = one.shown(classes), classes.legend
    if path.suffix.lower() == ".gwy":
        write_gwy(path, one.scan, shown, names)
        return path
    if not path.name.endswith(".stmml.tif"):
        path = path.with_name(f"{path.name}.stmml.tif")
    painted = int((one.truth > 0).sum())
    about = {**one.scan.settings(), "model": model, "painted by a person": painted}
    return LabelMap(shown, one.scan.pixel_size, names, colours, f"labels {one.name}", about).write(path)
