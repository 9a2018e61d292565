"""Do the steps of a job in its folder; started again, they go on where they were."""

from collections.abc import Callable, Sequence

from napari_stmml.batch.cluster import cluster
from napari_stmml.batch.job_file import JobFile
from napari_stmml.batch.job_run import GO_ON, JobRun
from napari_stmml.batch.predict import predict
from napari_stmml.batch.process import process
from napari_stmml.batch.structures import structures
from napari_stmml.batch.train import train
from napari_stmml.events import Listener, ignore
from napari_stmml.io.tables import save_parameters
from napari_stmml.system.progress import Stopped

_STEPS: dict[str, Callable[[JobRun], None]] = {
    "process": process,
    "train": train,
    "cluster": cluster,
    "predict": predict,
    "structures": structures,
}
STEPS = tuple(_STEPS)


def run_job(
    job: JobFile,
    steps: Sequence[str] = STEPS,
    *,
    report: Listener = ignore,
    should_stop: Callable[[], bool] = lambda: False,
    processes: int = 0,
) -> None:
    """Do steps of a job in order; one that is done already is left as it is. The report is always written.

    Parameters
    ----------
    job : JobFile
    steps : sequence of str
        Some of ``STEPS``.
    report : callable
        Gets events: `FilesDone`, `FileTaken`, `Message`, `Skipped`, `TrainingWindows`, `BatchDone`,
        `EpochDone`, `Clustering`, `ScanLabelled` and `ReportWritten`.
    should_stop : callable
        Asked between files and batches; nothing that is done is lost.
    processes : int
        How many processes prepare and write scans at a time; 0 for one a core.

    Raises
    ------
    ValueError
        If there is nothing to do a step with, or another process is at work in the folder.
    Stopped
        If ``should_stop`` said so.
    """
    run = JobRun(job, report, should_stop, processes)
    with run.folder.locked():
        job.absolute().write(run.folder / "job_as_run.toml", every=True)
        save_parameters(run.folder / "parameters.csv", job.table())
        if run.recipe.changed:
            run.say(f"recipe: {run.recipe.title}; without these lines it is {run.recipe.name} itself")
        try:
            for step in steps:
                _STEPS[step](run)
        except Stopped as error:
            raise Stopped(f"stopped; {GO_ON}") from error
        finally:
            run.write_report()
