"""A small session, a damaged file and a model on windows, for the tests of the commands."""

import os
import signal
import threading
import time

import pytest

from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001


@pytest.fixture(scope="package")
def session(tmp_path_factory):
    """Write a folder of a scan in four directions and one in two."""
    surface = simulate_si001((64, 64), 6.0, seed=1)
    frames = [
        Frame(dict.fromkeys(directions, surface.heights), width_nm=6.0, height_nm=6.0, bias=-1.7)
        for directions in (DIRECTIONS, DIRECTIONS[:2])
    ]
    return write_session(tmp_path_factory.mktemp("session"), frames)


@pytest.fixture(scope="package")
def folder(session):
    return str(session[0].parent)


@pytest.fixture
def damaged(session, tmp_path):
    """Make a data file that is cut short, beside nothing."""
    path = tmp_path / "cut--1_1.Z_mtrx"
    path.write_bytes(session[0].read_bytes()[:300])
    return path


@pytest.fixture(scope="package")
def model(tiny_classifier, tmp_path_factory):
    """Save the tiny model on windows of 16 px; return its path."""
    return str(tiny_classifier.save(tmp_path_factory.mktemp("model") / "m.stmml"))


@pytest.fixture
def interrupt_when():
    """Return a function that presses Ctrl-C as soon as ``is_time()``, from a thread."""

    def start(is_time):
        def wait():
            while not is_time():
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread

    return start
