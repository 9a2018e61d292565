import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

import napari_stmml.system.pool as pool_module
from napari_stmml.scan import NotUsable
from napari_stmml.system.pool import AHEAD, Outcome, Pool, cores

SECONDS = 30
ROOT = Path(__file__).parents[2]


def work(task):
    """Do what a task says, in another process."""
    match task:
        case ("sleep", seconds, result):
            time.sleep(seconds)
            return result
        case ("raise", sentence):
            raise ValueError(sentence)
        case ("not usable", sentence):
            raise NotUsable("no heights", sentence)
        case ("die", *_):
            os.kill(os.getpid(), signal.SIGKILL)
        case ("exit", *_):
            os._exit(3)
        case ("unsendable", *_):
            return lambda: None
        case _:
            return task * 2


def mark_and_sleep(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)


@pytest.fixture(scope="module")
def pool():
    with Pool(2) as pool:
        yield pool


def test_results_come_in_order_although_the_first_takes_longest(pool):
    tasks = [("sleep", 0.5, "first"), ("sleep", 0, "second"), 3]
    assert [outcome.result for outcome in pool.map(work, tasks)] == ["first", "second", 6]


def test_no_tasks_are_no_results(pool):
    assert list(pool.map(work, [])) == []


def test_tasks_are_drawn_a_few_ahead_of_the_results_and_no_more(pool):
    drawn = 0

    def endless():
        nonlocal drawn
        for number in count():
            drawn += 1
            yield number

    results = pool.map(work, endless())
    for got in range(20):
        assert next(results).result == 2 * got
        assert drawn <= got + AHEAD * pool.processes
    results.close()


def test_a_task_that_raises_is_an_outcome_and_the_others_go_on(pool):
    tasks = [1, ("raise", "no good: x"), 2, ("not usable", "not a number"), 3, ("unsendable", 1), 4]
    outcomes = list(pool.map(work, tasks))
    assert [outcome.task for outcome in outcomes] == tasks
    assert [outcome.result for outcome in outcomes] == [2, None, 4, None, 6, None, 8]
    assert outcomes[1] == Outcome(tasks[1], error="ValueError: no good: x")
    assert outcomes[3].error == "NotUsable: not a number"
    assert outcomes[5].error
    assert not any(outcome.error for outcome in outcomes if outcome.result)


def test_a_task_that_kills_its_process_is_an_outcome_and_all_others_succeed():
    tasks = [1, ("die", "at once"), 2, 3, ("exit", 3), ("die", "again"), 4, 5, 6, ("raise", "x"), 7]
    with Pool(2) as pool:
        outcomes = list(pool.map(work, tasks))
        for task, outcome in zip(tasks, outcomes, strict=True):
            assert outcome.task == task
            if isinstance(task, int):
                assert (outcome.result, outcome.error) == (2 * task, "")
            elif task[0] == "raise":
                assert outcome.error == "ValueError: x"
            else:
                assert outcome.error.startswith("its process ended while it worked on it")
        assert [outcome.result for outcome in pool.map(work, [8, 9])] == [16, 18]


@pytest.mark.parametrize("error", [OSError("handle is closed"), pool_module.BrokenProcessPool()])
@pytest.mark.parametrize("fails_at", [1, 2, 3, 5])
def test_tasks_are_done_when_a_process_dies_just_while_the_next_is_started(monkeypatch, error, fails_at):
    submitted = count(1)

    class Breaks(pool_module.ProcessPoolExecutor):
        def submit(self, *args, **kwargs):
            if next(submitted) == fails_at:
                raise error
            return super().submit(*args, **kwargs)

    monkeypatch.setattr(pool_module, "ProcessPoolExecutor", Breaks)
    with Pool(1) as pool:
        assert [outcome.result for outcome in pool.map(work, range(6))] == [0, 2, 4, 6, 8, 10]


def test_closing_a_pool_ends_its_processes():
    with Pool(2) as pool:
        pids = {outcome.result for outcome in pool.map(_pid, range(8))}
    assert pids
    assert os.getpid() not in pids
    assert not any(map(is_running, pids))
    pool.close()


def _pid(task):
    return os.getpid()


def test_there_is_a_process_for_every_core():
    assert Pool().processes == cores() >= 1
    assert Pool(3).processes == 3


def is_running(pid):
    """Say whether a process is there and not only waits to be forgotten."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_processes_end_when_their_parent_is_killed(tmp_path):
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.system import test_pool\n"
        "with test_pool.Pool(2) as pool:\n"
        f"    list(pool.map(test_pool.mark_and_sleep, [{str(tmp_path)!r}] * 4))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        children = [int(file.name) for file in tmp_path.iterdir()]
        assert all(map(is_running, children))
    finally:
        parent.kill()
        parent.wait(SECONDS)
    wait_until(lambda: not any(map(is_running, children)), 10)


def wait_until(is_so, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"waited for {seconds} s in vain"
        time.sleep(0.02)


def test_ctrl_c_is_the_parents_to_answer():
    """A terminal sends it to all processes; those of the pool take no notice."""
    with Pool(1) as pool:
        (outcome,) = pool.map(_interrupted, [0])
    assert (outcome.result, outcome.error) == ("went on", "")


def _interrupted(task):
    os.kill(os.getpid(), signal.SIGINT)
    return "went on"


def test_a_negative_number_of_processes_is_refused():
    with pytest.raises(ValueError, match=r"processes must be 0 \(one a core\) or more, got -1"):
        Pool(-1)
