import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import SurfaceClassifier
from napari_stmml.classes import Classes
from napari_stmml.features.cells import EDITION
from napari_stmml.model import model_file
from napari_stmml.model.model_file import lineage

ABOUT = {"format": 1, "recipe": {"name": "x"}}
DATA = Path(__file__).parents[1] / "data"


class Bomb:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def bomb(tmp_path):
    return Bomb(tmp_path / "exploded")


def packed(path, members, **how):
    """Write a zip of names and contents; dicts go in as JSON, arrays as .npy."""
    with zipfile.ZipFile(path, "w", **how) as file:
        for name, content in members.items():
            if isinstance(content, np.ndarray):
                buffer = io.BytesIO()
                np.save(buffer, content, allow_pickle=content.dtype == object)
                content = buffer.getvalue()
            file.writestr(name, json.dumps(content) if isinstance(content, dict) else content)
    return path


def refusal(path):
    """Return the one sentence with which a file is refused, which must name it."""
    with pytest.raises(ValueError) as refused:
        model_file.read(path)
    assert str(refused.value).startswith(path.name)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
def test_what_was_written_is_read(tmp_path, rng, dtype):
    arrays = {"a": rng.normal(size=(3, 4)).astype(dtype), "deep/b": np.zeros((0, 2), dtype)}
    about = {"name": "Fläche", "list": [1, 2.5, None]}
    path = model_file.write(tmp_path / "m.stmml", about, arrays)
    assert path == tmp_path / "m.stmml"
    found, again = model_file.read(path)
    assert found == {"format": 3, **about}
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        assert again[name].dtype == dtype
        assert np.array_equal(again[name], array)


def test_a_model_is_a_plain_zip_of_json_and_npy(tmp_path):
    path = model_file.write(tmp_path / "m.stmml", {}, {"a": np.ones(3)})
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == ["classifier.json", "a.npy"]
        assert json.loads(file.read("classifier.json")) == {"format": 3}
        assert file.read("a.npy")[:6] == b"\x93NUMPY"


def test_a_write_that_fails_leaves_the_old_model_whole(tmp_path, bomb):
    path = model_file.write(tmp_path / "m.stmml", {"old": True}, {})
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        model_file.write(path, {"old": False}, {"a": np.array([bomb])})
    assert model_file.read(path)[0]["old"] is True
    assert [file.name for file in tmp_path.iterdir()] == ["m.stmml"]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"there is no model file .*m.stmml"):
        model_file.read(tmp_path / "m.stmml")


def test_a_pickle_is_refused_and_not_loaded(tmp_path, bomb):
    path = tmp_path / "m.stmml"
    path.write_bytes(pickle.dumps(bomb))
    assert "it is no zip file, or it is cut short" in refusal(path)
    assert not bomb.path.exists()
    pickle.loads(path.read_bytes()).close()  # it would have gone off
    assert bomb.path.exists()


def test_an_array_of_objects_is_refused_and_not_loaded(tmp_path, bomb):
    path = packed(tmp_path / "m.stmml", {"classifier.json": ABOUT, "a.npy": np.array([bomb], object)})
    assert "cannot be read: a: it is no array of plain numbers" in refusal(path)
    assert not bomb.path.exists()
    with zipfile.ZipFile(path) as file:
        np.load(io.BytesIO(file.read("a.npy")), allow_pickle=True)[0].close()
    assert bomb.path.exists()


@pytest.mark.parametrize("name", ["a.npy", "classifier.json"])
def test_a_pickle_inside_is_refused_and_not_loaded(tmp_path, bomb, name):
    path = packed(tmp_path / "m.stmml", {"classifier.json": ABOUT} | {name: pickle.dumps(bomb)})
    assert "cannot be read" in refusal(path)
    assert not bomb.path.exists()


def test_what_a_model_does_not_need_is_not_looked_at(tmp_path, bomb):
    members = {"classifier.json": ABOUT, "model.pkl": pickle.dumps(bomb), "../a.txt": "x", "keras.json": "{"}
    assert model_file.read(packed(tmp_path / "m.stmml", members)) == (ABOUT, {})
    assert [file.name for file in tmp_path.iterdir()] == ["m.stmml"]


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({}, "does not say which format"),
        ({"format": None}, "does not say which format"),
        ({"format": "1"}, "does not say which format"),
        (b"[1]", "does not say which format"),
        ({"format": 4}, "has format 4, this program reads up to 3: update napari-stmml"),
        ({"format": 999}, "has format 999"),
        ({"format": True}, "does not say which format"),
        (b"{not json", "classifier.json is no JSON"),
        (b"", "classifier.json is no JSON"),
        (b"\xff\xfe\xfd", "classifier.json is no JSON"),
        (b"[" * 100_000, "too many brackets within brackets"),
        (b"9" * 100_000, "classifier.json is no JSON"),
        (b" " * (17 << 20), "classifier.json is too large"),
    ],
)
def test_a_model_that_does_not_say_what_it_is_is_refused(tmp_path, about, message):
    assert message in refusal(packed(tmp_path / "m.stmml", {"classifier.json": about}))


