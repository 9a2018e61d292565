from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from napari_stmml.colours import NOT_SCANNED, STM_COLOURS, paint_classes, robust_limits
from napari_stmml.figures.colour_maps import colour_heights, colour_table
from napari_stmml.figures.footer import settings_words
from napari_stmml.figures.pictures import (
    as_data,
    save_outlines,
    save_overlay,
    save_scan_jpg,
    save_thumbnail,
    save_window_jpgs,
)
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.scan import Scan

GREY_BLUE = [round(255 * part) for part in NOT_SCANNED]
JPEG_LOSS = 12  # of 255


@pytest.fixture
def flat():
    """Lay a bright first band on smooth heights; the last rows are not scanned."""
    heights = np.add.outer(np.linspace(0, 0.2, 300), np.linspace(0, 0.3, 400))
    heights[:30] = 2.0
    heights[270:] = np.nan
    return heights


@pytest.fixture
def scan(flat):
    return Scan(flat, (0.1, 0.1), "forward/up", bias=-1.7, setpoint=0.05, source="x/a--1_3.Z_mtrx")


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def brightness(path):
    return pixels(path).mean(axis=(1, 2))


def test_the_lowest_height_has_the_first_colour_and_the_highest_the_last():
    painted = colour_heights(np.array([[0.0, 1.0, 2.0, 3.0, 4.0]]), limits=(0, 4))
    expected = np.array(STM_COLOURS) * 255
    assert painted.dtype == np.uint8
    assert np.abs(painted[0] - expected).max() < 3


def test_what_is_missing_is_blue_grey_in_every_colour_map():
    heights = np.array([[0.0, np.nan], [np.inf, 1.0]])
    for cmap in ("stm", "gray", "viridis"):
        painted = colour_heights(heights, cmap)
        assert painted[0, 1].tolist() == painted[1, 0].tolist() == GREY_BLUE


def test_outliers_do_not_darken_a_picture_and_limits_can_be_given(rng):
    heights = rng.normal(0, 1, (100, 100))
    heights[0, 0] = 1e6
    assert 100 < colour_heights(heights, "gray").mean() < 155
    assert colour_heights(heights, "gray", (0, 1e6))[1:].max() == 0


@pytest.mark.parametrize("value", [np.nan, 0.0, -5.5, 1e-300])
def test_a_map_of_one_height_or_of_none_is_coloured_without_a_warning(value):
    heights = np.full((4, 5), value)
    colours = {tuple(colour) for colour in colour_heights(heights).reshape(-1, 3)}
    assert len(colours) == 1
    assert (tuple(GREY_BLUE) in colours) == np.isnan(value)


def test_heights_stay_as_they_are(flat):
    before = flat.copy()
    colour_heights(flat)
    assert np.array_equal(flat, before, equal_nan=True)


@pytest.mark.parametrize(("wrong", "near"), [("viridsi", "viridis"), ("Stm", "stm"), ("GREY", "grey")])
def test_an_unknown_colour_map_is_refused_naming_the_nearest(wrong, near, flat):
    for act in (lambda: colour_table(wrong), lambda: colour_heights(flat, wrong)):
        with pytest.raises(ValueError, match=f"cmap '{wrong}' is not known; did you mean '{near}'"):
            act()


@pytest.mark.parametrize("name", ["stm", "gray", "viridis", "Greys_r"])
def test_known_colour_maps_pass(name):
    colour_table(name)


def test_the_image_stands_whole_above_the_footer(tmp_path, scan, flat):
    seen = pixels(save_scan_jpg(tmp_path / "new" / "a.jpg", scan, flat))
    rows, cols = flat.shape
    assert seen.shape[1] == cols
    assert seen.shape[0] > rows + 40
    assert np.abs(seen[:rows] - colour_heights(flat)).mean() < 2
    inside = np.abs(seen[40:260] - colour_heights(flat)[40:260])  # away from the edges of the bands
    assert inside.max() < JPEG_LOSS
    footer = seen[rows + 2 :]
    assert footer[:4].min() > 235  # paper first: nothing of the image runs into it
    assert (footer.min(axis=2) < 80).any()  # and then ink
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.jpg"]


