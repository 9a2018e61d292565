"""Look at real pictures of the viewer; on a virtual screen of its own where there is none."""

import json
import os
import shutil
import subprocess
import sys

import pytest

SHOWN = """
import json
import os
import sys
import traceback

os.environ["NAPARI_CONFIG"] = ""
import napari
import numpy as np

from napari_stmml import Scan
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.viewer.io.layers import labels_to_layer, scan_to_layer

viewer = napari.Viewer(show_welcome_screen=False)


def look():
    viewer.reset_view(margin=0)
    return viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)


def brightness(picture):
    return picture.mean(axis=(1, 2))


def frame(picture):
    # The box of all that is not background, the colour of the corners.
    there = (np.abs(picture - picture[0, 0]) > 8).any(axis=2)
    rows, cols = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return picture[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]


"""

BRIGHT_AT_THE_TOP = """
heights = np.full((40, 60), 0.5)
heights[:10], heights[30:] = 1.0, 0.2
data, meta, _ = scan_to_layer(Scan(heights, (0.1, 0.1)))
viewer.add_image(data, **meta)
lines = brightness(frame(look()))
quarter = len(lines) // 4
top, middle, bottom = lines[: quarter - 4].mean(), lines[2 * quarter], lines[3 * quarter + 4 :].mean()
assert top > middle > bottom, (top, middle, bottom)
"""

NOT_SCANNED = """
heights = np.linspace(0, 1, 40 * 60).reshape(40, 60)
heights[:20] = np.nan
data, meta, _ = scan_to_layer(Scan(heights, (0.1, 0.1)))
viewer.add_image(data, **meta)
picture = frame(look())
red, _, blue = picture[len(picture) // 4, picture.shape[1] // 2]
assert blue > red + 10, (red, blue)  # blue grey where nothing was scanned
red, _, blue = picture[3 * len(picture) // 4, picture.shape[1] // 2]
assert red > blue, (red, blue)
"""

LABELS_COVER = """
heights = np.random.default_rng(0).normal(size=(40, 60))
labels = np.zeros((40, 60), np.uint8)
labels[:20, 30:] = 1
place = {"translate": (3.0, 5.0), "rotate": 90}
data, meta, _ = scan_to_layer(Scan(heights, (0.1, 0.1)))
image = viewer.add_image(data, **(meta | place | {"colormap": "gray"}))
data, meta, _ = labels_to_layer(LabelMap(labels, (0.1, 0.1), colours={1: "#00ff00"}))
layer = viewer.add_labels(data, **(meta | place | {"opacity": 1.0}))
assert np.array_equal(layer.extent.world, image.extent.world)
picture = frame(look())
green = (picture[..., 1] > 200) & (picture[..., 0] < 50) & (picture[..., 2] < 50)
# A quarter of the scan, and all of one corner of it; which one, the turn by 90 degrees decides.
assert abs(green.mean() - 0.25) < 0.02, green.mean()
rows, cols = np.array(green.shape) // 2
quarters = [green[:rows, :cols], green[:rows, cols:], green[rows:, :cols], green[rows:, cols:]]
shares = sorted(quarter.mean() for quarter in quarters)
assert shares[3] > 0.95 and shares[2] < 0.05, shares
"""

UNLIKE_IS_PINK = """
from napari_stmml.viewer.model.confidence import confidence_layer
data, meta, _ = scan_to_layer(Scan(np.random.default_rng(0).normal(size=(40, 60)), (0.1, 0.1)))
image = viewer.add_image(data, **(meta | {"colormap": "gray"}))
values = np.linspace(0.05, 1, 60)[None].repeat(40, 0).astype(np.float32)
values[:20, :30], values[30:, 30:] = -0.4, np.nan
viewer.add_layer(confidence_layer(values, image)).opacity = 1
picture = frame(look())
rows, cols = np.array(picture.shape[:2]) // 4
red, green, blue = picture[rows, cols]
assert red > 200 and green < 90 < 100 < blue, (red, green, blue)  # unlike anything seen
across = brightness(picture[2 * rows + 4 : 3 * rows - 4].swapaxes(0, 1))
assert across[4] < 80 and across[-4] > 200 and (np.diff(across) >= -1).all(), across  # dark is unsure
assert np.ptp(picture[3 * rows + 8 :, 3 * cols :]) > 150  # nothing covers what has no label
"""


