import json

import numpy as np
import pytest
import skimage.io
import tifffile
from PIL import Image

from napari_stmml.io.label_tiff import LabelMap, is_label_map, read_labels
from napari_stmml.io.tiff_page import opened_page

DTYPES = {200: np.uint8, 60_000: np.uint16, 70_000: np.uint32}


def labelled(rng, most=200, **known):
    labels = rng.integers(0, 5, (7, 11))
    labels[2, 3] = most
    return LabelMap(labels, **{"pixel_size": (0.05, 0.04), "names": {1: "row", most: "Leerstelle"}, **known})


def described(path, about, labels=None):
    """Write a TIFF whose description is what we say."""
    description = about if isinstance(about, str) else json.dumps({"napari-stmml": about})
    labels = np.zeros((3, 4), np.uint8) if labels is None else labels
    tifffile.imwrite(path, labels, description=description, metadata=None)
    return path


def same(one, other):
    assert one.labels.dtype == other.labels.dtype
    assert np.array_equal(one.labels, other.labels)
    for name in ("pixel_size", "names", "colours", "name", "scan", "placement"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.objects is None) == (other.objects is None)
    assert one.objects is None or np.array_equal(one.objects, other.objects)


@pytest.mark.parametrize("most", DTYPES)
def test_write_then_read_is_the_identity(tmp_path, rng, most):
    before = labelled(
        rng,
        most,
        colours={1: "#ff0000", most: "#00ff0080"},
        name="1_3 Z forward/up labels",
        scan={"bias": -1.7, "source": "a--1_3.Z_mtrx", "model": "si.stmml"},
        placement={"translate": [1.5, -2.0], "rotate": [[0.0, 1.0], [-1.0, 0.0]]},
    )
    path = before.write(tmp_path / "new" / "a.stmml.tif")
    assert is_label_map(path)
    same(LabelMap.read(path), before)
    assert [file.name for file in path.parent.iterdir()] == ["a.stmml.tif"]


def test_a_map_without_scale_and_classes_comes_back_as_it_was(tmp_path, rng):
    before = LabelMap(rng.integers(0, 3, (4, 4)))
    same(LabelMap.read(before.write(tmp_path / "a.tif")), before)


@pytest.mark.parametrize("most", [7, 300, 70_000])
def test_objects_come_back_and_other_programs_see_the_labels_alone(tmp_path, rng, most):
    objects = rng.integers(0, 4, (7, 11))
    objects[0, 0] = most
    before = labelled(rng, objects=objects)
    path = before.write(tmp_path / "a.stmml.tif")
    same(LabelMap.read(path), before)
    same(read_labels(path), before)
    assert np.array_equal(tifffile.imread(path), before.labels)
    with Image.open(path) as picture:
        assert np.array_equal(np.array(picture), before.labels)


def test_objects_of_another_shape_are_refused_and_a_lost_page_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"objects of \(2, 3\) px do not fit labels of \(3, 4\) px"):
        LabelMap(np.zeros((3, 4), int), objects=np.zeros((2, 3), int))
    path = described(tmp_path / "a.tif", {"format": 2})
    with pytest.raises(ValueError, match=r"a\.tif cannot be read as a TIFF"):
        LabelMap.read(path)


@pytest.mark.parametrize("name", ["Stufe/Kante", "空孔", "vacancy ⟨110⟩ 🙂", 'quoted "x"\n', ""])
def test_any_name_survives(tmp_path, name):
    before = LabelMap(np.eye(3, dtype=int), names={1: name}, name=name)
    same(LabelMap.read(before.write(tmp_path / "a.tif")), before)


@pytest.mark.parametrize(("most", "dtype"), DTYPES.items())
def test_labels_are_kept_in_the_smallest_type_that_holds_them_and_their_names(rng, most, dtype):
    assert labelled(rng, most).labels.dtype == dtype
    assert LabelMap(np.zeros((2, 2), int), names={most: "rare"}).labels.dtype == dtype


def test_a_mask_is_a_label_map():
    assert LabelMap(np.eye(2, dtype=bool)).labels.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("size", [0.001, 0.0024, 0.01, 0.04, 0.1, 1 / 3, np.pi, 24.9 / 500, 1e3, 1e6])
