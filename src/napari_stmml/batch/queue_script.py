"""The script that runs a job within a queue (SLURM, SGE, PBS): scheduler, workers and the job itself."""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_parameters import ON_CLUSTER
from napari_stmml.text import quoted

COMMANDS = {"slurm": "sbatch", "sge": "qsub", "pbs": "qsub"}
FOLDER = "cluster"  # of a job's folder: scripts and logs
_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?([MGT])i?B?", re.IGNORECASE)
_MIB = {"M": 1, "G": 1024, "T": 1024**2}
_TIME = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d)")
_EARLIER = 300  # seconds before the end of the queue's time, at which the job ends itself

# What Dask watches in a worker by default costs a tenth of the time of small scans.
WORKER_SETTINGS = (
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL=2s",
)

_HEADS = {
    "slurm": """#SBATCH --job-name={name}
#SBATCH --array=1-{workers}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cores}
#SBATCH --mem={memory}M
#SBATCH --time={time}
#SBATCH --output={log}/%A-%a.log
""",
    "sge": """#$ -N {name}
#$ -S /bin/bash
#$ -t 1-{workers}
#$ -pe smp {cores}
#$ -l h_vmem={memory_a_core}M
#$ -l h_rt={time}
#$ -j y
#$ -o {log}/
""",
    "pbs": """#PBS -N {name}
#PBS -J 1-{workers}
#PBS -l select=1:ncpus={cores}:mem={memory}mb
#PBS -l walltime={time}
#PBS -j oe
#PBS -o {log}/
""",
}
_MARKS = {"slurm": "#SBATCH", "sge": "#$", "pbs": "#PBS"}
_PLACES = {
    "slurm": "place=${SLURM_ARRAY_TASK_ID:-1} run=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}",
    "sge": "place=${SGE_TASK_ID#undefined} run=$JOB_ID",
    "pbs": "place=${PBS_ARRAY_INDEX:-1} run=${PBS_JOBID%%[!0-9]*}",
}
_BODY = """
# A job of napari-stmml in {workers} places of this queue. The first also runs the scheduler and the job;
# others find it by a file on the shared disk. Edit this as you like. Submitted again, the job goes on where
# it was.
{place}
{setup}cd {base} || exit 1
python={python}
file={log}/scheduler-$run
dask() {{ exec "$python" -m "distributed.cli.dask_$@"; }}

# Only who has the key of this run can join it.
export DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=true DASK_DISTRIBUTED__COMM__TLS__CA_FILE="$file.cert"
for who in SCHEDULER WORKER CLIENT; do
  export "DASK_DISTRIBUTED__COMM__TLS__${{who}}__CERT=$file.cert"
  export "DASK_DISTRIBUTED__COMM__TLS__${{who}}__KEY=$file.key"
done
export DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=1
export {worker_settings}

if [ "${{place:-1}}" = 1 ]; then
  (umask 077 && openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=stmml \\
    -keyout "$file.key" -out "$file.cert" 2>/dev/null) || exit 1
  dask scheduler --protocol tls --port 0 --no-dashboard --scheduler-file "$file.json" &
  scheduler=$!
fi
until [ -s "$file.json" ]; do
  if [ -e "$file.done" ]; then exit 0; fi
  sleep 2
done
dask worker --scheduler-file "$file.json" --protocol tls --nworkers {cores} --nthreads 1 --no-dashboard \\
  --memory-limit {memory_a_core}MiB --local-directory "${{TMPDIR:-/tmp}}" --death-timeout 60 \\
  --lifetime {seconds} &
worker=$!
if [ "${{place:-1}}" = 1 ]; then
  timeout --signal=INT {seconds} "$python" -m napari_stmml.cli run {job} --scheduler-file "$file.json"
  status=$?
  if [ $status = 124 ]; then echo "the time is up: submit this again, and it goes on where it was"; fi
  touch "$file.done"
  kill $worker $scheduler
  rm -f "$file.json" "$file.key" "$file.cert"
  exit $status
fi
wait $worker
"""


@dataclass(frozen=True)
class QueueScript:
    """A job in a queue.

    Parameters
    ----------
    job : JobFile
    file : Path
        Where the job is read from.

    Raises
    ------
    ValueError
        By name, if a memory, a time or a line for the queue cannot be one.
    """

    job: JobFile
    file: Path

    def __post_init__(self) -> None:
        for name in ("options", "setup"):
            for line in self._value(name):
                if "\n" in line or "\r" in line:
                    raise ValueError(f"{ON_CLUSTER}.{name} must be lines, got {quoted(line)}")
        self.text()

    @property
    def command(self) -> str:
        """The program that takes the script."""
        return COMMANDS[self._value("queue")]

    @property
    def path(self) -> Path:
        """Where the script is written, in the folder of the job."""
        return self.job.folder / FOLDER / f"{self._value('queue')}.sh"

    def text(self) -> str:
        """Return the script.

        Returns
        -------
        str
        """
        queue, cores = self._value("queue"), self._value("cores")
        memory, seconds = _mib(self._value("memory")), _seconds(self._value("time"))
        log = str(self.job.folder / FOLDER)
        about: dict[str, Any] = {
            "name": "stmml-" + re.sub(r"[^\w.-]", "-", self.job.values["job_name"], flags=re.ASCII),
            "workers": self._value("workers"),
            "cores": cores,
            "memory": memory,
            "memory_a_core": memory // cores,
            "time": self._value("time"),
            "seconds": seconds - min(_EARLIER, seconds // 10),
            "setup": "".join(f"{line}\n" for line in self._value("setup")),
            "place": _PLACES[queue],
            "worker_settings": " ".join(WORKER_SETTINGS),
        }
        lines = _HEADS[queue].format(**about, log=log).splitlines()
        if about["workers"] == 1:
            lines = [line for line in lines if not re.search(r"-array=|-t 1-|-J 1-", line)]
        lines += [f"{_MARKS[queue]} {line}" for line in self._value("options")]
        paths = {"base": self.job.base, "python": sys.executable, "job": self.file.absolute(), "log": log}
        body = _BODY.format(**about, **{name: shlex.quote(str(path)) for name, path in paths.items()})
        return "\n".join(["#!/bin/bash", *lines]) + body

    def _value(self, name: str) -> Any:
        return self.job.values[f"{ON_CLUSTER}.{name}"]


def _mib(text: str) -> int:
    """Read an amount of memory, in MiB.

    >>> _mib("8G"), _mib("512 MB")
    (8192, 512)
    """
    found = _MEMORY.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{ON_CLUSTER}.memory must be such as 8G or 800M, got {quoted(text)}")
    return int(float(found[1]) * _MIB[found[2].upper()])


def _seconds(text: str) -> int:
    """Read a time.

    >>> _seconds("4:00:30")
    14430
    """
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"{ON_CLUSTER}.time must be hours:minutes:seconds, 4:00:00, got {quoted(text)}")
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
