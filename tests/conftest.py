"""What tests share: simulated sessions as real bytes, a tiny model, a place to report what was measured."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

# Offscreen also where a screen is there: Mesa's OpenGL and TensorFlow in one process can end in a
# segmentation fault (the product keeps them apart). Tests that need a picture start a screen of their own.
# No settings file of the user is read or written.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.pop("DISPLAY", None)
os.environ["NAPARI_CONFIG"] = ""
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# One thread for each worker of xdist, as there is one worker for each core: the suite takes 421 s instead of
# 508 s on two cores. The workers and all processes that tests start inherit it.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")

# Tests start processes. Where compiled modules are not kept, each of them compiles TensorFlow anew: importing
# it takes 16 s of a core in place of 6.5 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
MEASURED: list[str] = []


@pytest.fixture(autouse=True, scope="session")
def _own_folders(tmp_path_factory):
    """Keep models, truths and locks out of the folders of whoever runs the tests."""
    from napari_stmml.system.user_folder import VARIABLE

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def session_files(tmp_path_factory) -> list[Path]:
    """List the data files of the demo's session: Si(001), hexagonal with a step, a broken-off Si(001)."""
    from napari_stmml.simulate.session import simulate_session

    return simulate_session(tmp_path_factory.mktemp("session"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Find the folder of real scans, which stands beside the repository; skipped where it does not."""
    if not SHARED.is_dir():
        pytest.skip(f"no real scans in {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def tiny_recipe():
    """Make a recipe that trains in seconds: one epoch on windows of 16 px."""
    from napari_stmml.recipe import Recipe

    return Recipe(
        pixel_density=8.0,
        window_size=16,
        window_pitch=16,
        epochs=1,
        batch_size=32,
        num_clusters=3,
        predict_window_pitch=8,
    )


@pytest.fixture(scope="session")
def tiny_classifier(session_files, tiny_recipe):
    """Train a model for one epoch on the first simulated scan."""
    from napari_stmml import read_mtrx, train_classifier

    return train_classifier(read_mtrx(session_files[0])[:2], recipe=tiny_recipe, seed=0)


def features_of(encoder, heights):
    """Return the features of all windows or cells of prepared heights, (rows, cols, n_features)."""
    features = np.full((*encoder.grid.shape(heights.shape[-2:]), encoder.n_features), np.nan, np.float32)
    for place, some in encoder.encode(heights):
        features[place] = some
    return features


@pytest.fixture(scope="session")
def small_session(tmp_path_factory):
    """Write scans of Si(001) and hexagonal, 64 px on 6 nm, four directions each; return the files."""
    from napari_stmml.io.matrix.writer import Frame, write_session
    from napari_stmml.scan import DIRECTIONS
    from napari_stmml.simulate.surfaces import simulate_hexagonal, simulate_si001

    surfaces = [simulate_si001((64, 64), 6.0, seed=1), simulate_hexagonal((64, 64), 6.0, seed=2)]
    frames = [
        Frame(dict.fromkeys(DIRECTIONS, surface.heights), width_nm=6.0, height_nm=6.0) for surface in surfaces
    ]
    return write_session(tmp_path_factory.mktemp("small"), frames)


@pytest.fixture(scope="session")
def small_scan(small_session):
    from napari_stmml import read_mtrx

    return read_mtrx(small_session[0])[0]


@pytest.fixture(scope="session")
def instant_classifier(small_scan):
    """Cluster the small scan into four by the filters."""
    from napari_stmml import train_classifier

    return train_classifier([small_scan], recipe="instant", n_clusters=4)


@pytest.fixture(scope="session")
def instant_model(instant_classifier, tmp_path_factory):
    """Save the model of the filters; return its path."""
    return instant_classifier.save(tmp_path_factory.mktemp("model") / "filters.stmml")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Keep truths and locks out of the home of whoever runs the tests."""
    from napari_stmml.system.user_folder import VARIABLE

    monkeypatch.setenv(VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def model_copy(instant_model, tmp_path):
    """Copy the model of the filters, to be changed."""
    return shutil.copy(instant_model, tmp_path / "corrected.stmml")


@pytest.fixture
def correcting_files(home, instant_classifier, small_session, tmp_path):
    """List two directions of a scan in a folder of its own, each with the features of its cells in a file."""
    from napari_stmml import read_mtrx
    from napari_stmml.model.cell_file import write_cells

    for name in small_session[0].parent.iterdir():
        shutil.copy(name, tmp_path)
    scans = read_mtrx(tmp_path / small_session[0].name)[:2]
    return [
        (scan, write_cells(instant_classifier, scan, tmp_path / f"cells{number}.npy"))
        for number, scan in enumerate(scans)
    ]


class Here:
    """A pool that works in this process: nothing to start, and patches hold."""

    def __init__(self, processes=0):
        self.processes = 1

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def map(self, function, tasks, ahead=0):
        from napari_stmml.system.pool import Outcome

        for task in tasks:
            try:
                yield Outcome(task, function(task))
            except Exception as error:  # noqa: BLE001 - as the real one does
                yield Outcome(task, error=f"{type(error).__name__}: {error}")


@pytest.fixture
def here(monkeypatch):
    """Do the work of a job's pool in this process."""
    from napari_stmml.batch import engine, labelling

    for module in (engine, labelling):
        monkeypatch.setattr(module, "Pool", Here)


@pytest.fixture
def measured():
    """Report a sentence at the end of the run: what was measured, never asserted."""
    return MEASURED.append


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pytest_terminal_summary(terminalreporter) -> None:
    if MEASURED:
        terminalreporter.section("measured")
        for sentence in MEASURED:
            terminalreporter.write_line(sentence)
