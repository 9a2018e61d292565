"""Text from files, in every panel: Qt never takes it for HTML, whose images it would load."""

import pytest
from qtpy.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, Qt
from qtpy.QtWidgets import QAbstractItemView, QComboBox, QLabel, QWidget

from napari_stmml import read_mtrx
from napari_stmml.correction import edits
from napari_stmml.events import Skipped
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.simulate.surfaces import simulate_si001
from napari_stmml.viewer.batch.results import Result
from napari_stmml.viewer.io.layers import scan_to_layer
from napari_stmml.viewer.shared.plain_text import plain_tip

HOSTILE = '<img src="x.png">&lt;b>bold</b>'
PANELS = ("Prepare", "Scan info", "Train", "Predict", "Correct", "Explore", "Measure", "Batch")
LONG = 60_000  # ms


def cells(model: QAbstractItemModel, parent: QModelIndex):
    """Yield all cells of a table or a tree."""
    for row in range(model.rowCount(parent)):
        for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount(parent)):
            index = model.index(row, column, parent)
            yield index
            if column == 0:
                yield from cells(model, index)


def texts_of(panel):
    """Yield what a panel shows that Qt may take for HTML: where, and the text as Qt gets it."""
    for widget in (panel, *panel.findChildren(QWidget)):
        yield f"tooltip of {type(widget).__name__}", widget.toolTip()
        if isinstance(widget, QLabel) and widget.textFormat() != Qt.TextFormat.PlainText:
            yield f"label {widget.accessibleName()}", widget.text()
        if isinstance(widget, QAbstractItemView | QComboBox) and widget.model() is not None:
            model, tip = widget.model(), Qt.ItemDataRole.ToolTipRole
            for index in cells(model, QModelIndex()):
                yield f"tooltip of a cell of {widget.accessibleName()}", str(model.data(index, tip) or "")


def shown_in(panel):
    """Return everything that a panel shows, to see that the hostile text has reached it."""
    texts = [label.text() for label in panel.findChildren(QLabel)]
    views = [view for view in panel.findChildren(QWidget) if isinstance(view, QAbstractItemView | QComboBox)]
    models = [view.model() for view in views if view.model() is not None]
    texts += [str(model.data(index)) for model in models for index in cells(model, QModelIndex())]
    return "\n".join(texts)


@pytest.fixture
def hostile(correction, viewer, dock, qtbot, tmp_path):
    """Open every panel on a scan of hostile name, with hostile names of classes, files and errors."""
    session = correction.session
    session.edit(*edits.rename(session.model, 1, HOSTILE))
    session.flush()
    for one in session.scans:
        one.name = f"{HOSTILE} {one.scan.short_direction}"
    for layer in viewer.layers:
        layer.name = f"{HOSTILE} {layer.name}"
    panels = {name: dock(viewer, name) for name in PANELS}
    for panel in panels.values():
        panel.reset_choices()
        panel.say(f"{HOSTILE} is shown", wrong=True)
    panels["Predict"].model.value = session.path
    panels["Predict"].on_event(Skipped(HOSTILE, f"{HOSTILE} cannot be read"))
    correct = panels["Correct"]
    correct.review_panel.go()
    panels["Explore"].on_start()
    why = f"{HOSTILE} is no scan"
    panels["Batch"].results_page.table.show_results(
        [Result(f"/a/{HOSTILE}.Z_mtrx", "FU", "skipped", HOSTILE, why)]
    )
    measure = panels["Measure"]
    measure.measure()
    qtbot.waitUntil(lambda: measure.measured is not None, timeout=LONG)
    qtbot.waitUntil(lambda: not session.busy, timeout=LONG)
    return panels


def test_no_panel_takes_text_from_files_for_html(hostile):
    for name, panel in hostile.items():
        assert "x.png" in shown_in(panel), f"{name} shows nothing hostile: nothing is tested"
        for where, text in texts_of(panel):
            assert "<img" not in text, f"{name}, {where}: {text}"


def test_a_notification_shows_its_text_letter_by_letter(hostile, said):
    from napari.utils.notifications import notification_manager

    hostile["Predict"].say(f"{HOSTILE} is shown", wrong=True)
    message = notification_manager.records[-1].message
    assert "<img" not in message
    assert message.replace("\u2060", "") == f"{HOSTILE} is shown"


def test_a_tip_is_the_same_text_in_lines():
    assert plain_tip("a < b\nc") == "<qt>a &lt; b<br>c</qt>"
    assert plain_tip("plain\ntext") == "plain\ntext"


def test_settings_of_a_hostile_session_are_plain(tmp_path, viewer, dock, qtbot):
    heights = simulate_si001((32, 32), 3.0, seed=1).heights
    frame = Frame({"forward/up": heights}, 3.0, 3.0)
    (file,) = write_session(tmp_path, [frame], session="<img src=y>")
    data, meta, _ = scan_to_layer(read_mtrx(file)[0])
    viewer.add_image(data, **meta)
    panel = dock(viewer, "Scan info")
    panel.show()
    qtbot.waitUntil(lambda: not panel.status.text().startswith("reading"), timeout=LONG)
    assert "<img" in shown_in(panel)
    for where, text in texts_of(panel):
        assert "<img" not in text, where
