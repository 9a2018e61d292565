"""Without TensorFlow all that needs none works; what needs it says what to do, in one sentence."""

import os
import subprocess
import sys

import pytest

from napari_stmml import SurfaceClassifier
from napari_stmml.simulate.session import simulate_session
from napari_stmml.system.keras import WITHOUT

BLOCK = "import sys\nsys.modules.update(dict.fromkeys(('tensorflow', 'keras')))\n"  # None: not to be imported


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return simulate_session(tmp_path_factory.mktemp("scans"), size_nm=6.0, pixels=64)


@pytest.fixture
def stmml(tmp_path):
    """Run the command where neither TensorFlow nor Keras can be imported, in its child processes neither."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BLOCK)
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])

    def run(*words):
        command = [sys.executable, "-m", "napari_stmml.cli", *map(str, words)]
        environment = os.environ | {"PYTHONPATH": path}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path, env=environment
        )

    return run


def test_the_default_recipe_trains_and_labels(stmml, scans, tmp_path):
    done = stmml("train", "--out", "a.stmml", "--clusters", "2", scans[0])
    assert done.returncode == 0, done.stderr
    done = stmml("predict", "--model", "a.stmml", "--out", "labels", scans[0])
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "labels").glob("*_labels.tif"))) == 4


@pytest.mark.parametrize("recipe", ["srsml24", "learned"])
def test_a_recipe_with_a_network_says_what_to_install(stmml, scans, recipe):
    done = stmml("train", "--recipe", recipe, "--out", "a.stmml", scans[0])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"stmml train: {WITHOUT}"


def test_a_job_with_a_network_says_so_before_it_reads_a_scan(stmml, scans, tmp_path):
    job = tmp_path / "job.toml"
    job.write_text(f'recipe = "srsml24"\ntrain_path = ["{scans[0].parent}"]\n')
    done = stmml("run", job)
    assert done.returncode == 1
    assert WITHOUT in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.npy"))


def test_a_model_with_a_network_is_described_and_says_what_it_needs_to_label(
    stmml, scans, tiny_classifier: SurfaceClassifier, tmp_path
):
    tiny_classifier.save(tmp_path / "network.stmml")
    assert stmml("info", "network.stmml").returncode == 0
    done = stmml("predict", "--model", "network.stmml", "--out", "labels", scans[0])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"stmml predict: {WITHOUT}"
