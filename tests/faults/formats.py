"""Every format that is read: files that are right, what reads them, and how one field is made wrong."""

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tifffile
from hypothesis import strategies as st

from tests.faults.mutations import NUMBERS, TEXTS, VALUES, anything, mutated, with_wrong_leaf, wrong_json

NAMES = (
    *("MATRIX scan", "MATRIX parameter file", "label map", "TIFF of others", "truth", "model", "network"),
    *("prepared map", "cells", "kept features", "scans for the worker", "job.toml", "chain", "table"),
    *("step record", "label record", "file record", "request", "event"),
)
DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Format:
    """A kind of file.

    ``files`` is a folder's content, of which ``name`` is made wrong; ``wrong`` draws its bytes. A sentence
    must hold the name, or one of ``named``; none if that is None.
    """

    files: dict[str, bytes]
    name: str
    read: Callable[[Path], object]
    wrong: st.SearchStrategy[bytes]
    named: tuple[str, ...] | None = ()

    @property
    def names(self) -> tuple[str, ...]:
        return () if self.named is None else (self.name, *self.named)

    def lay_out(self, folder: Path) -> Path:
        """Write all files to a folder; return the path of the one to be made wrong."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder / self.name


def either(raw: bytes, *wrong: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Draw bytes with changes anywhere, or with one wrong field."""
    return st.one_of(mutated(raw), *wrong)


@cache
def formats() -> dict[str, Format]:
    """Return all formats by name."""
    found: dict[str, Format] = {}
    for some in (_scans, _tiffs, _models, _arrays, _jobs, _lines):
        with TemporaryDirectory(prefix="stmml-") as folder:
            found |= some(Path(folder))
    return found


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


