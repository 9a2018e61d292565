"""A small session, a model of a tiny network and a job file, for the tests of requests."""

import pytest

from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.simulate.surfaces import simulate_si001


@pytest.fixture(scope="package")
def session(tmp_path_factory):
    """Write a folder of two small scans, forward and backward, and a damaged one between them."""
    surfaces = [simulate_si001((64, 64), 6.0, seed=seed) for seed in (1, 2, 3)]
    frames = [
        Frame(dict.fromkeys(("forward/up", "backward/up"), surface.heights), width_nm=6.0, height_nm=6.0)
        for surface in surfaces
    ]
    files = write_session(tmp_path_factory.mktemp("small"), frames)
    files[1].write_bytes(files[1].read_bytes()[:-1000])
    return files


@pytest.fixture(scope="package")
def model(tiny_classifier, tmp_path_factory):
    return str(tiny_classifier.save(tmp_path_factory.mktemp("model") / "tiny.stmml"))


@pytest.fixture
def recipe(tiny_recipe):
    return tiny_recipe.as_dict()


@pytest.fixture
def job_file(session, tmp_path):
    """Write a small job on the folder of two good scans and a damaged one."""
    from napari_stmml.batch.job_file import JobFile

    values = {"recipe": "instant", "num_clusters": 3, "job_name": "tiny"}
    return JobFile(values | {"train_path": [str(session[0].parent)]}, tmp_path).write(tmp_path / "job.toml")
