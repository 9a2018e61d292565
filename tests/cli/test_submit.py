import os
import shutil
import stat
import subprocess
import sys

import pytest

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.queue_script import QueueScript
from napari_stmml.cli import main
from tests import gridengine
from tests.batch.test_dask_engine import do_job
from tests.batch.test_run import FILTERS, TINY, assert_same_results, files_of, write_scans
from tests.slurm import is_there, said, slurm, wait_until

SECONDS = 240
QUEUES = ("slurm", "sge", "pbs")


@pytest.fixture
def job(tmp_path):
    """Write a job file, whose folder has a space and a quote in its name; return its path."""
    base = tmp_path / "Marie's scans"
    base.mkdir()
    path = base / "job.toml"
    JobFile({}, base).write(path)
    return path


@pytest.mark.parametrize("queue", QUEUES)
def test_the_script_says_what_was_asked_for_and_is_one_that_bash_reads(job, queue, capsys):
    asked = ["--workers", "20", "--cores", "4", "--memory", "8G", "--time", "4:00:00", "--dry-run"]
    assert main(["submit", str(job), f"--{queue}", *asked]) == 0
    text = capsys.readouterr().out
    head = {
        "slurm": ["#SBATCH --array=1-20", "#SBATCH --cpus-per-task=4", "#SBATCH --mem=8192M"],
        "sge": ["#$ -t 1-20", "#$ -pe smp 4", "#$ -l h_vmem=2048M", "#$ -l h_rt=4:00:00"],
        "pbs": ["#PBS -J 1-20", "#PBS -l select=1:ncpus=4:mem=8192mb", "#PBS -l walltime=4:00:00"],
    }
    assert set(head[queue]) <= set(text.splitlines())
    assert text.startswith("#!/bin/bash\n")
    assert "--nworkers 4 --nthreads 1" in text
    assert "--lifetime 14100" in text  # 5 minutes before the queue ends it
    assert len(text.splitlines()) < 65
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    assert not (job.parent / "stmml-job").exists()


def test_the_table_of_the_job_file_says_the_same_and_one_place_is_no_array(job):
    table = {"queue": "sge", "workers": 1, "options": ["-P gold"], "setup": ["module load python"]}
    script = QueueScript(
        JobFile({f"cluster.{name}": value for name, value in table.items()}, job.parent), job
    )
    lines = script.text().splitlines()
    assert "#$ -P gold" in lines
    assert "module load python" in lines
    assert not [line for line in lines if line.startswith("#$ -t")]
    assert script.command == "qsub"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"memory": "lots"}, "cluster.memory must be such as 8G or 800M, got 'lots'"),
        ({"time": "4h"}, "cluster.time must be hours:minutes:seconds, 4:00:00, got '4h'"),
        ({"options": ["a\nrm x"]}, "cluster.options must be lines"),
    ],
)
def test_what_no_queue_understands_is_refused_by_name(job, values, why):
    with pytest.raises(ValueError, match=why):
        QueueScript(JobFile({f"cluster.{name}": value for name, value in values.items()}, job.parent), job)


def test_two_queues_and_a_machine_without_one_are_refused_in_a_sentence(job, capsys, monkeypatch):
    assert main(["submit", str(job), "--slurm", "--sge"]) == 1
    assert "choose one queue, not slurm and sge" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert main(["submit", str(job), "--pbs"]) == 1
    assert "there is no qsub here: submit where the queue is, or use --dry-run" in capsys.readouterr().err


def make_job(base, **values):
    """Write a job file of three scans, one of them broken; return its path."""
    scans = base / "scans"
    scans.mkdir(parents=True)
    write_scans(scans, 3)
    (scans / "s--1_2.Z_mtrx").write_bytes(b"")
    values = {**TINY, **FILTERS, "train_path": [str(scans)], "save_latent": False, **values}
    return JobFile(values | {"structures.find": True}, base).write(base / "job.toml")


def assert_same_as_here(base):
    """Compare a job's results with those of this machine's processes."""
    here = do_job(base / "here", base / "scans")
    for folder in (here, base / "tiny"):
        (folder / "structures/types.stmml").unlink()
        shutil.rmtree(folder / "cluster", ignore_errors=True)
    assert_same_results(base / "tiny", here)


def test_a_stand_in_for_qsub_gets_a_script_that_does_the_job(tmp_path, monkeypatch, capsys):
    """Its places are processes here, and what Grid Engine sets is set."""
    base, programs = tmp_path / "base", tmp_path / "bin"
    programs.mkdir()
    qsub = programs / "qsub"
    qsub.write_text(
        '#!/bin/bash\nexport JOB_ID=7\nSGE_TASK_ID=2 bash "$1" > "$1.2" 2>&1 &\n'
        'SGE_TASK_ID=1 bash "$1" > "$1.1" 2>&1; echo "ended with $?"; wait\n'
    )
    qsub.chmod(qsub.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    path = make_job(base)
    assert main(["submit", str(path), "--sge", "--workers", "2", "--cores", "1"]) == 0
    log = base / "tiny/cluster/sge.sh"
    assert "ended with 0" in capsys.readouterr().out, log.with_name("sge.sh.1").read_text()
    assert files_of(base / "tiny/cluster") == {"sge.sh", "sge.sh.1", "sge.sh.2", "scheduler-7.done"}
    assert_same_as_here(base)


@pytest.mark.skipif(not is_there(), reason="SLURM is not installed, or this is not root")
def test_a_job_goes_through_a_real_slurm_and_a_second_submission_finds_it_done(tmp_path, monkeypatch):
    queue, base = tmp_path / "queue", tmp_path / "base"
    queue.mkdir()
    path = make_job(base)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with slurm(queue, 20000 + os.getpid() % 10000 * 2) as environment:
        monkeypatch.setenv("SLURM_CONF", environment["SLURM_CONF"])
        for number in (1, 2):
            asked = ["--workers", "2", "--cores", "1", "--memory", "1500M", "--time", "0:10:00"]
            assert main(["submit", str(path), "--slurm", *asked]) == 0
            wait_until(lambda: not said(["squeue", "--noheader"], environment).strip(), SECONDS)
            logs = sorted((base / "tiny/cluster").glob("*-1.log"))
            assert len(logs) == number, list((base / "tiny/cluster").iterdir())
        assert "files are done already" in logs[-1].read_text("utf-8")
    assert_same_as_here(base)


@pytest.mark.skipif(not gridengine.is_there(), reason="Grid Engine is not as Debian installs it, or not root")
def test_a_job_goes_through_a_real_grid_engine(tmp_path, monkeypatch):
    queue, base = tmp_path / "queue", tmp_path / "base"
    queue.mkdir()
    own = f"-v PYTHONPATH={os.pathsep.join(sys.path)}"  # it hands no environment on by itself
    path = make_job(base, **{"cluster.options": [own]})
    with gridengine.grid_engine(queue) as environment:
        for name in ("SGE_ROOT", "SGE_CELL"):
            monkeypatch.setenv(name, environment[name])
        asked = ["--workers", "2", "--cores", "1", "--memory", "8G", "--time", "0:10:00"]
        assert main(["submit", str(path), "--sge", *asked]) == 0
        wait_until(lambda: not said(["qstat"], environment).strip(), SECONDS)
    logs = sorted((base / "tiny/cluster").glob("stmml-tiny.o*"))
    assert len(logs) == 2, [log.read_text("utf-8") for log in logs]
    assert_same_as_here(base)
