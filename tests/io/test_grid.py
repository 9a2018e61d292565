"""Grids of Nanonis: a curve at each place, as a stack of images over the bias."""

import numpy as np
import pytest

from napari_stmml.io.nanonis_grid import read_grid
from napari_stmml.scan import ScanFileError

ROWS, COLS, POINTS = 3, 4, 5


def write_grid(path, angle=0.0, sweep=(-1.0, 1.0), places=True, whole=ROWS * COLS, extra=""):
    """Write a grid of I = G V; G, in nA/V, is 10 times the row from the top plus the column."""
    header = (
        f'Grid dim="{COLS} x {ROWS}"\r\nGrid settings=1E-7;5E-8;8E-9;6E-9;{angle}\r\n'
        'Sweep Signal="Bias (V)"\r\nFixed parameters="Sweep Start;Sweep End"\r\n'
        f'Experiment parameters="{"X (m);Y (m)" if places else "A;B"}"\r\n# Parameters (4 byte)=4\r\n'
        f'Points={POINTS}\r\nChannels="Current (A);Phase (deg)"\r\nStart time="20.04.2023 14:53:33"\r\n'
        f"{extra}"
        ":HEADER_END:\r\n"
    )
    numbers, bias, turn = [], np.linspace(*sweep, POINTS), np.radians(-angle)
    for number in range(whole):
        up, col = divmod(number, COLS)
        right, high = (col + 0.5) * 2 - 4, (up + 0.5) * 2 - 3
        x = 100 + right * np.cos(turn) - high * np.sin(turn)
        y = 50 + right * np.sin(turn) + high * np.cos(turn)
        current = (10 * (ROWS - 1 - up) + col) * bias * 1e-9
        numbers += [*sweep, x * 1e-9, y * 1e-9, *current, *bias * 0]
    path.write_bytes(header.encode() + np.array(numbers, ">f4").tobytes())
    return path


@pytest.mark.parametrize("angle", [0.0, 40.0, 180.0])
@pytest.mark.parametrize("sweep", [(-1.0, 1.0), (1.0, -1.0)])
@pytest.mark.parametrize("places", [True, False])
def test_a_grid_is_a_stack_over_a_rising_bias_the_right_way_up(tmp_path, angle, sweep, places):
    current, phase = read_grid(write_grid(tmp_path / "a.3ds", angle, sweep, places))
    conductance = 10 * np.arange(ROWS)[:, None] + np.arange(COLS)
    assert current.values == pytest.approx(np.linspace(-1, 1, POINTS)[:, None, None] * conductance, abs=1e-5)
    assert (current.sweep, current.sweep_name, current.sweep_unit) == ((-1.0, 1.0), "Bias", "V")
    assert (current.frame.channel, current.frame.unit, phase.frame.unit) == ("Current", "nA", "deg")
    assert current.frame.pixel_size == pytest.approx((2.0, 2.0))
    assert (current.frame.angle, current.frame.offset) == (-angle, pytest.approx((100.0, 50.0)))


def test_places_that_were_not_reached_are_missing(tmp_path):
    current, _ = read_grid(write_grid(tmp_path / "a.3ds", whole=6))
    assert np.isnan(current.values[0]).tolist() == [[True] * 4, [False, False, True, True], [False] * 4]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"whole": 0}, "Cut short: a.3ds"),
        ({"sweep": (1.0, 1.0)}, "a.3ds does not say what was swept"),
        ({"extra": "Points=x\r\n"}, "a.3ds cannot be read"),
        ({"extra": "Points=999999999\r\n"}, "Too large: a.3ds"),
        ({"extra": 'Channels=""\r\n'}, "Damaged: a.3ds"),
        ({"extra": "Grid settings=0;0;0;1;0\r\n"}, "No scale: a.3ds"),
    ],
)
def test_a_damaged_grid_is_named_in_one_sentence(tmp_path, how, said):
    with pytest.raises(ScanFileError, match=said):
        read_grid(write_grid(tmp_path / "a.3ds", **how))


def test_what_is_no_grid_is_refused(tmp_path):
    (tmp_path / "a.3ds").write_bytes(b"Experiment\t")
    with pytest.raises(ScanFileError, match="Not a grid of Nanonis: a"):
        read_grid(tmp_path / "a.3ds")


def test_a_size_that_the_file_does_not_have_takes_no_memory(tmp_path):
    path = write_grid(tmp_path / "a.3ds")
    path.write_bytes(path.read_bytes().replace(f"{COLS} x {ROWS}".encode(), b"4000 x 4000"))
    with pytest.raises(ScanFileError, match=r"Cut short: a\.3ds has 12 of 16000000 curves"):
        read_grid(path)
