from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import shift as moved

from benchmarks.surfaces import simulate_si001, with_artefacts
from napari_stmml import Scan, read_mtrx
from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.heights.two_biases import (
    lag,
    pair_scans,
    paired,
    shifted,
    way_back,
    with_other_bias,
    with_way_back,
)
from napari_stmml.viewer.io.scan_files import in_file


def surface(seed=1, **known):
    return with_artefacts(simulate_si001((160, 160), 10.0, seed, both_biases=True, **known), seed=seed)


def frame(source="a.Z_mtrx", seed=1):
    made = surface(seed)
    both = {"pixel_size": made.pixel_size, "source": source}
    forward = Scan(made.heights, direction="forward/up", bias=-1.5, **both)
    return [forward, Scan(made.other, direction="backward/up", bias=1.5, **both)]


@pytest.mark.parametrize("px", [-3.0, -1.5, 0.0, 0.4, 2.0, 4.0])
def test_a_known_shift_is_measured_to_a_third_of_a_pixel(px):
    heights = surface().heights
    back = moved(heights, (0, px), order=3, mode="nearest")
    assert lag(heights, back) == pytest.approx(px, abs=0.34)


@pytest.mark.parametrize("seed", range(3))
def test_the_lag_of_another_bias_is_found_although_contrast_and_lattice_differ(seed):
    made = surface(seed, impurities=0.05)
    back = moved(made.other, (0, 3.0), order=3, mode="nearest")
    assert lag(made.heights, back) == pytest.approx(3.0, abs=1.0)


def test_what_is_shifted_back_lies_where_it_was():
    heights = surface().heights
    back = shifted(moved(heights, (0, 2), order=0, mode="nearest"), 2.0)
    assert np.isnan(back[:, -2:]).all()
    np.testing.assert_allclose(back[:, :-2], heights[:, :-2])


def test_forward_and_backward_of_a_frame_become_partners_of_each_other():
    forward, backward = frame()
    there, back = pair_scans([forward, backward])
    assert there.other_bias == 1.5
    assert back.other_bias == -1.5
    assert there.heights is forward.heights or np.array_equal(there.heights, forward.heights)
    assert there.other.shape == forward.heights.shape
    inner = np.isfinite(there.other)
    assert inner.mean() > 0.9
    assert np.corrcoef(there.other[inner], backward.heights[inner])[0, 1] > 0.9


def test_scans_without_a_partner_stay_as_they_are():
    forward, backward = frame()
    other_file = replace(backward, source="b.Z_mtrx")
    unnamed = [replace(scan, source="") for scan in (forward, backward)]
    smaller = replace(backward, heights=backward.heights[:100])
    for alone in (
        [forward],
        [forward, other_file],
        [forward, smaller],
        [replace(forward, direction="")],
        unnamed,
    ):
        assert all(scan.other is None for scan in pair_scans(alone))


def test_pairs_are_found_file_by_file_in_order():
    scans = [*frame("a.Z_mtrx"), *frame("b.Z_mtrx", seed=2)]
    ready = list(paired(iter(scans), Preprocessing(both_biases=True)))
    assert [scan.source for scan in ready] == [scan.source for scan in scans]
    assert all(scan.other is not None for scan in ready)
    assert list(paired(iter(scans), Preprocessing())) == scans
    apart = [scans[0], scans[2], scans[1], scans[3]]
    assert all(scan.other is not None for scan in paired(apart, Preprocessing(both_biases=True)))
    assert all(scan.other is None for scan in paired(iter(apart), Preprocessing(both_biases=True)))


def test_a_map_without_heights_or_too_narrow_has_no_lag():
    assert lag(np.full((32, 64), np.nan), np.zeros((32, 64))) == 0
    assert lag(np.zeros((8, 6)), np.zeros((8, 6))) == 0


def test_a_partner_must_have_the_shape_of_its_scan():
    with pytest.raises(ValueError, match=r"other must have the shape of the heights, \(4, 4\), got \(3, 3\)"):
        Scan(np.zeros((4, 4)), (1, 1), other=np.zeros((3, 3)))


def test_forward_and_backward_of_the_real_scans_are_paired_with_a_small_lag(shared_data):
    for path in sorted((shared_data / "mtrx").glob("*.Z_mtrx")):
        scans = read_mtrx(path)[:2]
        assert all(scan.other is not None and scan.other_bias == -scan.bias for scan in pair_scans(scans))
        there, back = (lag(scans[i].heights, scans[j].heights) for i, j in ((0, 1), (1, 0)))
        assert abs(there) < 20  # px of 0.04 nm; a defect of either lies 12 to 22 px apart
        assert there == pytest.approx(-back, abs=0.5)


def plain(direction="", pixel_size=(0.1, 0.1), source="a.Z_mtrx", **known):
    heights = np.random.default_rng(0).normal(size=(20, 60))
    return Scan(heights, pixel_size, direction, source=source, **known)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (plain("forward/up"), plain("backward/up"), True),
        (plain("backward/down"), plain("forward/down"), True),
        (plain("forward/up"), plain("backward/down"), False),
        (plain("forward/up"), plain("forward/up"), False),
        (plain("forward/up"), plain("backward/up", source="b.Z_mtrx"), False),
        (plain("forward/up"), plain("backward/up", channel="I"), False),
        (plain(), plain(), False),
    ],
)
def test_the_way_back_is_of_the_same_file_channel_and_slow_direction(one, other, both):
    assert (way_back(one, [one, other]) is other) == both


def test_a_scan_gets_its_way_back_preferably_with_the_same_history():
    forward, back = plain("forward/up", bias=-2.0), plain("backward/up", bias=2.0)
    flat_forward, flat_back = (
        replace(one, heights=one.heights + 1, history=("poly_xy",)) for one in (forward, back)
    )
    for one, mate in ((forward, back), (flat_forward, flat_back)):
        others = [flat_back, back, flat_back, plain("forward/down")]
        (paired,) = with_way_back([one], others, Preprocessing(both_biases=True))
        assert paired.other == pytest.approx(mate.heights)
        assert paired.other_bias == 2
        assert next(with_way_back([one], others, Preprocessing())) is one
    (alone,) = with_way_back([forward], [plain("backward/down")], Preprocessing(both_biases=True))
    assert alone is forward


def test_a_scan_that_is_prepared_gets_the_bias_of_its_way_back_alone():
    scans = frame()
    both = Preprocessing(both_biases=True)
    named = list(with_other_bias(scans, both))
    assert [scan.settings() for scan in named] == [scan.settings() for scan in paired(scans, both)]
    assert all(scan.other is None for scan in named)
    assert list(with_other_bias(scans, Preprocessing())) == scans
    assert list(with_other_bias(scans[:1], both)) == scans[:1]


def test_the_way_back_of_a_scan_that_is_open_alone_is_looked_for_in_its_file(session_files, tmp_path):
    both, open_ = Preprocessing(both_biases=True), read_mtrx(session_files[0])[0]
    backward = read_mtrx(session_files[0])[1]
    (found,) = with_way_back([open_], [], both, in_file)
    assert found.settings() == next(paired([open_, backward], both)).settings()
    assert found.other_bias == backward.bias
    assert next(with_way_back([open_], [], Preprocessing(), in_file)) is open_
    for other in (
        replace(open_, source=str(tmp_path / session_files[0].name)),
        replace(open_, source=""),
        open_.with_heights(open_.heights, "flatten poly_xy", open_.pixel_size),
    ):
        assert next(with_way_back([other], [], both, in_file)) is other
