"""Curves: read from real files, averaged, their slope, and a table."""

from datetime import UTC, datetime

import numpy as np
import pytest
from access2thematrix import MtrxData

from napari_stmml.io.curve_files import curve_files, is_curve_file, read_curves
from napari_stmml.io.curves import Curve, mean_curve, save_curves, slope
from napari_stmml.io.tables import read_table
from napari_stmml.scan import Scan, ScanFileError

HEADER = "Experiment\tbias spectroscopy\t\r\nSaved Date\t20.04.2023 14:55:09\t\r\n"
HEADER += "X (m)\t1E-9\t\r\nY (m)\t-2E-9\t\r\n"
TABLE = "[DATA]\r\nBias calc (V)\tCurrent (A)\tCurrent [bwd] (A) [filt]\r\n0\t0\t1E-9\r\n1\t2E-9\t3E-9\r\n"


def nanonis(folder, text=HEADER + "\r\n" + TABLE):
    path = folder / "curve.dat"
    path.write_bytes(text.encode())
    return path


def ohmic(conductance=2.0, x=None, **about):
    """Return I = G V; G in nA/V."""
    x = np.linspace(-1, 1, 21) if x is None else x
    return Curve(x, conductance * x, "bias", "I(V)", "V", "nA", **about)


@pytest.mark.parametrize("name", ["1_1.I(V)", "2_1.I(V)"])
def test_curves_of_matrix_are_those_of_access2thematrix(shared_data, name):
    path = shared_data / "mtrx-curves" / f"2014Sep30-111118--{name}_mtrx"
    foreign = MtrxData()
    traces, _ = foreign.open(str(path))
    curves = read_curves(path)
    assert [one.direction for one in curves] == list(traces.values())
    for one in curves:
        theirs, _ = foreign.select_curve(one.direction)
        assert np.array_equal(one.x, theirs.data[0])
        assert one.y == pytest.approx(theirs.data[1] * 1e9, rel=1e-12)
        assert (one.x_unit, one.y_unit) == ("V", "nA")
        assert np.array(one.place) == pytest.approx(
            np.array(theirs.referenced_by["Location (m)"]) * 1e9, rel=1e-5
        )


def test_a_curve_over_time_counts_its_points(shared_data):
    (curve,) = read_curves(shared_data / "mtrx-curves" / "2014Sep30-111118--1_1.I(t)_mtrx")
    assert curve.axis_labels == ("point", "I(t) (nA)")
    assert curve.x.tolist() == list(range(29))
    assert curve.place is None


def test_the_real_curve_of_nanonis_has_its_place_and_units(shared_data):
    (path,) = (shared_data / "nanonis").glob("*.dat")
    curves = read_curves(path)
    assert len(curves) == 14
    current = curves[0]
    assert current.axis_labels == ("Bias calc (V)", "Current (nA)")
    assert current.place == pytest.approx((153.514, -93.4937))
    assert current.taken == datetime(2023, 4, 20, 14, 55, 9, tzinfo=UTC)
    assert (len(current.x), current.x[0], current.y[0]) == pytest.approx((2048, -0.05, -0.14288776), rel=1e-6)


def test_columns_of_nanonis_say_their_sweep(tmp_path):
    forward, backward = read_curves(nanonis(tmp_path))
    assert (forward.name, backward.name) == ("Current", "Current bwd filt")
    assert forward.y.tolist() == pytest.approx([0, 2])
    assert (forward.place, forward.y_unit) == (pytest.approx((1.0, -2.0)), "nA")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER, "has no table of numbers"),
        (HEADER + TABLE[:-6], "row 2 of curve.dat has 2 of 3 numbers"),
        (HEADER + "[DATA]\r\nBias (V)\r\n", "has 0 rows of 1 columns"),
        (HEADER + TABLE.replace("2E-9", "what"), "curve.dat cannot be read"),
        ("[Parameter]", "is neither"),
    ],
)
def test_a_damaged_curve_is_named_in_one_sentence(tmp_path, text, said):
    with pytest.raises(ScanFileError, match=said) as told:
        read_curves(nanonis(tmp_path, text))
    assert "curve.dat" in str(told.value)


