"""What the command writes goes to any terminal: nothing raises, and no file of a stranger commands it."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest

from napari_stmml import read_mtrx
from napari_stmml.cli import main
from napari_stmml.cli.progress import progress_shown
from napari_stmml.cli.terminal import Output, printable
from napari_stmml.events import EpochDone, FilesDone, Message, ScanProgress
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.io.predicted_map import predicted_map
from napari_stmml.scan import DIRECTIONS
from napari_stmml.simulate.surfaces import simulate_si001

ENCODINGS = ["ascii", "cp1251", "cp932", "utf-8"]
ODD = "\x1b]0;owned\x07\x1b[31m ü ² 測試 \udcff\u202e"


def run_in(encoding, *arguments):
    """Run the command in a terminal of an encoding; return status, output and errors."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        status = main(arguments)
    for stream in streams:
        stream.flush()
    return status, *(stream.buffer.getvalue().decode(encoding) for stream in streams)


@pytest.fixture(scope="module")
def odd_scan(tmp_path_factory):
    """Write a scan with a hostile comment in a folder that few terminals can name, and a map."""
    folder = tmp_path_factory.mktemp("scans") / "Übung ² 測試"
    heights = dict.fromkeys(DIRECTIONS[:1], simulate_si001((64, 64), 6.0, seed=1).heights)
    comment = "\x1b]0;owned\x07\x1b[31m\x9b2J ²"
    (scan,) = write_session(folder, [Frame(heights, width_nm=6.0, height_nm=6.0, bias=-1.7, comment=comment)])
    labels = np.ones((64, 64), np.uint8)
    labels[20:30, 20:30] = 2
    made = predicted_map(labels, read_mtrx(scan)[0], {1: "surface", 2: f"{ODD[:12]}µ"}, {}, "m.stmml")
    return scan, made.write(folder / "a_labels.tif")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_told_fits_every_terminal_and_commands_none(odd_scan, encoding):
    scan, labels = map(str, odd_scan)
    gone = f"{labels}\x1b[31m"
    for arguments in (
        ["info", scan, "--all"],
        ["info", scan, gone],
        ["measure", labels, gone, labels],
        ["dance²\x1b"],
    ):
        status, out, err = run_in(encoding, *arguments)
        assert status == (2 if "dance" in arguments[0] else 0)
        assert not {"\x1b", "\x07", "\x9b"} & {*out, *err}
        assert "\\x1b" in out + err or "--all" in arguments  # a comment is shown without them
    out = run_in(encoding, "measure", labels, gone, labels)[1]
    assert out.count("1 region on") == 2  # all maps are measured


def test_a_model_is_trained_and_used_in_a_terminal_of_ascii(odd_scan):
    scan, folder = str(odd_scan[0]), odd_scan[0].parent
    model, maps = str(folder / "m.stmml"), str(folder / "maps")
    assert run_in("ascii", "train", scan, "--recipe", "instant", "--clusters", "3", "--out", model)[0] == 0
    status, out, _ = run_in("ascii", "predict", scan, "--model", model, "--out", maps)
    assert status == 0
    assert "1 scan labelled" in out


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("interactive", [True, False])
def test_progress_is_shown_in_every_terminal_and_names_command_nothing(encoding, interactive):
    raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    raw.isatty = lambda: interactive
    with redirect_stderr(Output(raw)), progress_shown(verbose=True) as show:
        for done in range(3):
            show(ScanProgress(ODD, done, 2))
            show(FilesDone("process", done, 2))
        show(Message(ODD))
        show(EpochDone(1, 0.5))
    raw.flush()
    text = raw.buffer.getvalue().decode(encoding)
    assert "\x1b]0" not in text
    assert "\\x1b]0;owned\\x07" in text


def test_text_that_can_be_shown_is_shown_as_it_is():
    text = "1_3 Z · ü ² 測試\t0.1 nm\n"
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    assert Output(stream).write(text) == len(text)
    stream.flush()
    assert stream.buffer.getvalue().decode() == text
    assert printable("\x00\x1b\x7f\x9b\r\u202e") == r"\x00\x1b\x7f\x9b\x0d\u202e"


def test_who_reads_no_further_ends_nothing(folder):
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "w") as gone, redirect_stdout(gone):
        assert main(["info", folder]) == 0
        assert main(["info", folder, "--json"]) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_said_and_is_no_success(folder, capsys):
    with open("/dev/full", "w") as full, redirect_stdout(full):
        assert main(["info", folder, "--json"]) == 1
    assert "stmml: standard output took no more: " in capsys.readouterr().err
    with open("/dev/full", "w") as full, redirect_stderr(full):
        assert main(["info", folder, "gone"]) == 0


def test_a_command_without_output_does_its_work(folder, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["info", folder, "gone"]) == 0
