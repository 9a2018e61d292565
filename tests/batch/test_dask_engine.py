import errno
import os
import re
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from itertools import count

import pytest

from napari_stmml.batch import chunks, dask_engine, structure_run
from napari_stmml.batch.chunks import Ticket, cut, refusal
from napari_stmml.batch.engine import Cluster, open_engine
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.run import run_job
from napari_stmml.events import ClusterWorkers, Message, ReportWritten, of_type
from napari_stmml.features.cells import CellEncoder
from napari_stmml.features.objects import ObjectEncoder
from napari_stmml.srsml24.encoders import WindowEncoder
from napari_stmml.system.folder_lock import FolderLock
from napari_stmml.system.pool import KILLED, Outcome
from tests.batch.test_run import FILTERS, TINY, assert_same_results, write_scans
from tests.system.test_pool import wait_until, work

distributed = pytest.importorskip("distributed")
SECONDS = 60
FILES = 3


def local_cluster(workers):
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")


@pytest.fixture(scope="module")
def cluster():
    """Start a scheduler and two workers, each a process of its own, on this machine alone."""
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def lock(tmp_path):
    lock = FolderLock(tmp_path / ".lock")
    lock.take()
    yield lock
    lock.release()


@pytest.fixture
def heard():
    return []


def texts(heard):
    return [event.text for event in of_type(heard, Message)]


@pytest.fixture
def engine(cluster, lock, heard):
    with open_engine(0, Cluster(cluster.scheduler_address), lock, heard.append, bool) as engine:
        yield engine


def test_outcomes_come_in_order_and_a_task_that_raises_is_one(engine, heard):
    tasks = [("sleep", 0.5, "first"), ("raise", "no good: x"), 2, ("not usable", "no"), 3]
    outcomes = list(engine.map(work, tasks))
    assert [outcome.task for outcome in outcomes] == tasks
    assert [outcome.result for outcome in outcomes] == ["first", None, 4, None, 6]
    assert outcomes[1] == Outcome(tasks[1], error="ValueError: no good: x")
    assert outcomes[3].error == "NotUsable: no"
    assert re.fullmatch(
        r"tcp://127\S+: [12] workers?(, watch them at http://127\S+/status)?", texts(heard)[0]
    )
    (seen,) = of_type(heard, ClusterWorkers)
    assert seen.count in (1, 2)


def test_no_tasks_are_no_outcomes(engine):
    assert list(engine.map(work, [])) == []


def test_a_task_that_kills_its_worker_is_an_outcome_and_all_others_succeed(engine):
    tasks = [1, 2, 3, ("die", "at once"), 4, 5, 6]
    outcomes = list(engine.map(work, tasks))
    assert [outcome.task for outcome in outcomes] == tasks
    assert [outcome.result for outcome in outcomes] == [2, 4, 6, None, 8, 10, 12]
    assert outcomes[3].error == KILLED


def test_tasks_are_drawn_as_workers_become_free(engine):
    drawn = 0

    def endless():
        nonlocal drawn
        for number in count():
            drawn += 1
            yield number

    results = engine.map(work, endless())
    for got in range(10):
        assert next(results).result == 2 * got
    assert drawn < 1000  # two chunks for each worker beforehand; 16 at most, which grow by one for each two
    results.close()


def test_a_worker_without_the_jobs_folder_or_with_another_version_is_refused_by_name(cluster, lock, heard):
    with open_engine(0, Cluster(cluster.scheduler_address), lock, heard.append, bool) as engine:
        engine._ticket = replace(engine._ticket, program="0.0.0")
        with pytest.raises(ValueError, match=r"no worker of tcp.* can be used: worker tcp.*: it has napari-"):
            list(engine.map(work, [1]))
    assert all(one.startswith("left out: worker tcp") for one in texts(heard))
    gone = Ticket("/not/there/.lock", lock.token)
    assert refusal(gone).startswith("it does not see the folder of the job, /not/there: mount it")
    assert "it has Python" in refusal(replace(gone, python="2.7"))
    assert refusal(Ticket(str(lock.path), lock.token)) == ""


def test_a_job_that_is_to_stop_leaves_the_rest_of_a_chunk(lock):
    ticket = Ticket(str(lock.path), lock.token)
    assert [one.result for one in chunks.do_chunk(ticket, 1, work, [1, 2]).outcomes] == [2, 4]
    lock.stop()
    assert chunks.do_chunk(ticket, 1, work, [1, 2]) == chunks.Done(())


