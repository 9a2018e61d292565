"""The command ``stmml submit``: a job file to the queue of a cluster."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from napari_stmml.cli.options import (
    Cores,
    DryRun,
    JobPath,
    Memory,
    Pbs,
    QueueTime,
    QueueWorkers,
    Sge,
    Slurm,
)


def submit(
    job: JobPath,
    slurm: Slurm = False,
    sge: Sge = False,
    pbs: Pbs = False,
    workers: QueueWorkers = None,
    cores: Cores = None,
    memory: Memory = None,
    time: QueueTime = None,
    dry_run: DryRun = False,
) -> int:
    """Run a job file in the queue of a cluster: one script of scheduler, workers and job."""
    from napari_stmml.batch.job_file import JobFile
    from napari_stmml.batch.queue_script import QueueScript
    from napari_stmml.system.files import write_text

    queues = [name for name, wanted in (("slurm", slurm), ("sge", sge), ("pbs", pbs)) if wanted]
    if len(queues) > 1:
        raise ValueError(f"choose one queue, not {' and '.join(queues)}")
    given = {"workers": workers, "cores": cores, "memory": memory, "time": time}
    given |= {"queue": queues[0]} if queues else {}
    read = JobFile.read(job)
    values: dict[str, Any] = {f"cluster.{name}": one for name, one in given.items() if one is not None}
    script = QueueScript(JobFile({**read.values, **values}, read.base), Path(job))
    if dry_run:
        print(script.text(), end="")
        return 0
    if shutil.which(script.command) is None:
        raise ValueError(f"there is no {script.command} here: submit where the queue is, or use --dry-run")
    path = write_text(script.path, script.text())
    done = subprocess.run([script.command, str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{script.command} refused {path}: {done.stderr.strip() or done.stdout.strip()}")
    print(f"{done.stdout.strip()}\nscript: {path}\nlogs:   {path.parent}")
    return 0
