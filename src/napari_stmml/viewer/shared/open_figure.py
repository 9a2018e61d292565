"""Open the Figure panel on what another panel shows, without importing it."""

from typing import Any

WIDGET = "Figure"


def open_figure(viewer: Any, kind: str = "scans", layer: Any = None) -> Any:
    """Open the panel that draws figures for a paper.

    Parameters
    ----------
    viewer : napari.Viewer
    kind : str
        ``scans``, ``measured`` or ``profile``.
    layer : napari layer, optional
        The map or scan that the figure is of; without it the active one, or that which is seen.

    Returns
    -------
    FigureWidget
        The panel, shown and in front.
    """
    dock, panel = viewer.window.add_plugin_dock_widget("napari-stmml", WIDGET, tabify=True)
    dock.show()
    dock.raise_()
    panel.choose(kind, layer)
    return panel
