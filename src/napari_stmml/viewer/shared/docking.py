"""How our panels lie in napari's window: as tabs of one place, each with its whole name."""

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabBar

SUFFIX = " (napari-stmml)"  # which napari puts behind the name of a panel


def dock_of(panel: Any) -> Any:
    """Return napari's dock of a panel; None while it lies in none.

    Parameters
    ----------
    panel : QWidget

    Returns
    -------
    QDockWidget or None
    """
    dock = panel.parentWidget()
    return dock if isinstance(dock, QDockWidget) else None


def lie_with_others(panel: Any, kind: type) -> None:
    """Lay a panel that was docked over the others of ours, as a tab, and name it in full.

    Parameters
    ----------
    panel : QWidget
        In front afterwards.
    kind : type
        Class of all our panels.
    """
    dock = dock_of(panel)
    window = None if dock is None else dock.parentWidget()
    if not isinstance(window, QMainWindow):
        return
    dock.setWindowTitle(dock.windowTitle().removesuffix(SUFFIX))
    others = [] if dock.isFloating() else _others(window, dock, kind)
    if others and not set(others) & set(window.tabifiedDockWidgets(dock)):
        window.tabifyDockWidget(others[-1], dock)
    dock.raise_()
    whole_names(window)


def bring_to_front(panel: Any) -> None:
    """Show a panel before the others, also where somebody has hidden it.

    Parameters
    ----------
    panel : QWidget
    """
    if (dock := dock_of(panel)) is not None:
        dock.show()
        dock.raise_()


def whole_names(window: Any) -> None:
    """Let tabs of docks show whole names; where they do not fit, arrows scroll them.

    Parameters
    ----------
    window : QMainWindow
    """
    for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
        bar.setElideMode(Qt.TextElideMode.ElideNone)
        bar.setUsesScrollButtons(True)


def _others(window: Any, dock: Any, kind: type) -> list[Any]:
    """List the docks of other panels of ours that are seen at the same side of the window."""
    docks = [one for one in window.findChildren(QDockWidget) if one is not dock]
    ours = [one for one in docks if isinstance(one.widget(), kind) and not one.isHidden()]
    area = window.dockWidgetArea(dock)
    return [one for one in ours if not one.isFloating() and window.dockWidgetArea(one) == area]
