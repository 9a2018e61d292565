"""Which panels take a selection of scans, and how it is chosen in each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_stmml.viewer.structures.finding_panel import ALL, THIS

PANELS = ("Prepare", "Train", "Predict", "Structures", "Correct", "Batch")


def choose_in(
    viewer: Any, panel: str, layers: Sequence[Any], files: Sequence[Path], paths: Sequence[Path]
) -> Any:
    """Open a panel, and choose scans in it.

    Parameters
    ----------
    viewer : napari viewer
    panel : str
        One of `PANELS`.
    layers : sequence of napari Image layers
        For all panels but Batch.
    files : sequence of Path
        For Batch: those to label; none stands for all.
    paths : sequence of Path
        For Batch: what is browsed.

    Returns
    -------
    QWidget
        The panel.
    """
    _, found = viewer.window.add_plugin_dock_widget("napari-stmml", panel, tabify=True)
    found.reset_choices()
    if panel == "Batch":
        _fill_job(found, files, paths)
    elif panel == "Prepare":
        found.layer.value = layers[0]
    elif panel == "Structures":
        viewer.layers.selection.active = layers[0]
        found.where.setCurrentText(THIS if len(layers) == 1 else ALL)
    else:
        found.layers.value = list(layers)
    return found


def _fill_job(panel: Any, files: Sequence[Path], paths: Sequence[Path]) -> None:
    """Let a job train on what is browsed, and label what is selected."""
    form = panel.job_form
    if paths:
        form.folder.value = paths[0] if paths[0].is_dir() else paths[0].parent
    form.fields["predict_path"].value = "\n".join(map(str, files))
