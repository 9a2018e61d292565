import json
import shutil
from dataclasses import replace

import pytest

from napari_stmml import SurfaceClassifier, read_mtrx
from napari_stmml.batch import engine, labelling
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.run import STEPS, run_job
from napari_stmml.cli import main
from napari_stmml.events import Message, ScanLabelled, of_type
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS as READ
from tests.conftest import Here

DIRECTIONS = 4  # of the one file of these jobs


@pytest.fixture(scope="module")
def finished(small_session, tmp_path_factory):
    """Do a job without a network on one file, in this process; return its folder."""
    base = tmp_path_factory.mktemp("jobs")
    values = {"recipe": "instant", "num_clusters": 3, "train_path": [str(small_session[0])]}
    job = JobFile({**values, "save_windows": False, "save_latent": False}, base)
    with pytest.MonkeyPatch.context() as patched:
        for module in (engine, labelling):
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


def test_a_job_on_names_as_long_as_a_disk_allows_leaves_a_map_of_each(small_session, tmp_path, here):
    heights = read_mtrx(small_session[0])[0].heights
    frames = [Frame(dict.fromkeys(READ[:1], heights), width_nm=6.0, height_nm=6.0)]
    write_session(tmp_path / "scans", frames, session="s" * 243)
    for collate in (False, True):
        values = {"recipe": "instant", "num_clusters": 2, "train_path": ["scans"], "collate": collate}
        values |= {"save_jpg": True, "job_name": f"job {collate}", "together": not collate}
        job = JobFile(values, tmp_path)
        assert len(of_type(go_on(job, STEPS), ScanLabelled)) == len(maps_of(job)) == 1


def refuse(folder):
    """Let no map be written: where its folder was, there is a file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_bytes(b"in the way")


def test_a_job_that_made_no_map_has_not_succeeded(job, capsys):
    refuse(job.folder / "predictions")
    path = job.write(job.base / "job.toml")
    assert main(["run", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("stmml run: no scan could be labelled: ")
    assert "4 not labelled" in err


def test_a_job_says_how_many_maps_are_missing(job, capsys):
    shutil.rmtree(job.folder / "predictions")
    next((job.folder / "prepared").rglob("*_FU.npy")).write_bytes(b"no map")
    assert main(["predict", str(job.write(job.base / "job.toml"))]) == 0
    out, err = capsys.readouterr()
    assert "predict: 1 of 4 directions could not be labelled; the report says why" in err.splitlines()
    assert out.splitlines()[0] == "3 directions kept, 1 skipped: 1 not labelled"


def test_a_strangers_folder_makes_a_job_move_nothing_outside_and_ends_with_all_maps(job):
    victim = job.base / "victim.txt"
    victim.write_text("years of work")
    for path in (job.folder / "state").rglob("*.json"):
        record = json.loads(path.read_text())
        record["outputs"] = [*record["outputs"], "../victim.txt"]
        path.write_text(json.dumps(record))
    heard = go_on(JobFile({**job.values, "num_clusters": 2, "pixel_density": 12.0}, job.base), STEPS)
    assert len(of_type(heard, ScanLabelled)) == len(maps_of(job)) == DIRECTIONS
    assert victim.read_text() == "years of work"