def _scans(folder: Path) -> dict[str, Format]:
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
        return read_scan_file(scan), read_settings(scan).as_dict(), read_settings(scan).rows()

    def of(name: str, *wrong: st.SearchStrategy[bytes]) -> Format:
        return Format(files, name, read, either(files[name], *wrong), (data.name,))

    return {
        "MATRIX scan": of(data.name, _wrong_size(files[data.name])),
        "MATRIX parameter file": of(parameter, _wrong_setting(files[parameter])),
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


def _tiffs(folder: Path) -> dict[str, Format]:
    from napari_stmml.io.label_tiff import LabelMap, is_label_map, read_values
    from napari_stmml.scan import Scan
    from napari_stmml.truth.truth_file import TruthFile

    place = {"translate": [1.0, 2.0], "rotate": [[0.0, 1.0], [-1.0, 0.0]], "affine": np.eye(3).tolist()}
    scan = Scan(np.zeros((8, 8)), (0.1, 0.1), "forward/up", bias=1.0, source="a--1_1.Z_mtrx")
    labels = LabelMap(
        np.eye(8, dtype=int), (0.1, 0.1), {1: "holes"}, {1: "#ff0000"}, scan=scan.settings(), placement=place
    )
    raw = labels.write(folder / "a.tif").read_bytes()
    with tifffile.TiffFile(folder / "a.tif") as file:
        about = json.loads(file.pages[0].tags["ImageDescription"].value)
    tifffile.imwrite(folder / "b.tif", np.arange(64, dtype=np.uint16).reshape(8, 8), software="other")
    other = (folder / "b.tif").read_bytes()
    truth = TruthFile(scan, folder=folder).save(np.eye(8, dtype=np.uint8), {1: "holes"}, {1: "#ff0000"}).path
    with tifffile.TiffFile(truth) as file:
        of_truth = json.loads(file.pages[0].tags["ImageDescription"].value)

    def read_map(path: Path) -> object:
        is_label_map(path)
        return LabelMap.read(path)

    def read_truth(path: Path) -> object:
        file = TruthFile(scan, folder=path.parent)
        found = file.load()
        if file.problem:
            raise ValueError(file.problem)
        return found, file.model, file.saved

    in_truth = {truth.name: truth.read_bytes()}
    wrong_truth = either(in_truth[truth.name], _wrong_tag(in_truth[truth.name]), _wrong_description(of_truth))
    return {
        "label map": Format(
            {"a.tif": raw}, "a.tif", read_map, either(raw, _wrong_tag(raw), _wrong_description(about))
        ),
        "TIFF of others": Format({"b.tif": other}, "b.tif", read_values, either(other, _wrong_tag(other))),
        "truth": Format(in_truth, truth.name, read_truth, wrong_truth),
    }


# ---- models

_NUMBERS = {
    "float64": lambda a: a.astype(float),
    "int": lambda a: np.nan_to_num(a).astype(int),
    "bool": lambda a: a.astype(bool),
    "complex": lambda a: a.astype(complex),
    "flat": lambda a: a.reshape(-1),
    "one more": lambda a: a[None],
    "first": lambda a: a[:1] if a.ndim else a,
    "none": lambda a: a[:0] if a.ndim else a,
    "twice": lambda a: np.concatenate([a, a]) if a.ndim else a,
    **{
        f"{value:g}": lambda a, value=value: _with_first(a, value)
        for value in (np.nan, np.inf, 1e30, -1, 1e9)
    },
    "text": lambda a: np.array(["a"] * max(a.size, 1)),
    "structured": lambda a: np.zeros(3, [("x", "f4")]),
}


def _with_first(array: np.ndarray, value: float) -> np.ndarray:
    changed = np.array(array, ndmin=1)
    with np.errstate(all="ignore"):
        changed.reshape(-1)[:1] = np.array(value).astype(changed.dtype)
    return changed.reshape(array.shape)


def packed(members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", how) as file:
        for name, one in members.items():
            file.writestr(name, one)
    return content.getvalue()


def as_npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


@st.composite
def _wrong_member(draw, raw: bytes) -> bytes:
    """Change one member of a zip: its JSON, its array, its bytes, its name; or pack all of them."""
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = sorted(members)[draw(anything) % len(members)]
    how = draw(st.sampled_from(("field", "field", "field", "field", "bytes", "name", "drop", "pack")))
    if how == "field" and name.endswith(".json"):
        members[name] = draw(wrong_json(json.loads(members[name])))
    elif how == "field":
        array = np.load(io.BytesIO(members[name]))
        members[name] = as_npy(_NUMBERS[draw(st.sampled_from(sorted(_NUMBERS)))](array))
    elif how == "bytes":
        members[name] = draw(mutated(members[name]))
    elif how == "name":
        members[
            draw(st.sampled_from(("../x.npy", "before/" * 400 + "centres.npy", "x" * 5000, "\x1b[2J.npy")))
        ] = members.pop(name)
    elif how == "drop":
        del members[name]
    return packed(members, zipfile.ZIP_DEFLATED if how == "pack" else zipfile.ZIP_STORED)


def model_bytes(folder: Path) -> bytes:
    """Return a small model with everything that a model can have: examples, a split class, a merged one."""
    from napari_stmml import SurfaceClassifier
    from napari_stmml.features.cells import EDITION
    from napari_stmml.model import model_file
    from napari_stmml.model.editing import split
    from napari_stmml.model.training_examples import TrainingExamples
    from napari_stmml.scan_key import ScanKey

    about, arrays = model_file.read(DATA / "format2.stmml")
    arrays["exemplars"] = arrays["exemplars"][:, :1, :4, :4]
    path = model_file.write(folder / "m.stmml", {**about, "features": EDITION}, arrays)
    model = SurfaceClassifier.load(path)
    n = model.clusters.n_features
    drawn = np.random.default_rng(0).normal(size=(200, n)).astype(np.float32)
    key = ScanKey("0" * 64, "Z", "forward/up", (8, 8)).as_dict()
    source = {"key": key, "name": "1_1", "painted": 3, "learnt": "2026-11-28T12:00:00+00:00"}
    examples = TrainingExamples.none(n).with_scan(source, drawn[:3], np.array([1, 1, 2], np.uint8))
    label = int(np.bincount(model.classify(drawn)[0]).argmax())
    model = split(replace(model, examples=examples), label, 2, drawn)
    others = [one for one in model.classes.order if one != label]
    model = replace(model, classes=model.classes.merged(others[:1], into=others[1]))
    return model.save(path).read_bytes()


def _models(folder: Path) -> dict[str, Format]:
    from napari_stmml import SurfaceClassifier
    from napari_stmml.figures.clusters_figure import cluster_shares, exemplar_pictures
    from napari_stmml.model.training_record import load_network

    raw = model_bytes(folder)

    def read(path: Path) -> object:
        """Load a model, and use all of it as a panel and a prediction do."""
        model = SurfaceClassifier.load(path)
        features = np.zeros((5, model.clusters.n_features), np.float32)
        if model.exemplars is not None:
            exemplar_pictures(model.exemplars)
        return model.classify(features), model.class_names, model.class_colours, cluster_shares(model)

    wrong = either(raw, _wrong_member(raw))
    return {
        "model": Format({"m.stmml": raw}, "m.stmml", read, wrong),
        "network": Format({"m.stmml": raw}, "m.stmml", load_network, wrong),
    }


# ---- arrays

_HEADERS = ("|O", "<U9", "|V0", "|S0", "<c8", "<f16", "<M8[s]", "x" * 5000, [["x", "<f4"]], 3)


@st.composite
def _wrong_header(draw, array: np.ndarray) -> bytes:
    """Write an array whose header says something else of it."""
    about = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    key = draw(st.sampled_from(sorted(about)))
    about[key] = draw(st.sampled_from((*_HEADERS, (), (2**40,), (-1,), (0, 2**62), (3, 4.0), 10**400, None)))
    text = repr(about).encode("latin-1")
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text) % 2**16) + text + array.tobytes()