def test_the_first_row_is_at_the_top_of_every_picture(tmp_path, scan, flat):
    labels = LabelMap(np.zeros(flat.shape, int))
    for path in (
        save_scan_jpg(tmp_path / "a.jpg", scan, flat, cmap="gray"),
        save_thumbnail(tmp_path / "b.jpg", flat, cmap="gray"),
        save_overlay(tmp_path / "c.png", scan, flat, labels),
    ):
        light = brightness(path)
        assert light[1] > 200, path.name
        assert light[len(light) // 3] < 150, path.name


def test_the_first_row_is_at_the_top_of_a_window_too(tmp_path):
    window = np.zeros((1, 16, 16), np.float32)
    window[0, :4] = 1
    light = brightness(save_window_jpgs(tmp_path, "a", window)[0])
    assert light[0] > 240 > 15 > light[-1]


@pytest.mark.parametrize(
    ("shape", "factor"), [((40, 100), 7), ((255, 300), 2), ((256, 300), 1), ((1, 2), 256)]
)
def test_a_small_scan_is_enlarged_by_a_whole_factor(tmp_path, rng, shape, factor):
    heights = rng.normal(size=shape)
    seen = pixels(save_scan_jpg(tmp_path / "a.jpg", Scan(heights, (1, 1)), heights, cmap="gray"))
    assert seen.shape[1] == shape[1] * factor
    wanted = np.kron(colour_heights(heights, "gray")[..., 0], np.ones((factor, factor)))
    assert np.abs(seen[: shape[0] * factor, :, 0] - wanted).mean() < 6


def test_pixels_that_are_not_square_are_stretched_to_the_frame(tmp_path, rng):
    heights = rng.normal(size=(300, 400))
    scan = Scan(heights, (0.2, 0.1))  # 60 nm high, 40 nm wide
    assert pixels(save_overlay(tmp_path / "a.png", scan, heights, LabelMap(heights > 0))).shape == (
        600,
        400,
        3,
    )
    page = pixels(save_scan_jpg(tmp_path / "a.jpg", scan, heights))
    assert page.shape[1] == 400
    assert np.abs(page[:600:2] - colour_heights(heights)).mean() < 8
    assert pixels(save_thumbnail(tmp_path / "b.jpg", heights, side=80)).shape == (60, 80, 3)


def test_rounding_of_a_resampled_scan_stretches_nothing(tmp_path, rng):
    scan = Scan(np.zeros((500, 500)), (0.04, 0.04))
    assert pixels(save_scan_jpg(tmp_path / "a.jpg", scan, rng.normal(size=(300, 299)))).shape[1] == 299


@pytest.mark.parametrize("shape", [(300, 256), (4000, 256), (300, 3000)])
@pytest.mark.parametrize("stem", ["a", "no_spaces_" * 20, "ünïcode µ Å 走査"])
def test_a_footer_fits_any_width_and_name(tmp_path, shape, stem):
    heights = np.zeros(shape)
    scan = Scan(heights, (0.1, 0.1), source=f"{stem}--1_1.Z_mtrx")
    seen = pixels(save_scan_jpg(tmp_path / "a.jpg", scan, heights))
    footer = seen[shape[0] + 2 :]
    assert footer[:, -3:].min() > 200  # no text runs over the right edge,
    assert footer[-3:].min() > 200  # or the lower


def test_a_scan_that_knows_nothing_has_a_footer_of_question_marks(tmp_path):
    nothing = Scan(np.full((30, 40), np.nan), None, channel="", unit="")
    words = settings_words(nothing, nothing.heights)
    for one in ("? nm", "? px/nm", "bias ? V", "setpoint ? pA", "direction ?", "channel ?", "taken ?"):
        assert one in words
    assert words[-1] == "height range ?"
    assert save_scan_jpg(tmp_path / "a.jpg", nothing, nothing.heights).exists()


def test_a_footer_says_what_is_known(scan):
    words = settings_words(scan, scan.heights)
    assert words[:7] == [
        "40 x 30 nm",
        "400 x 300 px",
        "10 px/nm",
        "bias -1.7 V",
        "setpoint 50 pA",
        "forward/up",
        "channel Z",
    ]
    assert words[-1] == "height range 1.98 nm"
    assert settings_words(scan, scan.heights[::2, ::2] * 0.1)[-2:] == [
        "prepared to 200 x 150 px",
        "height range 198 pm",
    ]


def test_density_is_said_along_both_axes_where_they_differ():
    assert "5 x 2 px/nm" in settings_words(Scan(np.zeros((2, 2)), (0.5, 0.2)), np.zeros((2, 2)))


def test_windows_become_grey_jpgs_numbered_from_nought(tmp_path):
    windows = np.stack([np.full((32, 32), value, np.float32) for value in (0, 0.5, 1, 2, np.nan)])
    paths = save_window_jpgs(tmp_path / "w", "scan_FU", windows)
    assert [path.name for path in paths] == [f"scan_FU_{i:05d}.jpg" for i in range(5)]
    assert [round(brightness(path).mean()) for path in paths] == [0, 128, 255, 255, 0]
    with Image.open(paths[0]) as image:
        assert (image.mode, image.size) == ("L", (32, 32))
    assert save_window_jpgs(tmp_path / "w", "none", np.empty((0, 32, 32))) == []


@pytest.mark.parametrize(
    ("shape", "size"), [((1000, 500), (96, 48)), ((10, 20), (48, 96)), ((3, 900), (1, 96))]
)
def test_a_thumbnail_keeps_the_aspect(tmp_path, rng, shape, size):
    assert pixels(save_thumbnail(tmp_path / "a.jpg", rng.normal(size=shape))).shape[:2] == size


def test_an_overlay_mixes_class_colours_over_the_heights_and_leaves_label_0_alone(tmp_path, flat, scan):
    labels = np.zeros(flat.shape, int)
    labels[:, 100:200], labels[:, 200:300] = 1, 3
    map_ = LabelMap(labels, colours={1: "#ff0000"})
    grey = colour_heights(flat, "gray").astype(float)
    for alpha in (0, 0.45, 1):
        seen = pixels(save_overlay(tmp_path / "a.png", scan, flat, map_, alpha=alpha))
        assert np.array_equal(seen[:, :100], grey[:, :100])
        red = (1 - alpha) * grey + alpha * np.array([255, 0, 0])
        assert np.abs(seen - red)[:, 100:200].max() < 2
        no_colour = (1 - alpha) * grey + alpha * 0x8C
        assert np.abs(seen - no_colour)[:, 200:300].max() < 2


def test_an_overlay_of_prepared_heights_lies_on_the_scans_own_pixels(tmp_path, flat, scan):
    labels = LabelMap(np.ones(flat.shape, int))
    assert pixels(save_overlay(tmp_path / "a.png", scan, flat[::3, ::3], labels)).shape[:2] == flat.shape


@pytest.mark.parametrize("alpha", [-0.01, 1.01, float("nan")])
def test_an_opacity_beyond_0_to_1_is_refused(tmp_path, flat, scan, alpha):
    with pytest.raises(ValueError, match=f"alpha .* must be 0 to 1, got {alpha}"):
        save_overlay(tmp_path / "a.png", scan, flat, LabelMap(flat > 1), alpha=alpha)
    assert not list(tmp_path.iterdir())


def test_a_pixel_has_its_classs_colour_is_white_where_unlabelled_and_grey_without_a_colour():
    labels = np.array([[0, 1, 2, 3, 70000]])
    colours = {1: "#ff0000", 2: "#0000ff80", 3: "nonsense", 0: "#123456", 9: "#000000"}
    for used in (labels[:, :4], labels):  # by a table, and by sorting
        painted = paint_classes(used, colours)
        assert painted.dtype == np.uint8
        assert painted[0, :3].tolist() == [[255, 255, 255], [255, 0, 0], [0, 0, 255]]
        assert (painted[0, 3:] == 0x8C).all()


def test_limits_of_nothing_are_0_and_1():
    assert robust_limits(np.full((2, 2), np.nan)) == (0.0, 1.0)


def test_real_scans_make_pictures(tmp_path, shared_data):
    from napari_stmml import find_scans, read_mtrx
    from napari_stmml.heights.flatten import flatten

    for path in find_scans(shared_data / "mtrx"):
        scan = read_mtrx(path)[0]
        flat = flatten(scan.heights)
        seen = pixels(save_scan_jpg(tmp_path / "a.jpg", scan, flat))
        assert np.abs(seen[: flat.shape[0]] - colour_heights(flat)).mean() < 5


def test_objects_that_touch_have_their_own_outlines_in_the_colours_of_their_types(scan, flat, tmp_path):
    objects = np.zeros(flat.shape, int)
    objects[100:160, 100:160], objects[100:160, 160:220], objects[200:230, 300:330] = 1, 2, 3
    labels = LabelMap(
        np.where(objects == 3, 0, np.minimum(objects, 1)), colours={1: "#ff0000"}, objects=objects
    )
    picture = pixels(save_outlines(tmp_path / "a.jpg", scan, flat, labels, side=400))
    assert picture.shape == (300, 400, 3)
    red = (picture[..., 0] > 180) & (picture[..., 1] < 90)
    assert red[130, 160]  # between the two
    assert red[130, 100]
    assert red[100, 190]
    assert not red[120:140, 110:150].any()
    assert not red[195:235, 295:335].any()
    grey = picture[215, 300]
    assert np.ptp(grey) < 20
    assert abs(grey.mean() - 140) < 30


def test_a_picture_as_text_is_a_png_of_its_side():
    data = as_data(np.eye(20), side=33)
    with Image.open(BytesIO(b64decode(data.removeprefix("data:image/png;base64,")))) as image:
        assert image.size == (33, 33)