def test_few_tasks_are_for_all_workers_and_a_chunk_has_a_limit_of_bytes():
    sizes = [len(chunk) for chunk in cut(range(2000), lambda: 2, lambda task: 0)]
    assert sizes[:6] == [1, 1, 2, 2, 3, 3]
    assert max(sizes) <= chunks.MOST_TASKS
    assert sum(sizes) == 2000
    assert sizes[-4:] == [1, 1, 1, 1]  # so that no worker is alone for long at the end
    large = [len(chunk) for chunk in cut(range(30), lambda: 2, lambda task: chunks.MOST_BYTES // 2)]
    assert set(large) <= {1, 2}


def test_no_scheduler_is_one_sentence(lock, heard, monkeypatch, tmp_path):
    monkeypatch.setattr(dask_engine, "SECONDS_TO_CONNECT", 1)
    with pytest.raises(ValueError, match=r"no scheduler answers at tcp://127.0.0.1:9 .*is it running"):
        open_engine(0, Cluster("tcp://127.0.0.1:9"), lock, heard.append, bool)
    with pytest.raises(ValueError, match=r"there is no scheduler file .*nothing.json"):
        open_engine(0, Cluster("", str(tmp_path / "nothing.json")), lock, heard.append, bool)


def test_a_scheduler_that_goes_away_is_one_sentence(lock, heard):
    def closing():
        yield from range(20)
        cluster.close()
        yield 20

    with local_cluster(1) as cluster:  # noqa: SIM117 - it is closed within
        with open_engine(0, Cluster(cluster.scheduler_address), lock, heard.append, bool) as engine:
            with pytest.raises(ValueError, match=r"the scheduler tcp.* has gone; start it and the job again"):
                list(engine.map(work, closing()))


def do_job(base, scans, cluster=None, heard=None, **more):
    """Run a job on this machine's processes or on a cluster; return its folder."""
    values = {**TINY, **FILTERS, "train_path": [str(scans)], "structures.find": True, "save_latent": False}
    values |= more
    job = JobFile(values, base)
    where = Cluster(cluster.scheduler_address) if cluster else Cluster()
    run_job(job, report=[].append if heard is None else heard.append, on_cluster=where)
    return job.folder


def test_a_job_that_is_killed_goes_on_from_another_process_on_the_same_cluster(cluster, tmp_path):
    scans = tmp_path / "scans"
    write_scans(scans, 8)
    path = JobFile({**TINY, **FILTERS, "train_path": [str(scans)]}, tmp_path).write(tmp_path / "job.toml")
    command = [sys.executable, "-m", "napari_stmml.cli", "run", str(path)]
    done = tmp_path / "tiny/state/process"
    with subprocess.Popen([*command, "--scheduler", cluster.scheduler_address]) as process:
        wait_until(lambda: len(list(done.glob("[!.]*.json"))) > 1, SECONDS)
        process.kill()
    assert (tmp_path / "tiny/.lock").is_file()
    job = JobFile.read(path)
    heard = []
    run_job(job, ("process",), report=heard.append, on_cluster=Cluster(cluster.scheduler_address))
    assert not (tmp_path / "tiny/.lock").exists()
    assert of_type(heard, ReportWritten)[-1].summary == "16 directions kept, none skipped"


def members(path):
    """Read what a zip holds, whose own bytes have a date."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_a_job_leaves_the_same_bytes_on_a_cluster_also_when_a_worker_is_killed(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(structure_run, "_FEW", 0)  # all steps of few scans, too, work on the cluster
    monkeypatch.setattr(structure_run, "MOST_PX", 1)
    scans = tmp_path / "scans"
    write_scans(scans, FILES)
    (scans / "s--1_2.Z_mtrx").write_bytes(b"")
    here = do_job(tmp_path / "here", scans)
    pids = iter([worker.pid for worker in cluster.workers.values()])
    heard = []

    class Killing(list):
        def append(self, event):
            if type(event).__name__ == "FileTaken" and (pid := next(pids, None)):
                os.kill(pid, signal.SIGKILL)  # the nanny's child is started anew with it
            heard.append(event)

    there = do_job(tmp_path / "there", scans, cluster, Killing())
    types, others = (folder / "structures/types.stmml" for folder in (here, there))
    assert members(types) == members(others)
    types.unlink()
    others.unlink()
    assert_same_results(there, here)
    assert not any("left out" in event.text for event in of_type(heard, Message))


def test_a_worker_whose_disk_is_full_is_left_out_and_its_tasks_are_done_by_others(
    cluster, lock, heard, tmp_path
):
    with distributed.Client(cluster) as client:
        full = next(iter(client.nthreads()))
        client.run(_fill, workers=[full])
    with open_engine(0, Cluster(cluster.scheduler_address), lock, heard.append, bool) as engine:
        outcomes = list(engine.map(_write, range(20)))
        assert [one.result for one in outcomes] == list(range(20))
        (left_out,) = (one for one in texts(heard) if one.startswith("left out"))
        assert re.search(rf"worker {full}: .*No space left on device.*make room there", left_out)
        with distributed.Client(cluster) as client:
            client.run(_fill)
        with pytest.raises(ValueError, match=r"no worker of .* can be used: .*No space left on device"):
            list(engine.map(_write, range(20)))
    with distributed.Client(cluster) as client:
        client.run(os.environ.pop, "STMML_TEST_FULL", None)


def _fill():
    os.environ["STMML_TEST_FULL"] = "1"


def _write(task):
    if "STMML_TEST_FULL" in os.environ:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return task


@pytest.mark.parametrize("recipe", ["instant", "objects", "srsml24"])
def test_workers_make_the_features_that_are_clustered(recipe, cluster, tmp_path, monkeypatch):
    scans = tmp_path / "scans"
    write_scans(scans, 2)
    own = {"recipe": recipe, "structures.find": False, "save_latent": True, "epochs": 1}
    here = do_job(tmp_path / "here", scans, **own)
    made_here = []
    for one in (CellEncoder, ObjectEncoder):
        monkeypatch.setattr(one, "encode", lambda *args, **more: made_here.append("cells"))
    monkeypatch.setattr(WindowEncoder, "_encode", lambda *args, **more: made_here.append("windows"))
    there = do_job(tmp_path / "there", scans, cluster, **own)
    assert not made_here
    assert_same_results(there, here)
    assert not (there / "features").exists()