def test_what_is_no_curve_is_refused(tmp_path):
    with pytest.raises(ScanFileError, match="No such file"):
        read_curves(tmp_path / "s--1_1.I(V)_mtrx")
    (tmp_path / "s--1_1.I(V)_mtrx").write_bytes(b"")
    with pytest.raises(ScanFileError, match="Empty file"):
        read_curves(tmp_path / "s--1_1.I(V)_mtrx")
    assert not is_curve_file("s--1_1.Z_mtrx")


def test_a_cut_curve_of_matrix_is_named(tmp_path, shared_data):
    source = shared_data / "mtrx-curves"
    name = "2014Sep30-111118--1_1.I(V)_mtrx"
    (tmp_path / name).write_bytes((source / name).read_bytes()[:600])
    with pytest.raises(ScanFileError, match="promises 378 points"):
        read_curves(tmp_path / name)


def test_curves_of_a_folder_are_found(tmp_path):
    (tmp_path / "deep").mkdir()
    path = nanonis(tmp_path / "deep")
    (tmp_path / "other.dat").write_text("[Parameter]")
    assert list(curve_files([tmp_path, path])) == [path, path]


def test_the_mean_of_curves_is_that_of_their_values():
    mean = mean_curve([ohmic(1.0), ohmic(3.0)])
    assert mean.y == pytest.approx(ohmic(2.0).y)
    assert mean.place is None


def test_curves_of_other_x_are_averaged_where_they_were_measured():
    half = ohmic(4.0, np.linspace(0, 1, 7)[::-1])
    mean = mean_curve([ohmic(2.0), half])
    assert mean.y == pytest.approx(np.where(mean.x < 0, 2, 3) * mean.x)


def test_curves_of_two_quantities_have_no_mean():
    with pytest.raises(ValueError, match="have no mean"):
        mean_curve([ohmic(), Curve([0, 1], [0, 1], "bias", "Z(V)", "V", "nm")])
    with pytest.raises(ValueError, match="no curve"):
        mean_curve([])


def test_the_slope_of_an_ohmic_contact_is_its_conductance():
    conductance = slope(ohmic(2.5))
    assert conductance.y == pytest.approx(np.full(21, 2.5))
    assert conductance.axis_labels[1] == "slope of I(V) (nA/V)"
    assert slope(ohmic(2.5, np.linspace(1, -1, 9))).y == pytest.approx(np.full(9, 2.5))


@pytest.mark.parametrize("x", [[0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 0.5]])
def test_a_curve_that_stands_still_has_no_slope(x):
    with pytest.raises(ValueError, match="must rise or fall"):
        slope(ohmic(1.0, np.array(x)))


def test_a_curve_needs_as_many_x_as_y():
    with pytest.raises(ValueError, match="one length"):
        Curve([0, 1], [0], "x", "y")


def test_the_table_has_a_line_for_each_point(tmp_path):
    path = save_curves(tmp_path / "c.csv", [ohmic(place=(5.0, 6.0), source="x/a.dat"), ohmic(3.0)])
    rows = read_table(path)
    assert len(rows) == 42
    assert (rows[0]["file"], rows[0]["scanner_x_nm"], rows[0]["y_unit"]) == ("a.dat", "5.0", "nA")
    assert (float(rows[41]["x"]), float(rows[41]["y"]), rows[41]["scanner_x_nm"]) == (1.0, 3.0, "")


def test_places_of_the_scanner_and_of_the_frame_are_inverse():
    scan = Scan(np.zeros((30, 20)), (0.5, 0.25), angle=33.0, offset=(100.0, -40.0))
    x, y = np.array([0.0, 3.0, 5.0]), np.array([15.0, -2.0, 7.0])
    back = scan.from_scanner(*scan.in_scanner(x, y))
    assert np.array(back) == pytest.approx(np.array([x, y]))
    assert np.isnan(Scan(np.zeros((2, 2)), (1.0, 1.0)).from_scanner(x, y)).all()
