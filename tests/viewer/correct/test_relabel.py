"""Scans are labelled anew in a thread: for each of them, what was asked for last is what counts."""

import threading
from types import SimpleNamespace

import pytest

from napari_stmml.viewer.correct import relabel


class Scan(SimpleNamespace):
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def scan_of(name):
    return Scan(name=name, cells=name, file=SimpleNamespace(kind="features"), to_pixels=lambda labels: labels)


class Model(SimpleNamespace):
    pass


@pytest.fixture
def gate(monkeypatch):
    """Let labelling wait until the gate is opened."""
    gate = threading.Event()

    def answers(classifier, cells, kind):
        gate.wait(10)
        return (f"{cells} by {classifier.name}", None, None)

    monkeypatch.setattr(relabel, "cell_answers", answers)
    return gate


@pytest.fixture
def relabeller(qtbot):
    one = relabel.Relabeller()
    one.heard = []
    one.answered.connect(lambda scan, found: one.heard.append(found[0]))
    yield one
    one.close()


def test_scans_that_are_opened_one_after_the_other_are_all_labelled(relabeller, gate, qtbot):
    model, scans = Model(name="a"), [scan_of(name) for name in "xyz"]
    for scan in scans:
        relabeller.label(model, [scan])
    gate.set()
    qtbot.waitUntil(lambda: not relabeller.busy)
    qtbot.wait(20)
    assert relabeller.heard == ["x by a", "y by a", "z by a"]


def test_of_two_models_the_last_one_labels_each_scan(relabeller, gate, qtbot):
    old, new, scans = Model(name="old"), Model(name="new"), [scan_of(name) for name in "xy"]
    relabeller.label(old, scans)
    relabeller.label(new, scans)
    gate.set()
    qtbot.waitUntil(lambda: not relabeller.busy)
    qtbot.wait(20)
    assert relabeller.heard == ["x by new", "y by new"]
