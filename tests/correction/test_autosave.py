"""Saving at once: the newest value always ends on disk, one save at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_stmml.correction.autosave import AutoSave


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_what_changes_during_a_save_is_saved_right_after_it_and_the_newest_alone(pool):
    saved, began, go = [], threading.Event(), threading.Event()

    def save(value):
        began.set()
        go.wait(10)
        saved.append(value)

    saves = AutoSave(save, pool.submit)
    saves.changed(1)
    began.wait(10)
    saves.changed(2)
    saves.changed(3)
    assert not saves.flush(0.01)
    go.set()
    assert saves.flush(10)
    assert saved == [1, 3]


def test_what_came_of_a_save_is_told(pool):
    told = []
    saves = AutoSave(lambda value: value + 1, pool.submit, lambda *outcome: told.append(outcome))
    saves.changed(1)
    assert saves.flush(10)
    assert told == [(1, 2)]


@pytest.mark.parametrize("error", [OSError("the disk is full"), MemoryError("no memory"), KeyError("x")])
def test_a_save_that_fails_is_told_and_the_next_change_tries_again(pool, error):
    told, saved = [], []

    def save(value):
        if value == 1:
            raise error
        saved.append(value)

    saves = AutoSave(save, pool.submit, on_error=told.append)
    saves.changed(1)
    assert not saves.flush(10)
    saves.changed(2)
    assert saves.flush(10)
    assert set(told) == {error}
    assert saved == [2]


def test_a_flush_tries_once_more_what_could_not_be_saved(pool):
    saved, failures = [], [OSError("the folder is not there"), None]

    def save(value):
        if error := failures.pop(0):
            raise error
        saved.append(value)

    saves = AutoSave(save, pool.submit)
    saves.changed(1)
    assert saves.flush(10)
    assert saved == [1]
