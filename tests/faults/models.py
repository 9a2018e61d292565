"""Models, and files of arrays, and what makes one member or one header of them wrong."""

import io
import json
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from tests.faults.kinds import Format, either
from tests.faults.mutations import anything, mutated, wrong_json

DATA = Path(__file__).parents[1] / "data"


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


def models(folder: Path) -> dict[str, Format]:
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
        "types of structures": types_of_structures(folder),
        "corrections of structures": corrections_of_structures(folder),
    }


def corrections_of_structures(folder: Path) -> Format:
    from napari_stmml.scan import Scan
    from napari_stmml.truth.structure_corrections import CorrectedObject, CorrectionsFile

    scan = Scan(np.zeros((8, 8)), (0.1, 0.1))
    said = [CorrectedObject(1.0, 2.5, "adatom"), CorrectedObject(7.0, 0.0, "no object")]
    path = CorrectionsFile(scan, folder=folder).save(said, "m.stmml")
    raw = path.read_bytes()

    def read(path: Path) -> object:
        """Read corrections; a sentence says what could not be read."""
        file = CorrectionsFile(scan, folder=path.parent)
        found = file.load()
        if file.problem:
            raise ValueError(file.problem)
        return found

    return Format({path.name: raw}, path.name, read, either(raw, wrong_json(json.loads(raw))))


def types_of_structures(folder: Path) -> Format:
    from napari_stmml.structures.sorting import sort_new
    from napari_stmml.structures.structures_file import read_types, write_types

    drawn = np.random.default_rng(0).normal(size=(30, 12))
    drawn[:15] += 9
    sorter = sort_new(drawn)[1]
    names = tuple(f"adatom {number}" for number in range(1, int(sorter.types.max()) + 1))
    raw = write_types(folder / "t.stmml", sorter, names, mirror_apart=False).read_bytes()

    def read(path: Path) -> object:
        """Read types, and sort objects into them."""
        sorter, names, _ = read_types(path)
        return names, sorter.sort(np.zeros((3, len(sorter.mean))))

    return Format({"t.stmml": raw}, "t.stmml", read, either(raw, _wrong_member(raw)))


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


def arrays(folder: Path) -> dict[str, Format]:
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