def _arrays(folder: Path) -> dict[str, Format]:
    from napari_stmml import Scan
    from napari_stmml.heights.stored_map import StoredMap
    from napari_stmml.io.scan_archive import load_scans, save_scans
    from napari_stmml.system.array_file import open_array, read_arrays

    heights = np.arange(24, dtype=np.float32).reshape(4, 6)
    plain = as_npy(heights)
    np.savez(folder / "a.npz", shape=np.array([4, 6]), complete=np.ones((4, 6), bool), places=np.ones((1, 4)))
    kept = (folder / "a.npz").read_bytes()
    scans = [Scan(heights, (0.1, 0.1), "forward/up"), Scan(heights, None, other=heights, other_bias=1.0)]
    save_scans(folder / "b.npz", scans)
    archive = (folder / "b.npz").read_bytes()

    def read_map(path: Path) -> object:
        return float(np.nansum(StoredMap(path).load()))

    def read_cells(path: Path) -> object:
        return open_array(path)[:1].copy()

    wrong = either(plain, _wrong_header(heights))
    return {
        "prepared map": Format({"a.npy": plain}, "a.npy", read_map, wrong),
        "cells": Format({"a.npy": plain}, "a.npy", read_cells, wrong),
        "kept features": Format({"a.npz": kept}, "a.npz", read_arrays, either(kept, _wrong_member(kept))),
        "scans for the worker": Format(
            {"b.npz": archive}, "b.npz", load_scans, either(archive, _wrong_member(archive))
        ),
    }


# ---- jobs