def test_another_zip_is_refused(tmp_path):
    assert "it holds no classifier.json" in refusal(packed(tmp_path / "a.zip", {"a.txt": "hello"}))


def test_an_array_larger_than_all_memory_is_refused(tmp_path):
    small = io.BytesIO()
    np.lib.format.write_array_header_1_0(small, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    path = packed(tmp_path / "m.stmml", {"classifier.json": ABOUT, "a.npy": small.getvalue()})
    assert "a: its numbers take 8000000000000000 bytes, and 0 are there" in refusal(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_model_cut_short_is_refused(tmp_path, rng, share):
    path = model_file.write(tmp_path / "m.stmml", {}, {"a": rng.normal(size=100)})
    raw = path.read_bytes()
    path.write_bytes(raw[: int(share * len(raw))])
    assert "it is no zip file, or it is cut short" in refusal(path)


def test_a_packed_model_is_refused_before_it_is_unpacked(tmp_path):
    members = {"classifier.json": ABOUT, "a.npy": np.zeros(1 << 20)}
    path = packed(tmp_path / "m.stmml", members, compression=zipfile.ZIP_DEFLATED)
    assert "classifier.json is packed, and nothing packed is read" in refusal(path)


def test_a_folder_or_a_pipe_is_no_model(tmp_path):
    (tmp_path / "m.stmml").mkdir()
    assert "m.stmml is a folder, not a file" in refusal(tmp_path / "m.stmml")
    os.mkfifo(tmp_path / "p.stmml")
    assert "p.stmml is a pipe, not a file" in refusal(tmp_path / "p.stmml")


def test_a_changed_byte_gives_a_model_or_one_sentence(tmp_path, rng):
    path = tmp_path / "m.stmml"
    members = {"classifier.json": {"format": 1, "x": "abc" * 50}, "a.npy": rng.normal(size=20)}
    raw = packed(path, members).read_bytes()
    assert model_file.read(path)[1]["a"].shape == (20,)
    refused = 0
    for at in range(len(raw)):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0x41]) + raw[at + 1 :])
        try:
            model_file.read(path)
        except ValueError as error:
            assert str(error).startswith("m.stmml")  # noqa: PT017 - not every byte matters
            refused += 1
    assert refused > len(raw) / 2


def test_versions_are_those_of_what_makes_a_model():
    known = model_file.versions()
    assert known["numpy"] == np.__version__
    assert {"napari-stmml", "tensorflow", "keras", "scikit-learn"} <= known.keys()


def test_a_model_whose_features_are_of_another_edition_is_refused_with_a_sentence():
    assert model_file.read(DATA / "format2.stmml")[0]["format"] == 2
    with pytest.raises(ValueError, match=r"format2.stmml cannot be used .* another version; train it again"):
        SurfaceClassifier.load(DATA / "format2.stmml")


def test_classes_of_a_model_of_format_2_are_read_as_they_were(tmp_path):
    about, arrays = model_file.read(DATA / "format2.stmml")
    path = model_file.write(tmp_path / "m.stmml", {**about, "features": EDITION}, arrays)
    older = SurfaceClassifier.load(path)
    assert older.class_names == ("rows", "Fläche", "c", "d")
    assert older.classes == Classes.plain(older.class_names, older.class_colours)
    assert older.examples is None
    again = SurfaceClassifier.load(older.save(tmp_path / "again.stmml"))
    assert again.classes == older.classes
    np.testing.assert_array_equal(again.clusters.centres, older.clusters.centres)


def test_edits_of_classes_and_lessons_leave_the_lineage_and_another_training_does_not():
    training = {"files": ["a"], "seed": 0, "cluster_sizes": [1, 2]}
    assert lineage(training) == lineage(training | {"cluster_sizes": [3]})
    assert lineage(training) != lineage(training | {"seed": 1})
