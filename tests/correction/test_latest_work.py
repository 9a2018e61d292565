"""Work in a thread: of the same kind, what was asked for last is what counts; all kinds are done in order."""

from napari_stmml.correction.latest_work import LatestWork


class Later:
    """A thread that works when a test says so."""

    def __init__(self):
        self.waiting = []

    def submit(self, do):
        self.waiting.append(do)

    def work(self, n=None):
        for do in self.waiting[:n]:
            self.waiting.remove(do)
            do()


def new(on_error=None):
    thread, main, done = Later(), Later(), []
    return LatestWork(thread.submit, main.submit, on_error or done.append), thread, main, done


def test_what_is_asked_for_of_several_scans_is_all_done():
    work, thread, main, done = new()
    for name in "xyz":
        work.ask(name, lambda name=name: name.upper(), done.append)
    assert work.busy
    thread.work()
    assert work.busy  # nobody has been told yet
    main.work()
    assert done == ["X", "Y", "Z"]
    assert not work.busy


def test_of_two_requests_the_last_one_counts_also_where_the_first_is_running():
    work, thread, main, done = new()
    calls = []
    for model in ("old", "new"):
        for name in "xy":
            work.ask(
                name, lambda model=model, name=name: calls.append(name) or f"{name} by {model}", done.append
            )
        thread.work(1)  # x by old is done before the new model, but nobody has been told
    thread.work()
    main.work()
    assert done == ["x by new", "y by new"]
    assert calls == ["x", "x", "y"]
    assert not work.busy


def test_what_goes_wrong_is_told_on_the_main_thread_and_the_rest_goes_on():
    work, thread, main, done = new()
    work.ask("x", lambda: 1 / 0, done.append)
    work.ask("y", lambda: 1, done.append)
    thread.work()
    assert done == []
    main.work()
    assert isinstance(done[0], ZeroDivisionError)
    assert done[1:] == [1]
