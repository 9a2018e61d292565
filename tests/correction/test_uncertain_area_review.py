"""The review of uncertain areas: each is asked about once; answers are strokes; it comes to an end."""

import numpy as np
import pytest

from napari_stmml.correction.uncertain_area_review import AreaToOpen, Review
from napari_stmml.events import UncertainArea, UncertainFound


@pytest.fixture
def review(session):
    return Review(session)


def far_away(weight, source="elsewhere.Z_mtrx"):
    area = UncertainArea(0, 3, 4, 1, 2, 0.0, weight)
    return AreaToOpen(UncertainFound("a scan", source, "Z", "forward/up", (area,)), area)


def test_an_answer_paints_the_area_as_one_step(session, review):
    assert review.next() is None
    one, area = review.asked
    before = one.truth.copy()
    assert review.answer(3)
    assert one.truth[tuple(round(at) for at in one.to_position(area.row, area.col))] == 3
    assert set(one.truth[review.pixels].tolist()) == {3}
    assert (review.answered, review.skipped, review.asked) == (1, 0, None)
    assert not review.answer(3)  # nothing is asked
    session.undo()
    np.testing.assert_array_equal(one.truth, before)


def test_the_next_area_is_another_one_and_the_one_before_is_skipped(review):
    review.next()
    first = review.asked
    review.next()
    assert review.asked != first
    assert (review.answered, review.skipped) == (0, 1)


def test_a_stroke_on_the_area_is_an_answer_and_one_beside_it_is_none(session, review):
    review.next()
    one, area = review.asked
    assert not review.take_stroke(one)
    one.truth[tuple(round(at) for at in one.to_position(area.row, area.col))] = 2
    assert review.take_stroke(one)
    assert (review.answered, review.asked) == (1, None)


def test_answering_brings_uncertainty_down_and_it_ends(review):
    review.next()
    assert review.began == review.uncertain_share
    for _ in range(200):
        if review.asked is None:
            break
        review.answer(1)
        review.next()
    assert review.asked is None
    assert review.uncertain_share <= review.began
    assert review.answered > 1


def test_an_area_of_a_scan_that_is_not_open_comes_first_where_it_is_less_certain(session, review):
    weak, strong = far_away(0.001), far_away(2.0)
    review.to_open = [weak, strong]
    assert review.next() is strong
    assert review.asked is None
    assert review.next() is None
    assert review.asked is not None
    assert review.to_open == [weak]


def test_areas_of_scans_that_were_opened_since_are_found_as_the_model_is_now(session, review):
    review.to_open = [far_away(2.0), far_away(1.0, session.scans[0].scan.source)]
    review.next()
    review.renew()
    assert [far.found.source for far in review.to_open] == ["elsewhere.Z_mtrx"] or review.to_open == []
    assert not any(far.is_on(one.scan) for far in review.to_open for one in session.scans)


def test_closing_all_scans_ends_the_review(session, review):
    review.next()
    review.answer(1)
    for one in list(session.scans):
        session.close_scan(one)
        review.renew()
    assert (review.answered, review.began, review.asked) == (0, None, None)
    assert review.uncertain_share == 0
