import numpy as np
import pytest
from PIL import Image

from napari_stmml import read_mtrx
from napari_stmml.batch.label_files import Answer, LabelTask, Wanted, WantedByJob, record_path, write_labels
from napari_stmml.batch.records import LabelRecord, read_record
from napari_stmml.classes import Classes
from napari_stmml.heights.resample import to_own_pixels
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.recipe import Recipe
from napari_stmml.scan import DIRECTIONS
from tests.window_tables import read_log

STEM = "in/s--1_1_FU"
SHAPE = (72, 48)  # of the prepared map: 9 x 6 nm at 8 px/nm
GRID = WindowGrid(16, 4)
ENDS = ("labels.tif", "labels.png", "overlay.png", "windows.txt")


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Write and read a scan that is bright at its top, with a mark of its own at the left.

    Its frame is 6 nm wide and 9 nm high, so that rows and columns cannot be taken for each other.
    """
    heights = np.random.default_rng(0).uniform(0, 0.01, (96, 64))
    heights[:24] += 1.0
    heights[:, :8] += 0.5
    frame = Frame(dict.fromkeys(DIRECTIONS[:2], heights), width_nm=6.0, height_nm=9.0, bias=-1.7)
    return read_mtrx(write_session(tmp_path_factory.mktemp("in"), [frame], session="s")[0])[0]


@pytest.fixture
def answer():
    """Label the top third of the windows 1 and the others 2."""
    labels = np.full(GRID.shape(SHAPE), 2, np.uint8)
    labels[:5] = 1
    sure = np.linspace(0, 1, labels.size, dtype=np.float32).reshape(labels.shape)
    return Answer(labels, sure, GRID, SHAPE, Classes.plain(("a", "b"), ("#ff0000", "#0000ff")), "")


@pytest.fixture
def folder(scan, answer, tmp_path):
    """Write all that a job leaves of it; return the job's folder."""
    recipe = Recipe(pixel_density=8.0, window_size=16, predict_window_pitch=4, flatten_method="none")
    job = WantedByJob(str(tmp_path), recipe, alpha=0.5, cmap="gray")
    wanted = Wanted("a/m.stmml", str(tmp_path / "predictions"), figure=True, job=job)
    made = write_labels(LabelTask(scan, STEM, STEM, fingerprint="f"), answer, wanted)
    assert made.labels == str(tmp_path / "predictions" / f"{STEM}_labels.tif")
    return tmp_path


def file_of(folder, end):
    return folder / "predictions" / f"{STEM}_{end}"


def test_a_job_leaves_label_map_figure_overlay_and_log_and_a_record_that_lists_them(folder, scan):
    path = record_path(folder, STEM)
    outputs = tuple(f"predictions/{STEM}_{end}" for end in ENDS)
    assert read_record(path, LabelRecord) == LabelRecord("f", outputs, scan.source)
    files = {file for file in folder.rglob("*") if file.is_file()}
    assert files == {path, *(folder / output for output in outputs)}


def test_painting_the_log_gives_the_label_map(folder, answer):
    starts, labels, sure = read_log(file_of(folder, "windows.txt"))
    rows, cols = (list(GRID.starts(length)) for length in SHAPE)
    again = np.zeros(answer.labels.shape, np.uint8)
    for (row, col), label in zip(starts.tolist(), labels, strict=True):
        again[rows.index(row), cols.index(col)] = label
    assert np.array_equal(again, answer.labels)
    assert sure == pytest.approx(answer.confidence.ravel(), abs=1e-5)
    painted = to_own_pixels(GRID.paint(again, SHAPE), (96, 64))
    assert np.array_equal(LabelMap.read(file_of(folder, "labels.tif")).labels, painted)


def test_the_top_is_at_the_top_of_label_map_and_overlay(folder):
    labels = LabelMap.read(file_of(folder, "labels.tif"))
    assert set(np.unique(labels.labels[10:28])) == {0, 1}
    assert set(np.unique(labels.labels[60:])) == {0, 2}
    assert labels.labels.shape == (96, 64)
    assert labels.pixel_size == pytest.approx((6 / 64, 6 / 64))
    assert labels.names == {1: "a", 2: "b"}
    overlay = np.asarray(Image.open(file_of(folder, "overlay.png")).convert("RGB"), int)
    assert overlay.shape == (96, 64, 3)
    red, blue = overlay[..., 0] - overlay[..., 2], overlay[..., 2] - overlay[..., 0]
    assert np.array_equal(red > 50, labels.labels == 1)
    assert np.array_equal(blue > 50, labels.labels == 2)
    assert overlay[:8, 40:].mean() > 100 > overlay[90:, 40:].mean()  # the heights below


def test_the_figure_is_a_picture(folder):
    with Image.open(file_of(folder, "labels.png")) as figure:
        assert min(figure.size) > 200


def test_without_a_job_there_are_the_files_that_are_asked_for_and_no_others(scan, answer, tmp_path):
    for number, (wanted, ends) in enumerate(
        [
            ({}, {"labels.tif"}),
            ({"confidence": True}, {"labels.tif", "confidence.tif"}),
            ({"figure": True}, {"labels.tif", "labels.png"}),
        ]
    ):
        out = tmp_path / str(number)
        made = write_labels(LabelTask(scan, "x", scan.name, 3), answer, Wanted("m", str(out), **wanted))
        assert {file.name for file in out.iterdir()} == {f"x_{end}" for end in ends}
        assert (made.number, made.scan, made.source) == (3, scan.name, scan.source)
        assert sum(made.pixels.values()) == np.count_nonzero(LabelMap.read(made.labels).labels)
