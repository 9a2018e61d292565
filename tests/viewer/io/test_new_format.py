"""One more format is one file that reads it, and one entry of the registry: every door then opens it."""

import json
import sys

import numpy as np
import pytest

from napari_stmml import find_scans, read_scans
from napari_stmml.cli import main
from napari_stmml.io import formats
from napari_stmml.io.formats import Format, is_scan_file
from napari_stmml.jobs.scan_stream import stream_scans
from napari_stmml.viewer.io.layers import KEY
from napari_stmml.viewer.io.reader import get_reader
from napari_stmml.viewer.scan_info.widget import ROW, ScanInfoWidget

READER = '''
"""Read files of plain numbers, a height in nm each, of pixels of 0.1 nm."""
import numpy as np
from napari_stmml.io.named_settings import NamedSettings, setting_of
from napari_stmml.scan import Scan

def read(path):
    return [Scan(np.loadtxt(path), (0.1, 0.1), "forward/up", bias=-1.25, source=str(path))]

def settings(path):
    return NamedSettings(str(path), None, {"Tip (V)": setting_of("Tip (V)", "-1.25")})
'''


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Write the file that reads the format, add its entry, and write a scan; return the scan's path."""
    (tmp_path / "plain_numbers.py").write_text(READER)
    monkeypatch.syspath_prepend(tmp_path)
    import plain_numbers

    monkeypatch.setattr(
        formats,
        "FORMATS",
        (
            *formats.FORMATS,
            Format("plain numbers", ("*.numbers",), ".numbers", plain_numbers.read, plain_numbers.settings),
        ),
    )
    path = tmp_path / "scans" / "a.numbers"
    path.parent.mkdir()
    np.savetxt(path, np.random.default_rng(0).normal(size=(80, 80)))
    yield path
    del sys.modules["plain_numbers"]


def test_it_is_found_and_read(path):
    assert is_scan_file(path)
    assert find_scans(path.parent) == [path]
    assert [scan.bias for scan in read_scans(path.parent)] == [-1.25]


def test_the_viewers_reader_opens_it(path):
    ((_, meta, kind),) = get_reader(str(path))(str(path))
    assert (kind, meta["metadata"][KEY]["bias"]) == ("image", -1.25)


def test_the_command_line_tells_what_it_says(path, capsys):
    assert main(["info", str(path.parent), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"][0]["parameters"] == {"Tip (V)": {"value": -1.25, "unit": "Volt"}}
    assert told["scans"][0]["pixel_size"] == [0.1, 0.1]


def test_requests_read_it_from_a_folder(path):
    assert [scan.bias for scan in stream_scans([str(path.parent)], print)] == [-1.25]


def test_a_job_takes_it_in(path, tmp_path):
    from napari_stmml.batch.job_file import JobFile
    from napari_stmml.batch.prepare_file import FileTask, prepare_file
    from napari_stmml.batch.survey import files_of

    job = JobFile({"recipe": "instant", "job_name": "j", "train_path": [str(path.parent)]}, tmp_path)
    (found,) = files_of(job)
    record = prepare_file(FileTask(str(found.path), found.place, found.set, job))
    assert [(row.status, row.bias) for row in record.rows] == [("kept", -1.25)]


def test_scan_info_shows_it(path, new_viewer, qtbot):
    viewer = new_viewer()
    ((data, meta, _),) = get_reader(str(path))(str(path))
    viewer.add_image(data, **meta)
    panel = ScanInfoWidget(viewer)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: any(item.data(0, ROW).label == "Tip" for item in panel.items()), timeout=20_000)