@st.composite
def _wrong_parameter(draw, text: str) -> bytes:
    """Give one parameter of a job file another value."""
    lines = text.splitlines()
    places = [i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    at = places[draw(anything) % len(places)]
    name = lines[at].partition(" = ")[0]
    value = draw(st.one_of(st.sampled_from(TEXTS), st.sampled_from(VALUES)))
    shown = value if isinstance(value, bytes) else json.dumps(value).encode()
    return (
        "\n".join(lines[:at]).encode()
        + f"\n{name} = ".encode()
        + shown
        + b"\n"
        + "\n".join(lines[at + 1 :]).encode()
    )


def _jobs(folder: Path) -> dict[str, Format]:
    from napari_stmml.batch import records
    from napari_stmml.batch.job_file import JobFile
    from napari_stmml.batch.report import Row
    from napari_stmml.heights.chain_file import load_chain, save_chain
    from napari_stmml.io.tables import read_table, save_table

    from napari_stmml.figures.colour_maps import colour_table

    colour_table("viridis")  # the first of matplotlib's makes its folder for settings
    (folder / "scans").mkdir()
    job = JobFile({"train_path": ["scans"]}, folder).write(folder / "job.toml").read_bytes()
    plain = (
        b'job_name = "j"\ntrain_path = ["scans"]\nrecipe = "instant"\npixel_density = 8.0\nnum_clusters = 4\n'
    )
    chain = save_chain(folder / "a", "row_median + poly_xy").read_bytes()
    table = save_table(folder / "t.csv", [{"a": "1", "b": "=x"}, {"a": "-1.5", "b": 'q"q'}]).read_bytes()
    row = Row("a.Z_mtrx", "FU", "train")
    known = {
        "step record": records.StepRecord({"a": 1, "b": [1, 2]}, ("x/*", "y.npy"), True),
        "label record": records.LabelRecord("0" * 16, ("a_labels.tif",), "a.Z_mtrx"),
        "file record": records.FileRecord(
            {"a": 1},
            ("a.npy",),
            "a",
            "0" * 64,
            rows=(row,),
            maps=(records.MapRecord("prepared/a.npy", "forward/up", 9, 8, 1),),
        ),
    }
    found = {
        "job.toml": Format(
            {"job.toml": job, "scans/x": b""},
            "job.toml",
            JobFile.read,
            st.one_of(
                either(job, _wrong_parameter(job.decode())), either(plain, _wrong_parameter(plain.decode()))
            ),
        ),
        "chain": Format(
            {"c.json": chain}, "c.json", load_chain, either(chain, wrong_json(json.loads(chain)))
        ),
        "table": Format({"t.csv": table}, "t.csv", read_table, mutated(table)),
    }
    for name, record in known.items():
        records.write_record(folder / "r.json", record)
        raw = (folder / "r.json").read_bytes()
        read = _reader_of(records.read_record, type(record))
        found[name] = Format({"r.json": raw}, "r.json", read, either(raw, wrong_json(json.loads(raw))))
    return found


def _reader_of(read: Callable, kind: type) -> Callable[[Path], object]:
    return lambda path: read(path, kind)


# ---- lines of JSON between processes


def _lines(folder: Path) -> dict[str, Format]:
    from napari_stmml import events
    from napari_stmml.jobs import requests

    label = requests.LabelScans("m.stmml", "out", ("a", "b"), 2, scans="s.npz")
    train = requests.TrainModel("m.stmml", ("a",), {"pixel_density": 8.0, "resample": True, "name": "x"}, 3)
    cells = events.UncertainFound("1_1", "a.Z_mtrx", "Z", "forward/up", ())
    taken = events.Failed("why", "m.stmml", cancelled=True)

    def of(lines: list[str], read: Callable[[str], object]) -> Format:
        raws = [line.encode() for line in lines]
        wrong = st.one_of(*(either(raw, wrong_json(json.loads(raw))) for raw in raws))
        return Format(
            {"line": raws[0]},
            "line",
            lambda path: read(path.read_bytes().decode("utf-8", "replace")),
            wrong,
            None,
        )

    return {
        "request": of([requests.to_json(label), requests.to_json(train)], requests.from_json),
        "event": of([events.to_json(cells), events.to_json(taken)], events.from_json),
    }
