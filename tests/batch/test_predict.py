import shutil
from dataclasses import replace

import pytest

from napari_stmml import SurfaceClassifier
from napari_stmml.batch import labelling, process
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.run import STEPS, run_job
from napari_stmml.events import Message, ScanLabelled, of_type
from napari_stmml.io.label_tiff import LabelMap
from tests.conftest import Here

DIRECTIONS = 4  # of the one file of these jobs


@pytest.fixture(scope="module")
def finished(small_session, tmp_path_factory):
    """Do a job without a network on one file, in this process; return its folder."""
    base = tmp_path_factory.mktemp("jobs")
    values = {"recipe": "instant", "num_clusters": 3, "train_path": [str(small_session[0])]}
    job = JobFile({**values, "save_windows": False, "save_latent": False}, base)
    with pytest.MonkeyPatch.context() as patched:
        for module in (labelling, process):
            patched.setattr(module, "Pool", Here)
        run_job(job)
    return job


@pytest.fixture
def job(finished, tmp_path, here):
    """Copy the finished job to where it can be changed."""
    shutil.copytree(finished.folder, tmp_path / finished.folder.name)
    return JobFile(finished.values, tmp_path)


def go_on(job, steps=("predict",)):
    heard = []
    run_job(job, steps, report=heard.append)
    return heard


def maps_of(job):
    return sorted((job.folder / "predictions").rglob("*_labels.tif"))


def edit_model(job, change):
    path = job.folder / "cluster_model" / "clusters.stmml"
    model = SurfaceClassifier.load(path)
    replace(model, classes=change(model.classes)).save(path)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda classes: classes.merged([1, 2], into=1), {1: "cluster 1", 3: "cluster 3"}),
        (lambda classes: classes.renamed(2, "dimer"), {1: "cluster 1", 2: "dimer", 3: "cluster 3"}),
    ],
)
def test_maps_are_made_anew_when_the_classes_of_the_model_were_changed(job, change, names):
    before = {path.name: LabelMap.read(path) for path in maps_of(job)}
    edit_model(job, change)
    heard = go_on(job)
    assert len(of_type(heard, ScanLabelled)) == len(maps_of(job)) == len(before) == DIRECTIONS
    for path in maps_of(job):
        assert LabelMap.read(path).names == names
        older = job.folder / "older" / "1" / path.relative_to(job.folder)
        assert LabelMap.read(older).names == before[path.name].names
    assert "predict: model changed" in of_type(heard, Message)[0].text
    assert of_type(go_on(job), ScanLabelled) == []


def test_a_model_that_was_written_again_as_it_is_makes_no_map_anew(job):
    edit_model(job, lambda classes: classes)
    assert of_type(go_on(job, STEPS), ScanLabelled) == []
