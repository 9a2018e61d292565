import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_stmml import read_mtrx
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.prepare_file import FileTask, prepare_file
from napari_stmml.batch.scan_files import density_of
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.recipe import Recipe
from napari_stmml.scan import DIRECTIONS
from tests.window_tables import read_starts

TINY = {
    "pixel_density": 8.0,
    "window_size": 16,
    "window_pitch": 8,
    "num_clusters": 3,
    "predict_window_pitch": 4,
    "flatten_method": "none",
    "normalisation": "image",
    "cmap": "gray",
    "save_jpg": True,
    "save_window_jpgs": True,
}
STEM = "s--1_1"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Write a scan that is bright at its top, with a mark of its own at the left; return the file.

    Its frame is 6 nm wide and 9 nm high, so that rows and columns cannot be taken for each other.
    """
    heights = np.random.default_rng(0).uniform(0, 0.01, (96, 64))
    heights[:24] += 1.0
    heights[:, :8] += 0.5
    frame = Frame(dict.fromkeys(DIRECTIONS[:2], heights), width_nm=6.0, height_nm=9.0, bias=-1.7)
    return write_session(tmp_path_factory.mktemp("in"), [frame], session="s")[0]


@pytest.fixture
def take(file, tmp_path):
    """Return a function that takes the file in with some parameters; it returns the job's folder."""

    def take(name="job", which="train", **values):
        paths = {"job_name": name, "train_path": [str(file)]}
        task = FileTask(str(file), f"in/{STEM}", which, JobFile({**TINY, **paths, **values}, tmp_path))
        record = prepare_file(task)
        assert task.is_done()
        for output in record.outputs:
            assert (tmp_path / name / output).exists()
        return tmp_path / name

    return take


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_file_is_where_it_belongs(take):
    folder = take()
    expected = {f"state/process/in~{STEM}.json"}
    for direction in ("FU", "BU"):
        name = f"{STEM}_{direction}"
        expected |= {
            f"prepared/in/{name}.npy",
            f"report/thumbnails/in/{name}.jpg",
            f"windows/in/{name}/{name}_windows.npy",
            f"windows/in/{name}/{name}_coordinates.txt",
            f"windows/in/{name}/{name}.txt",
            f"jpg/in/{name}.jpg",
            f"jpg/in/{name}.txt",
            *(f"windows-jpg/in/{name}/{name}_{number:05d}.jpg" for number in range(40)),
        }
    assert files_of(folder) == expected


def test_collated_files_of_a_kind_lie_in_one_folder(take):
    folder = take(collate=True)
    names = [f"in_{STEM}_{direction}" for direction in ("FU", "BU")]
    kinds = {name.partition("/")[0] for name in files_of(folder)}
    assert kinds == {"windows", "windows-jpg", "jpg", "prepared", "report", "state"}
    assert {path.name for path in (folder / "windows").iterdir()} == {
        f"{name}{end}" for name in names for end in ("_windows.npy", "_coordinates.txt", ".txt")
    }
    assert {path.name for path in (folder / "jpg").iterdir()} == {
        f"{name}{end}" for name in names for end in (".jpg", ".txt")
    }
    assert len(list((folder / "windows-jpg").iterdir())) == 80


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"save_windows": False}, "windows"),
        ({"save_jpg": False}, "jpg"),
        ({"save_window_jpgs": False}, "windows-jpg"),
    ],
)
def test_what_is_not_asked_for_is_not_written(take, values, gone):
    assert gone not in {name.partition("/")[0] for name in files_of(take(**values))}


def test_without_metadata_there_are_no_settings_but_the_coordinates_stay(take):
    texts = {Path(name).name for name in files_of(take(save_meta=False)) if name.endswith(".txt")}
    assert texts == {f"{STEM}_FU_coordinates.txt", f"{STEM}_BU_coordinates.txt"}


def test_of_a_scan_that_is_only_labelled_no_windows_are_written(take):
    kinds = {name.partition("/")[0] for name in files_of(take(which="predict"))}
    assert kinds == {"jpg", "prepared", "report", "state"}


def windows_in(folder, name):
    return folder / "windows" / "in" / name


def test_windows_are_slices_of_the_prepared_map_at_their_coordinates(take):
    folder = take()
    for direction in ("FU", "BU"):
        name = f"{STEM}_{direction}"
        prepared = np.load(folder / "prepared" / "in" / f"{name}.npy")
        assert prepared.shape == (72, 48)  # 9 x 6 nm at 8 px/nm
        windows = np.load(windows_in(folder, name) / f"{name}_windows.npy", allow_pickle=False)
        starts = read_starts(windows_in(folder, name) / f"{name}_coordinates.txt")
        assert windows.dtype == np.float32
        assert windows.shape == (8 * 5, 16, 16)
        assert windows.min() == 0
        assert windows.max() == 1
        for (row, col), window in zip(starts, windows, strict=True):
            assert np.array_equal(window, prepared[row : row + 16, col : col + 16])


