"""Pictures without a microscope's header: with a scale they are scans, else a sentence says what to give."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_stmml import find_scans
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.run import run_job
from napari_stmml.cli import main
from napari_stmml.io.formats import read_scan_file, read_settings
from napari_stmml.io.given_scale import GivenScale, given_scale
from napari_stmml.io.label_tiff import LabelMap, write_values
from napari_stmml.io.pictures import NoScale, give_scale
from napari_stmml.scan import ScanFileError

VALUES = np.arange(20, dtype=np.uint8).reshape(4, 5)
pytestmark = pytest.mark.usefixtures("home")


def write_npz(path):
    np.savez(path, heights=VALUES, note=np.zeros(3))


WRITERS = {
    "a.npy": lambda path: np.save(path, VALUES),
    "a.npz": write_npz,
    "a.tif": lambda path: tifffile.imwrite(path, VALUES),
    "a.png": lambda path: Image.fromarray(VALUES).save(path),
    "grey.png": lambda path: Image.fromarray(np.stack([VALUES] * 3, axis=-1)).save(path),
    "deep.PNG": lambda path: Image.fromarray(VALUES.astype(np.uint16)).save(path),
}


@pytest.fixture(params=WRITERS)
def path(request, tmp_path):
    WRITERS[request.param](tmp_path / request.param)
    return tmp_path / request.param


def test_without_a_scale_one_sentence_says_what_to_give(path):
    with pytest.raises(NoScale, match=rf"No scale: {path.name} .* --pixel-size NM, as pixel_size in a job"):
        read_scan_file(path)


def test_with_a_scale_it_is_a_scan_of_which_nothing_else_is_known(path):
    give_scale([path], 0.25)
    (scan,) = read_scan_file(path)
    np.testing.assert_array_equal(scan.heights, VALUES)
    assert (scan.pixel_size, scan.unit) == ((0.25, 0.25), "")
    assert (scan.direction, scan.bias, scan.setpoint, scan.angle, scan.offset, scan.taken) == (
        "",
        *[None] * 5,
    )
    rows = {row.label: row.text for row in read_settings(path).rows()}
    assert rows == {"Pixel size": "0.25 nm", "Scale is from": "a person"}


def test_with_a_height_scale_its_values_are_heights_in_nm(path):
    give_scale([path], 0.25, 0.01)
    (scan,) = read_scan_file(path)
    np.testing.assert_allclose(scan.heights, VALUES * 0.01)
    assert scan.unit == "nm"


def test_a_scale_goes_with_the_picture_wherever_it_lies(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "scan.npy", VALUES)
    np.save(tmp_path / "other.npy", VALUES + 1)
    give_scale([tmp_path / "a" / "scan.npy"], 0.5)
    assert given_scale(tmp_path / "b" / "scan.npy") == GivenScale(0.5)
    assert given_scale(tmp_path / "other.npy") is None
    give_scale([tmp_path / "a" / "scan.npy"], 0.25)
    assert given_scale(tmp_path / "b" / "scan.npy") == GivenScale(0.25)


def test_what_was_kept_and_cannot_be_read_counts_as_not_given(tmp_path, home):
    np.save(tmp_path / "a.npy", VALUES)
    give_scale([tmp_path / "a.npy"], 0.5)
    (kept,) = (home / "scales").iterdir()
    for text in ("", "[1]", '{"pixel_size": -1}', '{"pixel_size": "x"}', '{"size": 1}'):
        kept.write_text(text)
        assert given_scale(tmp_path / "a.npy") is None


@pytest.mark.parametrize(("size", "height"), [(-0.1, 0), (float("nan"), 0), (1e9, 0), (0.1, -1)])
def test_an_impossible_scale_is_refused(tmp_path, size, height):
    with pytest.raises(ValueError, match=r"must be"):
        give_scale([tmp_path / "a.png"], size, height)


@pytest.mark.parametrize(("unit", "per_unit"), [("nm", 4.0), ("um", 4000.0), ("\\u00B5m", 4000.0)])
def test_a_tiff_of_imagej_needs_no_scale(tmp_path, unit, per_unit):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, VALUES, imagej=True, resolution=(per_unit, per_unit), metadata={"unit": unit})
    (scan,) = read_scan_file(path)
    assert scan.pixel_size == pytest.approx((0.25, 0.25), rel=1e-6)
    assert read_settings(path).rows()[1].text == "the file"


def test_a_tiff_with_pixels_per_cm_of_a_microscope_needs_no_scale_and_one_of_a_screen_does(tmp_path):
    (scan,) = read_scan_file(write_values(tmp_path / "fine.tif", VALUES, (0.5, 0.25)))
    assert scan.pixel_size == pytest.approx((0.5, 0.25), rel=1e-6)
    tifffile.imwrite(tmp_path / "screen.tif", VALUES, resolution=(72, 72), resolutionunit="INCH")
    with pytest.raises(NoScale):
        read_scan_file(tmp_path / "screen.tif")


def test_pictures_are_named_one_by_one_and_not_searched_for_in_folders(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    with pytest.raises(ScanFileError, match="No scans"):
        find_scans(tmp_path)
    assert find_scans(tmp_path / "a.npy") == [tmp_path / "a.npy"]


# The command line and a job


def test_the_command_line_takes_a_scale_and_remembers_it(tmp_path, capsys):
    np.save(tmp_path / "a.npy", VALUES)
    assert main(["info", str(tmp_path / "a.npy")]) == 1
    assert "--pixel-size NM" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "a.npy"), "--pixel-size", "0.5"]) == 0
    assert "5 x 4 px, 2.5 x 2 nm" in capsys.readouterr().out
    assert main(["info", str(tmp_path / "a.npy")]) == 0


def test_a_job_gives_its_pictures_the_scale_that_it_names(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(120, 120)))
    values = {"recipe": "instant", "job_name": "j", "train_path": ["a.npy"], "pixel_size": 0.1}
    run_job(JobFile(values | {"height_scale": 0.5}, tmp_path), ("process",), processes=1)
    text = (tmp_path / "j" / "report" / "ingest.csv").read_text()
    assert ",kept," in text
    assert given_scale(tmp_path / "a.npy") == GivenScale(0.1, 0.5)


# What is wrong is one sentence


def test_what_holds_no_map_is_named(tmp_path):
    rgb = np.dstack([VALUES, VALUES + 1, VALUES])
    LabelMap(VALUES).write(tmp_path / "labels.tif")
    np.save(tmp_path / "stack.npy", np.zeros((2, 3, 4)))
    np.save(tmp_path / "object.npy", np.array([[{}]], object), allow_pickle=True)
    np.savez(tmp_path / "two.npz", a=VALUES, b=VALUES)
    np.savez_compressed(tmp_path / "packed.npz", a=np.zeros((100, 100)))
    Image.fromarray(rgb).save(tmp_path / "coloured.png")
    (tmp_path / "none.png").write_bytes(b"GIF89a")
    for name, message in {
        "labels.tif": "is a label map of napari-stmml",
        "stack.npy": r"holds float64 of shape \(2, 3, 4\)",
        "object.npy": "no array of plain numbers",
        "two.npz": "must hold one map .* and holds a, b",
        "packed.npz": "packed",
        "coloured.png": "is coloured; save it in grey",
        "none.png": "none.png",
    }.items():
        give_scale([tmp_path / name], 0.1)
        with pytest.raises(ScanFileError, match=message):
            read_scan_file(tmp_path / name)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_read(tmp_path):
    Image.new("L", (5000, 5000)).save(tmp_path / "a.png")
    with pytest.raises(ScanFileError, match=r"Too large: a.png has 5000 x 5000 pixels"):
        read_scan_file(tmp_path / "a.png")


def test_real_pictures_of_others_are_read(shared_data):
    for name in ("images/tio2-m70.npy", "wse2-simulated/0_constant_current_profile.png"):
        give_scale([shared_data / name], 0.05)
        (scan,) = read_scan_file(shared_data / name)
        assert min(scan.heights.shape) >= 64
