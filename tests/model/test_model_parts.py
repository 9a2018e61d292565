import numpy as np
import pytest

from napari_stmml import SurfaceClassifier
from napari_stmml.model import model_file
from napari_stmml.model.editing import split
from napari_stmml.model.training_record import load_network


@pytest.fixture
def parts(instant_model):
    return model_file.read(instant_model)


def like(array, value):
    changed = array.copy()
    changed.reshape(-1)[0] = value
    return changed


HOSTILE = {
    "NaN centres": ("centres", lambda a: like(a, np.nan), "centres holds NaN"),
    "infinite centres": ("centres", lambda a: like(a, np.inf), "centres holds numbers beyond 1e+15"),
    "huge centres": ("centres", lambda a: like(a, 1e30), "centres holds numbers beyond 1e+15"),
    "whole centres": ("centres", lambda a: a.astype(int), "centres must hold real numbers, got int64"),
    "one row of centres": ("centres", lambda a: a[0], "centres must have 2 dimensions"),
    "no centres": ("centres", lambda a: a[:0], "centres do not fit"),
    "real owners": ("owners", lambda a: a.astype(float), "owners must hold whole numbers, got float64"),
    "an owner below 0": ("owners", lambda a: like(a, -1), "clusters must be 0 to"),
    "an owner above all": ("owners", lambda a: like(a, 2**31 - 1), "clusters must be 0 to"),
    "a mean of NaN": ("projection/mean", lambda a: like(a, np.nan), "projection/mean holds NaN"),
    "a mean alone": ("projection/matrix", None, "a projection needs a mean and a matrix"),
    "another matrix": ("projection/matrix", lambda a: a[:, 1:], "the projection does not fit the centres"),
    "limit NaN": ("limit", lambda a: np.array(np.nan), "limit holds NaN"),
    "limit below 0": ("limit", lambda a: np.array(-1.0), "limit must be 0 or more"),
    "two limits": ("limit", lambda a: np.ones(2), "limit must have 0 dimensions"),
    "another count of exemplars": ("exemplars", lambda a: a[1:], "exemplars must be squares for each of 4"),
    "flat exemplars": ("exemplars", lambda a: a[:, 0], "exemplars must have 4 dimensions"),
    "exemplars that are no squares": ("exemplars", lambda a: a[..., 1:], "exemplars must be squares"),
    "empty exemplars": ("exemplars", lambda a: a[:, :0], "exemplars must be squares"),
    "infinite exemplars": ("exemplars", lambda a: like(a, np.inf), "exemplars holds numbers beyond"),
    "real labels": ("lessons/labels", lambda a: np.ones(1), "lessons/labels must hold whole numbers"),
    "split too often": ("before/" * 300 + "centres", lambda a: np.ones((2, 2)), "split more than 255 times"),
    "a split without parts": ("before/centres", lambda a: np.ones((2, 2)), "parted is missing"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_model_with_wrong_numbers_is_refused_in_one_sentence_by_name(tmp_path, parts, kind):
    about, arrays = parts
    name, change, message = HOSTILE[kind]
    changed = {key: array for key, array in arrays.items() if key != name}
    if change is not None:
        changed[name] = change(arrays.get(name))
    path = model_file.write(tmp_path / "m.stmml", about, changed)
    with pytest.raises(ValueError) as refused:
        SurfaceClassifier.load(path)
    assert str(refused.value).startswith("m.stmml cannot be used as a model: ")
    assert message in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recipe": 3}, "'int' object"),
        ({"recipe": {"name": ["instant"]}}, "the name of its recipe is no short text"),
        ({"recipe": {"name": "x" * 1000}}, "the name of its recipe is no short text"),
        ({"recipe": {"pixel_density": 1e999}}, "pixel_density must be"),
        ({"training": [1]}, "training must be a table"),
        ({"training": {"cluster_sizes": ["a"]}}, "cluster_sizes must be a list of counts"),
        ({"training": {"cluster_sizes": [float("nan")]}}, "cluster_sizes must be a list of counts"),
        ({"classes": "four"}, "'str' object"),
        ({"classes": [{"name": 3, "colour": "#ff0000"}]}, "name of a class must be str"),
        ({"classes": [{"name": "x" * 1000, "colour": "#ff0000"}]}, "at most 255 letters, got 1000"),
        ({"classes": [{"name": "x", "colour": "<img>"}]}, "a colour must be #rrggbb"),
        ({"of_cluster": [1, 2]}, "each of 4 clusters needs a class, got 2"),
        ({"of_cluster": [1, 2, 3, 10**30]}, "labels of clusters and merged classes must be 0 to 4"),
        ({"of_cluster": [float("inf")]}, "cannot convert float infinity"),
        ({"lessons": [{"name": "a"}]}, "key is missing"),
        ({"lessons": [3]}, "'int' object"),
    ],
)
def test_a_model_that_says_what_cannot_be_is_refused_in_one_sentence_by_name(
    tmp_path, parts, changed, message
):
    about, arrays = parts
    path = model_file.write(tmp_path / "m.stmml", {**about, **changed}, arrays)
    with pytest.raises(ValueError) as refused:
        SurfaceClassifier.load(path)
    assert str(refused.value).startswith("m.stmml cannot be used as a model: ")
    assert message in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_network_goes_through_the_same_door(tmp_path, parts):
    about, arrays = parts
    path = model_file.write(
        tmp_path / "m.stmml", about, arrays | {"autoencoder/a.kernel": np.array([np.nan])}
    )
    with pytest.raises(
        ValueError, match=r"m\.stmml cannot be used as a network: autoencoder/a\.kernel holds NaN"
    ):
        load_network(path)
    path = model_file.write(tmp_path / "m.stmml", about | {"training": {"files": 3}}, arrays)
    with pytest.raises(ValueError, match=r"m\.stmml cannot be used as a network: files must be a list"):
        load_network(path)


def test_parts_of_a_split_that_are_not_there_are_refused(tmp_path, instant_classifier, rng):
    features = rng.normal(size=(2000, instant_classifier.clusters.n_features)).astype(np.float32)
    most = int(np.bincount(instant_classifier.classify(features)[0]).argmax())
    model = split(instant_classifier, most, 2, features)
    assert SurfaceClassifier.load(model.save(tmp_path / "m.stmml")).clusters.parted == model.clusters.parted
    about, arrays = model_file.read(model.save(tmp_path / "m.stmml"))
    for parted, message in (([9], "are not among 4"), ([-1], "are not among 4"), ([0, 0], "are not among 4")):
        path = model_file.write(tmp_path / "x.stmml", about, arrays | {"parted": np.array(parted)})
        with pytest.raises(ValueError, match=rf"x\.stmml cannot be used as a model: .*{message}"):
            SurfaceClassifier.load(path)