def test_together_and_one_by_one_are_the_same_numbers(take):
    together, apart = take("together"), take("apart", together=False)
    name = f"{STEM}_FU"
    every = np.load(windows_in(together, name) / f"{name}_windows.npy", allow_pickle=False)
    for number, window in enumerate(every):
        one = np.load(windows_in(apart, name) / f"{name}_{number:05d}.npy", allow_pickle=False)
        assert np.array_equal(one, window)
        assert one.dtype == np.float32
    assert len(list(windows_in(apart, name).glob("*.npy"))) == len(every) == 40
    texts = [
        (windows_in(folder, name) / f"{name}_coordinates.txt").read_bytes() for folder in (together, apart)
    ]
    assert texts[0] == texts[1]


def test_the_prepared_map_is_what_the_recipe_makes_of_the_scan(take, file):
    folder = take()
    recipe = Recipe(**{name: value for name, value in TINY.items() if name in Recipe().as_dict()})
    for scan in read_mtrx(file):
        prepared = np.load(folder / "prepared" / "in" / f"{STEM}_{scan.short_direction}.npy")
        assert np.array_equal(prepared, recipe.preprocessing.apply(scan))


def test_the_top_of_the_scan_is_at_the_top_of_every_array_and_picture(take):
    folder = take()
    name = f"{STEM}_FU"
    prepared = np.load(folder / "prepared" / "in" / f"{name}.npy")
    assert prepared[:10, 20:].min() > 0.6 > 0.1 > prepared[30:, 20:].max()
    windows = np.load(windows_in(folder, name) / f"{name}_windows.npy", allow_pickle=False)
    assert windows[2].min() > 0.6  # of the first row
    assert windows[-1].max() < 0.1
    picture = np.asarray(Image.open(folder / "jpg" / "in" / f"{name}.jpg").convert("L"), float)
    side = picture.shape[1] * 72 // 48  # below it comes the footer
    middle = slice(picture.shape[1] // 2, picture.shape[1])
    assert picture[: side // 6, middle].mean() > 130 > 60 > picture[side // 2 : side, middle].mean()
    assert picture[side // 2 : side, : picture.shape[1] // 16].mean() > 60
    first, last = (
        np.asarray(Image.open(folder / "windows-jpg" / "in" / name / f"{name}_{number:05d}.jpg"))
        for number in (2, 39)
    )
    assert first.shape == (16, 16)
    assert first.mean() > 150 > 30 > last.mean()
    thumbnail = np.asarray(Image.open(folder / "report" / "thumbnails" / "in" / f"{name}.jpg").convert("L"))
    assert thumbnail[:10, 30:].mean() > 130 > 60 > thumbnail[60:, 30:].mean()


def test_the_settings_stand_beside_windows_and_pictures(take, file):
    folder = take()
    name = f"{STEM}_FU"
    text = (windows_in(folder, name) / f"{name}.txt").read_text("utf-8")
    told = {line[0]: line[1:] for line in csv.reader(text.splitlines(), delimiter="\t")}
    assert told["bias"] == ["-1.7", "V"]
    assert told["setpoint"] == ["50", "pA"]
    assert told["frame_width"] == ["6", "nm"]
    assert told["frame_height"] == ["9", "nm"]
    assert told["direction"][0] == "forward/up"
    assert told["flatten_method"][0] == "none"
    assert told["pixel_density"][0] == "8"
    assert told["windows"][0] == "40"
    assert told["source"][0] == str(file)
    assert (folder / "jpg" / "in" / f"{name}.txt").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("changes", "density"),
    [
        ({}, 8.0),
        ({"resample": False}, 64 / 6),
        ({"pixel_density": -0.5}, 32 / 6),
    ],
)
def test_the_density_of_a_prepared_map_is_told(file, changes, density):
    scan = read_mtrx(file)[0]
    recipe = Recipe(**{"pixel_density": 8.0, **changes})
    assert density_of(scan, recipe) == pytest.approx(density)
    flat = recipe.preprocessing.flat(scan)
    assert flat.shape[1] == pytest.approx(6 * density, abs=0.5)


def test_a_density_that_is_not_known_or_not_one_is_none(file):
    scan = read_mtrx(file)[0]
    own = Recipe(resample=False)
    assert density_of(replace(scan, pixel_size=None), own) is None
    assert density_of(replace(scan, pixel_size=(0.1, 0.2)), own) is None
    assert density_of(replace(scan, pixel_size=(0.1, 0.2)), Recipe(pixel_density=8.0)) == 8.0
