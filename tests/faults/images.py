"""MATRIX files, label maps, TIFFs of other programs and truths, and what makes one field of them wrong."""

import io
import json
import re
import struct
from pathlib import Path

import numpy as np
import tifffile
from hypothesis import strategies as st

from napari_stmml.io.tiff_page import IMAGEJ
from tests.faults.kinds import Format, either
from tests.faults.mutations import NUMBERS, VALUES, anything, mutated, with_wrong_leaf

# ---- MATRIX


@st.composite
def _wrong_setting(draw, raw: bytes) -> bytes:
    """Give one of the values of a parameter file another number, or another type."""
    places = [match.start() for match in re.finditer(b"GNOL|BUOD|LOOB|GRTS", raw)]
    at = places[draw(anything) % len(places)]
    kind = draw(st.sampled_from((raw[at : at + 4], raw[at : at + 4], b"GNOL", b"BUOD", b"GRTS", b"LOOB")))
    number = struct.pack("<q", max(min(draw(st.sampled_from(NUMBERS)), 2**63 - 1), -(2**63)))
    real = struct.pack("<d", draw(st.sampled_from((0.0, -1.0, 1e308, float("nan"), float("inf"), 1e-300))))
    return raw[:at] + kind + draw(st.sampled_from((number[:4], number, real))) + raw[at + 12 :]


@st.composite
def _wrong_size(draw, raw: bytes) -> bytes:
    """Put a number of four bytes into the header of a data file, where its counts of points stand."""
    at = draw(st.sampled_from(range(12, 104, 4)))
    number = draw(st.sampled_from(NUMBERS)) % 2**32
    return raw[:at] + struct.pack("<L", number) + raw[at + 4 :]


def scans(folder: Path) -> dict[str, Format]:
    from napari_stmml.io.formats import read_scan_file, read_settings
    from napari_stmml.io.matrix.writer import Frame, write_session
    from napari_stmml.scan import DIRECTIONS

    heights = np.random.default_rng(0).normal(size=(8, 8))
    frame = Frame(dict.fromkeys(DIRECTIONS, heights), width_nm=2.0, height_nm=2.0, comment="a\nb")
    data = write_session(folder, [frame], session="s")[0]
    files = {one.name: one.read_bytes() for one in folder.iterdir()}
    parameter = next(name for name in files if name.endswith(".mtrx"))

    def read(path: Path) -> object:
        scan = path.parent / data.name
        settings = read_settings(scan)
        return read_scan_file(scan), settings.as_dict(), settings.rows()

    def of(name: str, *wrong: st.SearchStrategy[bytes]) -> Format:
        return Format(files, name, read, either(files[name], *wrong), (data.name,))

    return {
        "MATRIX scan": of(data.name, _wrong_size(files[data.name])),
        "MATRIX parameter file": of(parameter, _wrong_setting(files[parameter])),
    }


# ---- Other microscopes


@st.composite
def _wrong_entry(draw, raw: bytes, end: bytes = b":SCANIT_END:") -> bytes:
    """Give one of the entries of a Nanonis header another number or text."""
    places = list(re.finditer(rb"[-+.0-9E]+|both|up|FLOAT|MSBFIRST", raw[: raw.index(end)]))
    place = places[draw(anything) % len(places)]
    number = draw(st.one_of(st.sampled_from(NUMBERS), st.floats(), st.text(max_size=5)))
    return raw[: place.start()] + str(number).encode("latin-1", "replace") + raw[place.end() :]


@st.composite
def _wrong_component(draw, raw: bytes) -> bytes:
    """Give one of the components of a file of Gwyddion another kind, size or number."""
    places = [
        match.end() for match in re.finditer(rb"xres|yres|xreal|xoff|data|mask|meta|unitstr|Container", raw)
    ]
    at = places[draw(anything) % len(places)]
    number = struct.pack("<q", max(min(draw(st.sampled_from(NUMBERS)), 2**63 - 1), -(2**63)))
    kind = draw(st.sampled_from((raw[at + 1 : at + 2], *(bytes([one]) for one in b"osbciqdCIQDSO"))))
    return raw[: at + 1] + kind + draw(st.sampled_from((number[:4], number))) + raw[at + 6 :]


def _picture(folder: Path) -> bytes:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    return (folder / "a.png").read_bytes()


def _read_png(path: Path) -> object:
    """Read a picture for which nobody has given a scale, as far as that goes."""
    from napari_stmml.io.formats import read_scan_file
    from napari_stmml.io.pictures import NoScale

    try:
        return read_scan_file(path)
    except NoScale:
        return None


