"""Scans that do not suit a model, or each other: said, or refused, and never taken in silence."""

from dataclasses import replace

import numpy as np
import pytest

from napari_stmml import Scan, train_classifier
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.run import run_job
from napari_stmml.events import ScanLabelled, of_type
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.jobs import requests
from napari_stmml.jobs.run_request import run
from napari_stmml.model.suitability import check_one_quantity, doubt_about
from napari_stmml.recipe import get_recipe
from napari_stmml.simulate.surfaces import simulate_si001

SEEN = "the model sees it as 12 x 12 px, without finer detail"


def scan_at(density, px=96, seed=0):
    """Return a scan of Si(001) of so many px per nm."""
    heights = simulate_si001((px, px), px / density, seed=seed).heights
    return Scan(heights, (1 / density, 1 / density), source="a.Z_mtrx", direction="forward/up")


def as_current(scan):
    return replace(scan, channel="I", unit="nA", source="a.I_mtrx")


@pytest.fixture(scope="module")
def model():
    return train_classifier([scan_at(6.4)], recipe=get_recipe("instant", pixel_density=6.4, num_clusters=4))


@pytest.fixture(scope="module")
def own_pixels():
    return train_classifier([scan_at(6.4)], recipe=get_recipe("instant", resample=False, num_clusters=4))


def test_a_map_of_current_is_said_to_be_one_where_the_model_is_of_heights(model):
    assert doubt_about(model, scan_at(6.4)) == ""
    assert doubt_about(model, as_current(scan_at(6.4))) == (
        "this is a map of I (nA), and the model was trained on Z (nm)"
    )


def test_where_too_little_is_known_nothing_is_said(model):
    assert doubt_about(model, replace(scan_at(6.4), unit="", pixel_size=None)) == ""
    older = replace(model, training={"files": [{"name": "a.Z_mtrx"}, "b"], "seed": 0})
    assert doubt_about(older, as_current(scan_at(6.4))) == ""


COARSE = "it has 2 px/nm, 1/3.2 of the 6.4 px/nm of the model: what is smaller than 1 nm cannot be seen in it"


@pytest.mark.parametrize(
    ("density", "doubt"),
    [
        (2.0, COARSE),  # below a quarter it is refused
        (4.8, ""),
        (12.8, ""),
        (19.0, ""),
        (
            51.2,
            f"it has 51.2 px/nm, 8 times the 6.4 px/nm of the model: {SEEN}",
        ),
    ],
)
def test_a_scan_much_finer_or_coarser_than_the_models_pixels_is_said_to_be(model, density, doubt):
    assert doubt_about(model, scan_at(density)) == doubt


@pytest.mark.parametrize(
    ("density", "doubt"),
    [
        (12.8, ""),
        (51.2, "it has 51.2 px/nm, 8 times the 6.4 px/nm of the scans of the model: structures look larger"),
        (1.6, "it has 1.6 px/nm, 1/4 of the 6.4 px/nm of the scans of the model: structures look smaller"),
    ],
)
def test_a_model_that_keeps_each_scans_pixels_knows_those_it_was_made_on(own_pixels, density, doubt):
    said = doubt_about(own_pixels, scan_at(density))
    assert said == (f"{doubt} to it than those it knows" if doubt else "")


def test_the_doubt_is_in_the_event_of_the_map_and_in_json(model, tmp_path):
    from napari_stmml.io.scan_archive import save_scans

    archive = tmp_path / "scans.npz"
    save_scans(archive, [as_current(scan_at(6.4))])
    heard = []
    request = requests.LabelScans(
        str(model.save(tmp_path / "m.stmml")), str(tmp_path / "out"), figures=False, scans=str(archive)
    )
    run(request, heard.append, lambda: False)
    (made,) = of_type(heard, ScanLabelled)
    assert made.doubt == made.as_dict()["doubt"] == doubt_about(model, as_current(scan_at(6.4)))


def test_training_on_heights_and_current_at_once_is_refused_unless_asked_for():
    both = [scan_at(6.4), as_current(scan_at(6.4, seed=1))]
    recipe = get_recipe("instant", pixel_density=6.4, num_clusters=4)
    with pytest.raises(
        ValueError, match=r"several quantities, Z \(nm\) in a.Z_mtrx and I \(nA\) in a.I_mtrx"
    ):
        train_classifier(both, recipe=recipe)
    asked = train_classifier(both, recipe=replace(recipe, mixed_channels=True))
    assert doubt_about(asked, both[1]) == ""


def test_scans_of_unknown_unit_go_with_any():
    check_one_quantity(
        [{"name": "a", "quantity": ""}, {"name": "b", "quantity": "Z (nm)"}, {"name": "c"}], False
    )


def test_labels_of_another_quantity_are_still_those_of_its_numbers(model):
    np.testing.assert_array_equal(model.predict(scan_at(6.4)), model.predict(as_current(scan_at(6.4))))


def test_a_job_refuses_to_train_on_heights_and_current_and_says_what_its_model_does_not_know(tmp_path, here):
    frames = [
        Frame({"forward/up": simulate_si001((64, 64), 6.0, seed=seed).heights}, 6.0, 6.0, channel=channel)
        for seed, channel in enumerate("ZI")
    ]
    heights, current = write_session(tmp_path, frames)
    values = {"job_name": "job", "recipe": "instant", "num_clusters": 3, "save_windows": False}
    both = {**values, "train_path": (str(heights), str(current))}
    with pytest.raises(ValueError, match=r"several quantities, Z \(nm\) in .* and I \(nA\) in "):
        run_job(JobFile(both, tmp_path), processes=1)
    one = {**values, "train_path": (str(heights),), "predict_path": (str(current),), "job_name": "other"}
    heard = []
    run_job(JobFile(one, tmp_path), report=heard.append, processes=1)
    (made,) = of_type(heard, ScanLabelled)
    assert made.doubt == "this is a map of I (nA), and the model was trained on Z (nm)"