SEEN = {
    "the top of a scan is at the top of the screen": BRIGHT_AT_THE_TOP,
    "what was not scanned has a colour of its own": NOT_SCANNED,
    "what is unlike anything seen is pink, and the rest the darker the less sure": UNLIKE_IS_PINK,
    "labels cover exactly the pixels of their scan": LABELS_COVER,
}
LOOK = """
wrong = {}
for what, body in json.loads(sys.stdin.read()).items():
    viewer.layers.clear()
    try:
        exec(body)
    except Exception:
        wrong[what] = traceback.format_exc()
print(json.dumps(wrong))
"""


def on_a_screen(code, given=""):
    """Run code in a process that has a screen; return what it printed."""
    command = [sys.executable, "-c", code]
    environment = {key: value for key, value in os.environ.items() if key != "QT_QPA_PLATFORM"}
    if not os.environ.get("DISPLAY"):
        if shutil.which("xvfb-run") is None:
            pytest.skip("neither a screen (DISPLAY) nor xvfb-run is there")
        command = ["xvfb-run", "-a", "-s", "-screen 0 1366x768x24", *command]
    run = subprocess.run(command, input=given, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


@pytest.fixture(scope="module")
def wrong():
    """Look at everything in one viewer on a screen; return what is wrong with what."""
    return json.loads(on_a_screen(SHOWN + LOOK, json.dumps(SEEN)).splitlines()[-1])


@pytest.mark.gl
@pytest.mark.parametrize("what", SEEN)
def test_a_screenshot_shows_that(wrong, what):
    assert what not in wrong, wrong[what]


HOSTILE = """
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication

from napari_stmml import train_classifier
from napari_stmml.model import model_file

made = train_classifier(
    [Scan(np.random.default_rng(0).normal(size=(64, 64)), (0.1, 0.1))], recipe="instant", n_clusters=4
)
parts = {}


def change(name):
    # Write the model with one part of another kind, as a stranger may: its own writer would refuse.
    path = Path(folder) / f"{name}.stmml"
    made.save(path)
    about, arrays = model_file.read(path)
    wide = np.random.default_rng(0).normal(size=(4, 1, 2000, 2)).astype(np.float16)
    if name == "wide":
        arrays["exemplars"] = wide
    elif name == "flat":
        arrays["exemplars"] = arrays["exemplars"][:, 0]
    elif name == "few":
        arrays["exemplars"] = arrays["exemplars"][:2]
    elif name == "nan":
        arrays["centres"] = np.full_like(arrays["centres"], np.nan)
    elif name == "nameless":
        about = {key: value for key, value in about.items() if key not in ("classes", "class_names")}
    model_file.write(path, about, arrays)
    return path


with TemporaryDirectory() as folder:
    data, meta, _ = scan_to_layer(Scan(np.random.default_rng(0).normal(size=(64, 64)), (0.1, 0.1)))
    viewer.add_image(data, **meta)
    docked = (viewer.window.add_plugin_dock_widget("napari-stmml", name) for name in ("Predict", "Correct"))
    panels = [panel for _, panel in docked]
    said = {}
    for name in ("wide", "flat", "few", "nan", "nameless", "good"):
        path = change(name)
        for panel in panels:
            notification_manager.records.clear()
            panel.model.value = path
            panel.layers.value = panel.layers.choices
            for _ in range(5):
                QApplication.processEvents()
            viewer.screenshot(canvas_only=False, flash=False)
            if name != "good":
                panel.start_button.click()
                QApplication.processEvents()
            assert not panel.running
            said[name, type(panel).__name__] = [record.message for record in notification_manager.records]
    for panel in panels:
        panel.worker.close()
viewer.close()  # as a person does: Qt may crash where Python ends with its window still open
QApplication.processEvents()
print(json.dumps({" ".join(key): value for key, value in said.items()}))
"""


@pytest.mark.gl
def test_a_hostile_model_is_a_sentence_in_the_real_viewer_which_stays_alive():
    said = json.loads(on_a_screen(SHOWN + HOSTILE).splitlines()[-1])
    assert len(said) == 12
    for model, sentences in said.items():
        assert len(sentences) == (not model.startswith("good")), (model, sentences)
        for sentence in sentences:
            assert model.partition(" ")[0] in sentence
            assert len(sentence) < 300
            assert "fault of the program" not in sentence, sentence
