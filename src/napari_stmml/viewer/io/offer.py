"""The panel STM comes by itself after the first drop, unless somebody has closed it before."""

from typing import Any

from napari_stmml.viewer.io.preferences import preferences

PANELS = " (napari-stmml)"  # what names of docks of ours end with


def wanted() -> bool:
    """Whether the panel may come by itself."""
    return not preferences().steps


def offer_steps(viewer: Any) -> None:
    """Dock the panel STM where no panel of ours is open.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        The latter has no window, and nothing is done.
    """
    window = getattr(viewer, "window", None)
    if window is None or any(str(name).endswith(PANELS) for name in window.dock_widgets) or not wanted():
        return
    window.add_plugin_dock_widget("napari-stmml", "STM")
