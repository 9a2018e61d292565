import os
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
import tifffile

from napari_stmml.io.label_tiff import LabelMap, is_label_map, read_values, write_values
from napari_stmml.io.tiff_page import read_page

LABELS = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.fixture
def ours(tmp_path):
    """Write a label map of 16 x 16 px; return its file."""
    return LabelMap(LABELS, (0.1, 0.1), names={1: "holes"}).write(tmp_path / "a.tif")


def with_tag(path, name, value, at=0):
    """Change a number in the first page of a TIFF, in place."""
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags[name]
        size = 4 if tag.dtype == 4 else 2
        where = tag.valueoffset + at * size
    raw = bytearray(path.read_bytes())
    raw[where : where + size] = struct.pack("<I" if size == 4 else "<H", value)
    path.write_bytes(raw)
    return path


def refusal(path):
    start = time.perf_counter()
    with pytest.raises(ValueError) as refused:
        LabelMap.read(path)
    assert time.perf_counter() - start < 2
    assert str(refused.value).startswith(f"{path.name} cannot be read as a TIFF: ")
    assert len(str(refused.value)) < 300
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ImageLength", 2**31, "it is too large: 2147483648 x 16 px, at most 128 MiB are read"),
        ("ImageLength", 16 + 2**16, "its pixels stand in 4097 pieces, and 1 are listed"),
        ("ImageWidth", 0, "its tags say 16 x 0 px"),
        ("RowsPerStrip", 0, "its tags say 16 x 16 px in pieces of 0 x 16"),
        ("RowsPerStrip", 1, "its pixels stand in 16 pieces, and 1 are listed"),
        ("Compression", 5, "its pixels are packed as"),
        ("BitsPerSample", 3, "its pixels are no map of numbers"),
        ("SamplesPerPixel", 3, "its pixels are no map of numbers"),
    ],
)
def test_a_changed_tag_is_refused_at_once_in_one_sentence(ours, name, value, message):
    with tifffile.TiffFile(ours) as file:
        fits = file.pages[0].tags[name].dtype == 4 or value < 2**16
    if not fits:
        pytest.skip("this tag is of two bytes")
    assert message in refusal(with_tag(ours, name, value))


def test_a_large_map_of_one_colour_is_not_unpacked(tmp_path):
    """200 MB of zeros stand in 200 kB where a piece of 256 bytes should."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), description="{}", compression="zlib", metadata=None)
    bomb = zlib.compress(bytes(200 << 20), 9)
    raw = path.read_bytes() + bomb
    path.write_bytes(raw)
    with_tag(path, "StripOffsets", len(raw) - len(bomb))
    with_tag(path, "StripByteCounts", len(bomb) % 2**16)
    with pytest.raises(
        ValueError, match=r"a\.tif cannot be read as a TIFF: a piece of 256 bytes is packed into"
    ):
        read_page(path)
    with_tag(path, "StripByteCounts", 1000)
    with pytest.raises(ValueError, match="unpacks to more than the 256 bytes that it should"):
        read_page(path)


def test_pixels_that_are_not_all_there_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", LABELS, metadata=None)
    with_tag(tmp_path / "a.tif", "StripByteCounts", 10)
    with pytest.raises(ValueError, match="its pixels need 256 bytes, and 10 are listed"):
        read_page(tmp_path / "a.tif")


def test_a_stack_of_maps_is_not_taken_for_its_first(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 16, 16), np.uint8), photometric="minisblack")
    with pytest.raises(ValueError, match=r"a\.tif cannot be read as a TIFF: it has several pages"):
        read_page(tmp_path / "a.tif")


def test_a_pipe_a_folder_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "device.tif").symlink_to("/dev/zero")
    for kind in ("pipe", "folder", "device"):
        assert not is_label_map(tmp_path / f"{kind}.tif")
        assert f"{kind}.tif is a {kind}, not a file" in refusal(tmp_path / f"{kind}.tif")


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zlib", "rowsperstrip": 3},
        {"tile": (16, 32), "compression": "zlib"},
        {"tile": (16, 16)},
        {"bigtiff": True},
        {"byteorder": ">"},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, bool])
def test_maps_of_other_programs_are_read_as_tifffile_reads_them(tmp_path, how, dtype):
    if "predictor" in how and np.dtype(dtype).kind in "fb":
        pytest.skip("tifffile has no such predictor without imagecodecs")
    values = np.arange(41 * 33).reshape(41, 33).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, metadata=None, photometric="minisblack", **how)
    again = read_page(tmp_path / "a.tif")
    assert again.dtype.newbyteorder("=") == values.dtype
    np.testing.assert_array_equal(again, values)


def test_numbers_come_back_as_they_were(tmp_path, rng):
    values = rng.normal(size=(7, 9)).astype(np.float32)
    np.testing.assert_array_equal(read_values(write_values(tmp_path / "a.tif", values, (0.1, 0.2))), values)


def test_what_is_wrong_with_a_tiff_is_said_in_the_sentence_alone(tmp_path, ours):
    raw = ours.read_bytes()
    ours.write_bytes(raw[:12] + b"\xff\xff" + raw[14:])  # the type of the first tag
    code = f"from napari_stmml.io.label_tiff import is_label_map; is_label_map({str(ours)!r})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("", "")
