import subprocess
import sys

import pytest

from napari_stmml.jobs.requests import (
    ClusterAtOnce,
    ComputeCells,
    FindUncertain,
    LabelScans,
    LayOutCells,
    ProposeClusters,
    RunJobFile,
    Stop,
    TrainModel,
    WarmUp,
    from_json,
    to_json,
)

RECIPE = {"name": "instant", "resample": False, "pixel_density": 15.0, "num_clusters": 3}
ONE_EACH = [
    TrainModel("m.stmml", ("a", "b"), recipe=RECIPE, auto=True, scans="scans.npz"),
    LabelScans("m.stmml", "out", pitch=None, processes=2),
    ClusterAtOnce("out", recipe=RECIPE, scans="scans.npz"),
    ProposeClusters(("a",), RECIPE, seed=3),
    ComputeCells("m.stmml", "out"),
    FindUncertain("m.stmml", ("µ",)),
    RunJobFile("job.toml", include=("s--1_1_FU",)),
    LayOutCells("view.npz", ("a.npy",), "given.npz", "PCA"),
    WarmUp(),
    Stop(),
]


@pytest.mark.parametrize("request_", ONE_EACH, ids=lambda request: request.kind)
def test_a_request_is_one_line_of_json_that_is_read_as_the_same_request(request_):
    line = to_json(request_)
    assert "\n" not in line
    back = from_json(line)
    assert back == request_
    if hasattr(back, "recipe"):
        assert [type(value) for value in back.recipe.values()] == [str, bool, float, int]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"request": "lunch"}', "no request of any known kind: .*lunch"),
        ("[" * 100_000, "no request, but brackets in brackets"),
        ('{"request": "cells", "model": "m"}', "no request 'cells': out: Field required"),
        ('{"request": "cells", "model": "m", "out": 3}', "no request 'cells': out: "),
    ],
)
def test_a_line_that_is_no_request_is_refused_in_a_sentence(line, why):
    with pytest.raises(ValueError, match=why):
        from_json(line)


def test_naming_a_request_or_the_worker_loads_a_handful_of_our_modules_and_nothing_heavy():
    code = "import sys, napari_stmml.jobs.requests, napari_stmml.jobs.worker_process; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in loaded.stdout.split() if name.startswith("napari_stmml.")}
    assert ours == {
        *("napari_stmml.events", "napari_stmml.system"),
        *("napari_stmml.system.json_lines", "napari_stmml.system.temporary", "napari_stmml.text"),
        *("napari_stmml.jobs", "napari_stmml.jobs.requests", "napari_stmml.jobs.worker_process"),
    }
    assert not {"numpy", "pydantic"} & set(loaded.stdout.split())
