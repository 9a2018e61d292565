import dataclasses
import subprocess
import sys

import pytest

from napari_stmml import events
from napari_stmml.events import (
    BatchDone,
    CellsReady,
    ClustersProposed,
    Died,
    DirectionTaken,
    EpochDone,
    FileTaken,
    Finished,
    ModelTrained,
    ScanLabelled,
    Skipped,
    UncertainArea,
    UncertainFound,
    from_json,
    to_json,
)

PLACE = UncertainArea(0, 3, 4, 1, 2, -0.5, 1.5, 0.1)
ONE_EACH = [
    Skipped("a", "a: empty", number=3),
    BatchDone(1, 2, 3, 0.25, epochs=4, fraction=0.5, seconds_left=None),
    EpochDone(1, 0.5, val_loss=0.75),
    ClustersProposed(7, ((4, 0.2), (7, 0.5)), "7 clusters"),
    ModelTrained("m.stmml", "instant", 0, False, (3, 4), 1.5),
    FileTaken("a", (DirectionTaken("a.Z_mtrx", "FU", "kept", "", "", 25),)),
    ScanLabelled("µ", "a_labels.tif", pixels={1: 10, 2: 0}, unlike=0),
    CellsReady(0, "cells.npy", "features", (64, 32)),
    UncertainFound("a", "a.Z_mtrx", "Z", "forward/up", (PLACE, PLACE)),
    Finished(cancelled=True),
    Died("signal 9", model="m.stmml"),
]


@pytest.mark.parametrize("event", ONE_EACH, ids=lambda event: event.kind)
def test_an_event_is_one_line_of_json_that_is_read_as_the_same_event(event):
    line = to_json(event)
    assert "\n" not in line
    back = from_json(line)
    assert back == event
    assert type(back) is type(event)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"event": "predic', "JSON|Expecting|Unterminated"),
        ("printed by a library", "Expecting"),
        ("[1]", "no event of any known kind"),
        ('{"event": "lunch"}', "no event of any known kind: .*lunch"),
        ('{"event": ["skipped"]}', "no event of any known kind"),
        ('{"event": "skipped", "scan": "a"}', "no event 'skipped': why: Field required"),
        ('{"event": "skipped", "scan": "a", "why": 3}', "no event 'skipped': why: "),
    ],
)
def test_a_line_that_is_no_event_is_refused_in_a_sentence(line, why):
    with pytest.raises(ValueError, match=why) as refused:
        from_json(line)
    assert "\n" not in str(refused.value)


def test_events_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ONE_EACH[0].why = "other"


def test_naming_an_event_loads_nothing_else_of_ours():
    code = "import sys, napari_stmml.events; print(*(m for m in sys.modules if m.startswith('napari_stmml')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {"napari_stmml", "napari_stmml.system", "napari_stmml.system.json_lines", "napari_stmml.text"}
    assert set(found.stdout.split()) == {*ours, events.__name__}
