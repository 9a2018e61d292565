"""Numbers for people are written by `napari_stmml.text`: never as 1e+04."""

import re
from pathlib import Path

import numpy as np
import pytest

from napari_stmml.cli import main
from napari_stmml.text import number

SOURCE = Path(__file__).parents[1] / "src" / "napari_stmml"
ROOMS = ("viewer", "figures", "cli", "batch")
POWERS = re.compile(r"(?<!float\(f\")\{[^{}\"]*:[+,]?[.\d]*g\}|%\.?\d*g")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(10_000.0, 3, "10 000"), (9_999.6, 3, "10 000"), (123_456.0, 3, "123 456"), (0.00123, 3, "0.00123")],
)
def test_whole_units_are_written_in_full(value, digits, text):
    assert number(value, digits) == text


def test_a_wide_scan_is_so_many_nm(tmp_path, capsys):
    np.save(tmp_path / "wide.npy", np.random.default_rng(0).random((40, 40)))
    assert main(["info", "--pixel-size", "500", str(tmp_path / "wide.npy")]) == 0
    assert "20 000 x 20 000 nm" in capsys.readouterr().out


def test_no_sentence_writes_a_number_with_a_power_of_ten():
    texts = {path: path.read_text() for room in ROOMS for path in (SOURCE / room).rglob("*.py")}
    texts |= {path: path.read_text() for path in SOURCE.rglob("*.jinja")}
    found = {str(path.relative_to(SOURCE)): POWERS.findall(text) for path, text in texts.items()}
    known = {str(Path("batch", "cluster.py")): 1}  # a file for other programs
    assert {name: some for name, some in found.items() if len(some) > known.get(name, 0)} == {}
