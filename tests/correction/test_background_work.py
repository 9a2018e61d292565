"""Work in threads: one task of a kind at a time, the newest is never lost, a flush retries."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_stmml.correction.background_work import BackgroundWork, at_once


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_what_is_asked_for_during_work_is_done_right_after_it_and_the_newest_alone(pool):
    done, began, go = [], threading.Event(), threading.Event()

    def save(value):
        began.set()
        go.wait(10)
        done.append(value)

    work = BackgroundWork(pool.submit, at_once)
    work.ask("truth", lambda: save(1))
    began.wait(10)
    work.ask("truth", lambda: save(2))
    work.ask("truth", lambda: save(3))
    assert work.busy
    assert not work.flush(0.01)
    go.set()
    assert work.flush(10)
    assert done == [1, 3]
    assert not work.busy


def test_work_of_several_kinds_is_all_done_and_results_arrive_on_the_main_thread():
    main, heard = [], []
    work = BackgroundWork(at_once, main.append)
    for name in "xyz":
        work.ask(name, name.upper, heard.append)
    assert heard == []
    assert work.busy
    for do in main:
        do()
    assert heard == ["X", "Y", "Z"]
    assert not work.busy


@pytest.mark.parametrize("error", [OSError("the disk is full"), MemoryError("no memory"), KeyError("x")])
def test_an_error_is_told_and_the_next_request_tries_again(pool, error):
    told, done = [], []

    def fail():
        raise error

    work = BackgroundWork(pool.submit, at_once)
    work.ask("truth", fail, failed=told.append)
    assert not work.flush(10)
    work.ask("truth", lambda: done.append(2), failed=told.append)
    assert work.flush(10)
    assert told == [error, error]
    assert done == [2]


def test_a_flush_tries_once_more_what_failed(pool):
    done, failures = [], [OSError("the folder is not there"), None]

    def save():
        if error := failures.pop(0):
            raise error
        done.append(1)

    work = BackgroundWork(pool.submit, at_once)
    work.ask("truth", save)
    assert work.flush(10)
    assert done == [1]
