import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from napari_stmml.system.threads import beside, in_threads, one_thread, own_threads


def test_in_one_thread_no_library_has_more_and_then_all_have_what_they_had():
    assert np.ones((2, 2)).dot(np.ones((2, 2))).sum() == 8  # the library is loaded
    before = [pool["num_threads"] for pool in threadpool_info()]
    with one_thread():
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_what_is_done_beside_is_done_in_another_thread_while_this_one_goes_on():
    here = threading.Event()
    with beside(lambda: here.wait(60) and threading.current_thread()) as there:
        here.set()
        assert there() is not threading.current_thread()


def test_an_error_beside_is_raised_where_the_result_is_asked_for():
    with pytest.raises(ZeroDivisionError), beside(lambda: 1 / 0) as there:
        there()


def test_what_is_done_in_threads_comes_back_in_its_order():
    assert in_threads(lambda one: 2 * one, range(20)) == list(range(0, 40, 2))
    assert in_threads(lambda one: 2 * one, []) == []


def test_an_error_in_one_of_the_threads_is_raised():
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda one: 1 / one, [1, 0, 2])


def test_a_worker_uses_the_threads_that_it_was_given_and_then_what_it_did_before():
    def names():
        return set(in_threads(lambda one: threading.current_thread().name, range(4)))

    with own_threads(1):
        assert names() == {threading.current_thread().name}
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    with own_threads(3):
        meet = threading.Barrier(3)
        assert len(set(in_threads(lambda one: (meet.wait(20), threading.get_ident())[1], range(3)))) == 3
