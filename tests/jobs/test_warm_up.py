"""A process that was warmed has imported all that a click needs."""

import json
import subprocess
import sys

_SCRIPT = """
import json, sys
import numpy as np
from napari_stmml.io.scan_archive import save_scans
from napari_stmml.jobs.requests import ClusterAtOnce, WarmUp
from napari_stmml.jobs.run_request import run
from napari_stmml.recipe import at_once_recipe
from napari_stmml.scan import Scan

run(WarmUp(), lambda event: None, lambda: False)
before = set(sys.modules)
rng = np.random.default_rng(1)
heights = 0.002 * rng.normal(size=(128, 128))
heights[40:44, 40:44] += 0.3
scan = Scan(heights, (0.1, 0.1))
save_scans(sys.argv[1] + "/scans.npz", [scan])
recipe, scans = at_once_recipe([scan], 0).as_dict(), sys.argv[1] + "/scans.npz"
run(ClusterAtOnce(out=sys.argv[1], recipe=recipe, scans=scans), lambda event: None, lambda: False)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_after_warming_a_click_imports_nothing_of_size(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path)], check=True, capture_output=True, text=True
    )
    late = json.loads(ended.stdout.splitlines()[-1])
    heavy = {"scipy", "sklearn", "skimage", "pandas", "matplotlib", "PIL", "tifffile"}
    assert [name for name in late if name.partition(".")[0] in heavy] == []
