"""Where to look next: the least sure places first, each question in its turn."""

import numpy as np
import pytest

from napari_stmml.truth.uncertain_areas import ACROSS, CellAnswers, cells_of_area, uncertain_areas

SHAPE = (60, 80)


def sure(label=1, runner_up=2, confidence=0.9):
    return CellAnswers(
        np.full(SHAPE, label, np.uint8),
        np.full(SHAPE, runner_up, np.uint8),
        np.full(SHAPE, confidence, np.float32),
        np.zeros(SHAPE, bool),
    )


def uncertain(row, col, confidence=0.05, size=4, **known):
    answers = sure(**known)
    answers.confidence[row - size : row + size, col - size : col + size] = confidence
    return answers


def test_the_least_sure_place_comes_first_with_its_class_and_the_runner_up():
    first = uncertain_areas([uncertain(20, 30)])[0]
    assert abs(first.row - 20) <= 4
    assert abs(first.col - 30) <= 4
    assert (first.scan, first.label, first.runner_up, first.unlike) == (0, 1, 2, False)
    assert first.confidence == pytest.approx(0.05)


def test_what_is_unlike_anything_comes_before_what_is_between_two_classes():
    first, second = uncertain_areas([uncertain(20, 30), uncertain(40, 50, confidence=-0.5)])[:2]
    assert (first.scan, first.unlike) == (1, True)
    assert second.scan == 0


def test_a_place_that_a_person_has_labelled_is_never_asked_about():
    answers = uncertain(20, 30)
    answers.painted[14:27, 24:37] = True
    assert all(not answers.painted[one.row, one.col] for one in uncertain_areas([answers]))
    answers.painted[:] = True
    assert uncertain_areas([answers]) == []


def test_where_there_is_no_label_nothing_is_asked():
    answers = uncertain(20, 30)
    answers.labels[:] = 0
    answers.confidence[:] = np.nan
    assert uncertain_areas([answers]) == []


def test_places_lie_apart_and_are_no_more_than_asked_for():
    rng = np.random.default_rng(0)
    answers = sure()
    answers.confidence[:] = rng.uniform(size=SHAPE)
    found = uncertain_areas([answers])
    places = np.array([(one.row, one.col) for one in found])
    apart = np.abs(places[:, None] - places[None]).max(-1) + 1000 * np.eye(len(places))
    assert apart.min() > ACROSS
    assert len(uncertain_areas([answers], most=3)) == 3


def test_another_question_gets_its_turn_before_the_same_one_is_asked_for_the_fifth_time():
    answers = sure()
    for place in range(5):
        answers.confidence[5:12, 5 + 15 * place : 12 + 15 * place] = 0.0
    answers.confidence[40:47, 40:47] = 0.1
    answers.labels[40:47, 40:47] = 3
    questions = [one.label for one in uncertain_areas([answers])[:6]]
    assert questions[0] == 1
    assert 3 in questions[:4]


def test_the_gain_is_the_share_of_cells_in_the_same_doubt():
    answers = uncertain(20, 30)
    first = uncertain_areas([answers, sure()])[0]
    assert first.gain == pytest.approx(64 / (2 * SHAPE[0] * SHAPE[1]))


def test_a_patch_is_of_one_label_around_its_place_and_leaves_out_what_a_person_painted():
    answers = uncertain(20, 30)
    answers.labels[:, 32:] = 2
    answers.painted[18, 28] = True
    first = uncertain_areas([answers])[0]
    found = cells_of_area(answers, first)
    assert found[first.row, first.col]
    assert set(answers.labels[found].tolist()) == {first.label}
    assert not found[18, 28]
    rows, cols = np.nonzero(found)
    assert max(np.hypot(rows - first.row, cols - first.col)) <= ACROSS / 2
