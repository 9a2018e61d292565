import pytest

from napari_stmml.events import BatchDone, Clustering, EpochDone, FilesDone, of_type
from napari_stmml.system import progress
from napari_stmml.system.progress import FileCount, Stopped, throttled, until_stopped, with_time_left


@pytest.fixture
def clock(monkeypatch):
    """Make a clock that stands still until it is told."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def batch(epoch, number, of=4):
    return BatchDone(epoch, number, of, 0.1)


def test_at_most_five_events_a_second_and_every_last_one(clock):
    told = []
    tick = throttled(told.append)
    for number in range(100):
        tick(Clustering(number, 100), number == 99)
        clock.now += 0.01
    assert 4 <= len(told) <= 7
    assert told[0].done == 0
    assert told[-1].done == 99


def test_the_fraction_of_a_training_rises_to_one_and_the_time_left_falls_to_nothing(clock):
    told = []
    add = with_time_left(told.append, epochs=3)
    for epoch in (1, 2, 3):
        for number in (1, 2, 3, 4):
            clock.now += 1
            add(batch(epoch, number))
        add(EpochDone(epoch, 0.1))
    batches = of_type(told, BatchDone)
    fractions = [event.fraction for event in batches]
    assert fractions == pytest.approx([n / 12 for n in range(1, 13)])
    assert [event.seconds_left for event in batches] == [None, *range(10, -1, -1)]
    assert {event.epochs for event in batches} == {3}
    assert of_type(told, EpochDone) == [EpochDone(epoch, 0.1) for epoch in (1, 2, 3)]


def test_a_training_that_is_gone_on_with_knows_how_far_it_is(clock):
    told = []
    add = with_time_left(told.append, epochs=4)
    for number in (1, 2, 3, 4):
        add(batch(4, number))
        clock.now += 2
    assert told[0].fraction == pytest.approx(13 / 16)
    assert told[-1].fraction == 1
    assert told[-1].seconds_left == 0


def test_files_are_counted_to_their_end_with_pace_and_time_left(clock):
    told = []
    count = FileCount("process", 2, 6, told.append)
    for _ in range(4):
        clock.now += 0.5
        count.add()
    assert [event.done for event in told] == [2, 3, 4, 5, 6]
    assert told[0] == FilesDone("process", 2, 6, per_second=None, seconds_left=None)
    assert {event.per_second for event in told[1:]} == {2.0}
    assert [event.seconds_left for event in told[1:]] == [1.5, 1.0, 0.5, 0.0]


def test_many_quick_files_are_few_events_and_the_last_is_told(clock):
    told = []
    count = FileCount("process", 0, 1000, told.append)
    for _ in range(1000):
        clock.now += 0.001
        count.add()
    assert len(told) < 10
    assert told[-1].done == told[-1].total == 1000


def test_tasks_end_when_the_work_is_to_stop_and_when_their_source_has_stopped():
    stop = []
    for task in until_stopped(range(9), lambda: bool(stop)):
        if task == 2:
            stop.append(task)
    assert stop == [2]

    def source():
        yield 1
        raise Stopped("stopped while scans were read")

    assert list(until_stopped(source(), lambda: False)) == [1]