def test_imagej_and_tifffile_know_nanometres_per_pixel(tmp_path, size):
    path = LabelMap(np.eye(3, dtype=int), (size, 2 * size), {1: "a=b: c"}).write(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        assert file.imagej_metadata["unit"] == "nm"
        across, down = (file.pages[0].tags[name].value for name in ("XResolution", "YResolution"))
    assert (down[1] / down[0], across[1] / across[0]) == pytest.approx((size, 2 * size), rel=1e-8)
    with opened_page(path) as page:
        assert page.pixel_size == pytest.approx((size, 2 * size), rel=1e-8)
    assert LabelMap.read(path).names == {1: "a=b: c"}


@pytest.mark.parametrize("size", [0.0024, 0.1, 1 / 3, 1e3])
def test_a_map_with_objects_has_pixels_per_cm_so_that_nobody_takes_it_for_a_stack(tmp_path, size):
    labels = np.eye(3, dtype=int)
    path = LabelMap(labels, (size, 2 * size), objects=labels).write(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        tags = {name: file.pages[0].tags[name].value for name in ("XResolution", "YResolution")}
        assert file.pages[0].tags["ResolutionUnit"].value == 3  # centimetre
    nm = {name: 1e7 * denominator / numerator for name, (numerator, denominator) in tags.items()}
    assert (nm["YResolution"], nm["XResolution"]) == pytest.approx((size, 2 * size), rel=1e-8)
    assert np.array_equal(skimage.io.imread(path), labels)


def test_pixels_too_small_for_a_tiff_have_the_largest_resolution_and_their_size_in_the_json(tmp_path):
    labels = np.eye(3, dtype=int)
    path = LabelMap(labels, (0.001, 0.001), objects=labels).write(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        assert file.pages[0].tags["XResolution"].value == (2**32 - 1, 1)
    assert LabelMap.read(path).pixel_size == (0.001, 0.001)


@pytest.mark.parametrize("most", DTYPES)
def test_other_programs_see_the_same_labels(tmp_path, rng, most):
    ours = labelled(rng, most)
    path = ours.write(tmp_path / "a.tif")
    assert np.array_equal(tifffile.imread(path), ours.labels)
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), ours.labels)
        assert image.info["resolution"] == pytest.approx((1 / 0.04, 1 / 0.05), rel=1e-6)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 2)), r"labels must be a map of whole numbers, got float64 of shape \(2, 2\)"),
        (np.zeros((2, 2, 2), int), r"whole numbers, got int64 of shape \(2, 2, 2\)"),
        (np.zeros((0, 2), int), r"whole numbers, got int64 of shape \(0, 2\)"),
        (np.array([[-1, 2]]), "labels must be 0 to 4294967295, got -1 to 2"),
        (np.array([[0, 2**32]]), "labels must be 0 to 4294967295, got 0 to 4294967296"),
    ],
)
def test_what_is_no_label_map_is_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        LabelMap(labels)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"hello", None])
def test_a_file_that_is_no_tiff_is_refused_by_name(tmp_path, content):
    path = tmp_path / "a.tif"
    if content is not None:
        path.write_bytes(content)
    assert not is_label_map(path)
    with pytest.raises(ValueError, match=r"a\.tif cannot be read as a TIFF"):
        LabelMap.read(path)


@pytest.mark.parametrize(
    "description", ["", "ImageJ=1.53", "[1, 2]", "3", '{"napari-stmml": 3}', '{"other": {}}', "{"]
)
def test_another_programs_tiff_is_refused_by_name(tmp_path, description):
    path = described(tmp_path / "a.tif", description)
    assert not is_label_map(path)
    with pytest.raises(
        ValueError, match=r"a\.tif holds no classes of napari-stmml; open it as a plain image"
    ):
        LabelMap.read(path)


@pytest.mark.parametrize("format_", [3, 99, None, "1"])
def test_a_format_that_is_not_known_is_refused_by_name(tmp_path, format_):
    path = described(tmp_path / "a.tif", {"format": format_})
    with pytest.raises(ValueError, match=rf"a\.tif has format {format_}, this program reads up to 2"):
        LabelMap.read(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": {"one": "row"}},
        {"names": [1]},
        {"colours": {"1.5": "#ff0000"}},
        {"pixel_size_nm": [0.1]},
        {"pixel_size_nm": "small"},
        {"pixel_size_nm": [0.1, 0.0]},
        {"pixel_size_nm": [0.1, float("nan")]},
        {"names": {"-1": "row"}},
        {"names": {"9" * 5000: "row"}},
        {"names": {str(10**30): "row"}},
        {"colours": {"1": "<img src=x>"}},
        {"colours": {"1": "red"}},
        {"scan": 3},
        {"scan": {"source": 3}},
        {"scan": {"taken": [1]}},
        {"placement": ["x"]},
        {"placement": {"data": [1, 2]}},
        {"placement": {"translate": [1, 2, 3]}},
        {"placement": {"translate": [1, float("nan")]}},
        {"placement": {"affine": [[1e300, 0, 0], [0, 1, 0], [0, 0, 1]]}},
        {"placement": {"rotate": "left"}},
    ],
)
def test_damaged_classes_are_refused_by_name(tmp_path, wrong):
    path = described(tmp_path / "a.tif", {"format": 1, **wrong})
    with pytest.raises(ValueError, match=r"a\.tif is damaged: "):
        LabelMap.read(path)


@pytest.mark.parametrize("labels", [np.zeros((3, 4), np.float32), np.full((3, 4), -1, np.int16)])
def test_our_classes_on_what_is_no_label_map_are_refused_by_name(tmp_path, labels):
    path = described(tmp_path / "a.tif", {"format": 1}, labels)
    with pytest.raises(ValueError, match=r"a\.tif is damaged: labels must be"):
        LabelMap.read(path)


def test_a_map_cut_short_is_refused_by_name(tmp_path, rng):
    path = labelled(rng).write(tmp_path / "a.tif")
    raw = path.read_bytes()
    for kept in range(0, len(raw), 25):
        path.write_bytes(raw[:kept])
        with pytest.raises(
            ValueError, match=r"a\.tif (cannot be read as a TIFF|holds no classes|is damaged)"
        ):
            LabelMap.read(path)


def test_a_map_of_another_program_with_a_number_for_every_pixel_has_no_classes(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.arange(300 * 300, dtype=np.uint32).reshape(300, 300))
    with pytest.raises(
        ValueError, match=r"a\.tif is no label map: it has 89999 different numbers, at most 65536"
    ):
        read_labels(tmp_path / "a.tif")