def other_microscopes(folder: Path) -> dict[str, Format]:
    from napari_stmml.io.curve_files import read_curves
    from napari_stmml.io.formats import read_masks, read_scan_file, read_settings
    from napari_stmml.io.gwyddion import write_gwy
    from napari_stmml.io.nanonis_grid import read_grid
    from napari_stmml.scan import Scan
    from napari_stmml.simulate.nanonis import write_sxm
    from tests.io.test_grid import write_grid

    heights = np.random.default_rng(0).normal(size=(8, 8))
    path = write_sxm(folder / "a.sxm", {"forward/up": heights, "backward/up": heights}, (2.0, 2.0))

    def read(path: Path) -> object:
        settings = read_settings(path)
        return read_scan_file(path), read_masks(path), settings.as_dict(), settings.rows()

    sxm = path.read_bytes()
    labels = (heights > 0).astype(np.uint8)
    gwy = write_gwy(folder / "a.gwy", Scan(heights, (0.1, 0.1), bias=1.0), labels, {1: "a"}).read_bytes()
    picture = _picture(folder)
    curve = b"Experiment\tx\r\nX (m)\t1E-9\r\nY (m)\t2E-9\r\n"
    curve += b"[DATA]\r\nBias (V)\tCurrent (A)\r\n0\t1E-9\r\n1\t2E-9\r\n"
    grid = write_grid(folder / "a.3ds").read_bytes()
    return {
        "Nanonis grid": Format(
            {"a.3ds": grid}, "a.3ds", read_grid, either(grid, _wrong_entry(grid, b":HEADER_END:"))
        ),
        "Nanonis curve": Format({"a.dat": curve}, "a.dat", read_curves, mutated(curve)),
        "picture": Format({"a.png": picture}, "a.png", _read_png, mutated(picture)),
        "Nanonis scan": Format({"a.sxm": sxm}, "a.sxm", read, either(sxm, _wrong_entry(sxm))),
        "file of Gwyddion": Format({"a.gwy": gwy}, "a.gwy", read, either(gwy, _wrong_component(gwy))),
    }


# ---- TIFF


@st.composite
def _wrong_tag(draw, raw: bytes) -> bytes:
    """Give one tag of a TIFF another type, count or value."""
    (start,) = struct.unpack_from("<L", raw, 4)
    (count,) = struct.unpack_from("<H", raw, start)
    at = start + 2 + 12 * (draw(anything) % count)
    where, wide = draw(st.sampled_from(((0, "H"), (2, "H"), (4, "L"), (8, "L"), (8, "L"), (8, "H"))))
    number = draw(st.one_of(st.sampled_from(NUMBERS), st.integers(0, 400)))
    put = struct.pack(f"<{wide}", number % 2 ** (8 * struct.calcsize("<" + wide)))
    return raw[: at + where] + put + raw[at + where + len(put) :]


@st.composite
def _wrong_description(draw, about: dict) -> bytes:
    """Write a label map whose description has one wrong value."""
    known = with_wrong_leaf(about, draw(anything), draw(st.sampled_from(VALUES)))
    content = io.BytesIO()
    tifffile.imwrite(
        content, np.eye(8, dtype=np.uint8), description=json.dumps(known), metadata=None, compression="zlib"
    )
    return content.getvalue()


def tiffs(folder: Path) -> dict[str, Format]:
    from napari_stmml.io.label_tiff import LabelMap, is_label_map, read_labels, read_values
    from napari_stmml.scan import Scan
    from napari_stmml.truth.truth_file import TruthFile
    from napari_stmml.viewer.io.layers import labels_to_layer

    place = {"translate": [1.0, 2.0], "rotate": [[0.0, 1.0], [-1.0, 0.0]], "affine": np.eye(3).tolist()}
    scan = Scan(np.zeros((8, 8)), (0.1, 0.1), "forward/up", bias=1.0, source="a--1_1.Z_mtrx")
    labels = LabelMap(
        np.eye(8, dtype=int), (0.1, 0.1), {1: "holes"}, {1: "#ff0000"}, scan=scan.settings(), placement=place
    )
    raw = labels.write(folder / "a.tif").read_bytes()
    with tifffile.TiffFile(folder / "a.tif") as file:
        about = json.loads(file.pages[0].tags["ImageDescription"].value.removeprefix(IMAGEJ))
    tifffile.imwrite(folder / "b.tif", np.arange(64, dtype=np.uint16).reshape(8, 8), software="other")
    other = (folder / "b.tif").read_bytes()
    truth = TruthFile(scan, folder=folder).save(np.eye(8, dtype=np.uint8), {1: "holes"}, {1: "#ff0000"}).path
    with tifffile.TiffFile(truth) as file:
        of_truth = json.loads(file.pages[0].tags["ImageDescription"].value.removeprefix(IMAGEJ))

    def read_map(path: Path) -> object:
        is_label_map(path)
        return labels_to_layer(LabelMap.read(path))

    def read_other(path: Path) -> object:
        return read_values(path), read_labels(path)

    def read_truth(path: Path) -> object:
        file = TruthFile(scan, folder=path.parent)
        found = file.load()
        if file.problem:
            raise ValueError(file.problem)
        return found, file.model, file.saved

    in_truth = {truth.name: truth.read_bytes()}
    wrong_truth = either(in_truth[truth.name], _wrong_tag(in_truth[truth.name]), _wrong_description(of_truth))
    objects = LabelMap(np.eye(8, dtype=int), (0.1, 0.1), {1: "adatom"}, objects=np.diag(range(8)))
    of_objects = objects.write(folder / "c.tif").read_bytes()
    return {
        "map of objects": Format(
            {"a.tif": of_objects}, "a.tif", read_map, either(of_objects, _wrong_tag(of_objects))
        ),
        "label map": Format(
            {"a.tif": raw}, "a.tif", read_map, either(raw, _wrong_tag(raw), _wrong_description(about))
        ),
        "TIFF of others": Format({"b.tif": other}, "b.tif", read_other, either(other, _wrong_tag(other))),
        "truth": Format(in_truth, truth.name, read_truth, wrong_truth),
    }
