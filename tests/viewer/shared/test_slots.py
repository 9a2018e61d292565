"""No exception leaves a slot: each connection of the viewer goes through one door, which says it."""

import ast
import logging
from pathlib import Path

import numpy as np
import pytest
from psygnal import Signal
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QPushButton, QWidget

from napari_stmml import viewer as package
from napari_stmml.viewer.shared.painting import painting, picture_of
from napari_stmml.viewer.shared.slots import guarded, slot

MODULES = sorted(Path(package.__file__).parent.rglob("*.py"))
DOOR = {"slots.py"}
# What is passed on is guarded where it is made; ``say`` and ``emit`` are the door's own ways out.
PASSED_ON = {("panel.py", "do"), ("main_thread.py", "do")}
SAFE = {"say", "emit", "start"}
EVENTS = {"changeEvent", "showEvent", "hideEvent", "resizeEvent", "paintEvent", "keyPressEvent"}


FAULT = "That could not be done, by a fault of the program, which is in its log"


class Holder(QWidget):
    """A widget in a panel that hears one that fails."""

    def __init__(self, error):
        super().__init__()
        self.said = []
        self.part = Part(error)
        self.part.setParent(self)

    def say(self, sentence, wrong=False):
        self.said.append((sentence, wrong))


class Part(QPushButton):
    def __init__(self, error):
        super().__init__()
        self.error = error
        self.clicked.connect(self.fail)

    @slot
    def fail(self):
        raise self.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("choose a scan"), "choose a scan"),
        (OSError("the disk is full"), "the disk is full"),
        (KeyError("exemplars"), f"{FAULT} (KeyError: 'exemplars')"),
    ],
)
def test_what_a_slot_raises_is_said_in_the_panel_that_holds_its_widget(qtbot, caplog, error, sentence):
    holder = Holder(error)
    qtbot.addWidget(holder)
    with caplog.at_level(logging.ERROR, "napari_stmml"):
        holder.part.click()
    assert holder.said == [(sentence, True)]
    assert len(caplog.records) == (type(error) is KeyError)


def test_without_a_panel_napari_says_it(said):
    guarded(lambda: [][1])()
    assert said() == [f"{FAULT} (IndexError: list index out of range)"]


def test_an_error_in_what_hears_a_signal_is_the_error_that_was_raised_first():
    class Sender:
        told = Signal()

    def hear():
        raise ValueError("the first")

    sender, told = Sender(), []
    sender.told.connect(hear)
    guarded(sender.told.emit, lambda sentence, wrong: told.append(sentence))()
    assert told == ["the first"]


def test_a_slot_takes_as_many_arguments_as_it_has():
    heard = []
    guarded(lambda one: heard.append(one))(1, 2, 3)
    guarded(lambda *several: heard.append(several))(1, 2, 3)
    guarded(lambda: heard.append(None))(False)
    assert heard == [1, (1, 2, 3), None]


def _guarded_methods():
    """List the names of the methods that are slots."""
    trees = [ast.parse(path.read_text("utf-8")) for path in MODULES]
    functions = [one for tree in trees for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    return {
        one.name for one in functions if any(getattr(by, "id", "") == "slot" for by in one.decorator_list)
    }


def _connections(tree):
    """Yield what is called by signals, timers, keys and the mouse."""
    for call in (one for one in ast.walk(tree) if isinstance(one, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in ("connect", "follow", "singleShot") and call.args:
            yield call.args[-1]
        if name == "delayed":  # a method alone: a closure was emptied while its timer ran, and napari crashed
            yield call.args[2]
        if name == "bind_key":
            yield call.args[1]
        if name == "append" and ast.unparse(call.func.value).endswith("callbacks"):
            yield call.args[0]
        for keyword in call.keywords:
            if keyword.arg == "_connect" and isinstance(keyword.value, ast.Dict):
                yield from keyword.value.values


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_connection_and_event_goes_through_the_door(path):
    if path.name in DOOR:
        return
    tree, slots = ast.parse(path.read_text("utf-8")), _guarded_methods()
    for heard in _connections(tree):
        text = ast.unparse(heard)
        last = text.rpartition(".")[2]
        known = text.startswith("guarded(") or last in slots | SAFE or (path.name, text) in PASSED_ON
        assert known, f"line {heard.lineno}: {text}"
    for method in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
        if method.name in EVENTS or method.name.startswith(("mouse", "wheel")):
            assert any(getattr(by, "id", "") == "slot" for by in method.decorator_list), method.name


def test_a_painter_ends_whatever_happens(qtbot):
    pixmap = QPixmap(8, 8)
    with pytest.raises(KeyError), painting(pixmap):
        raise KeyError
    with painting(pixmap) as again:
        assert again.isActive()


def test_a_picture_of_an_array_reads_nothing_beyond_it():
    wide = picture_of(np.full((2, 5, 4), 200, np.uint8))
    assert (wide.width(), wide.height()) == (5, 2)
    assert wide.pixelColor(4, 1).red() == 200
    with pytest.raises(ValueError, match="four bytes a pixel"):
        picture_of(np.zeros((3, 3), np.uint8))
