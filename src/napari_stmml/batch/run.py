"""Do the steps of a job in its folder; started again, they go on where they were."""

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_stmml.batch.cluster import cluster
from napari_stmml.batch.engine import HERE, Cluster
from napari_stmml.batch.job_file import SETS, JobFile
from napari_stmml.batch.job_run import GO_ON, JobRun
from napari_stmml.batch.measure import measure
from napari_stmml.batch.predict import predict
from napari_stmml.batch.process import process
from napari_stmml.batch.structures import structures
from napari_stmml.batch.survey import files_of
from napari_stmml.batch.train import train
from napari_stmml.events import Listener, ignore
from napari_stmml.io.formats import read_scan_file
from napari_stmml.io.pictures import give_scale
from napari_stmml.io.tables import save_parameters
from napari_stmml.system.keras import need_keras
from napari_stmml.system.pool import Pool
from napari_stmml.system.progress import Stopped

_STEPS: dict[str, Callable[[JobRun], None]] = {
    "process": process,
    "train": train,
    "cluster": cluster,
    "predict": predict,
    "measure": measure,
    "structures": structures,
}
STEPS = tuple(_STEPS)
_OF_NETWORK = {"train", "cluster", "predict"}  # steps that load one, where the recipe has one
_FILES = 25  # whose pixel density a recipe takes that has none of its own


def run_job(
    job: JobFile,
    steps: Sequence[str] = STEPS,
    *,
    report: Listener = ignore,
    should_stop: Callable[[], bool] = lambda: False,
    processes: int = 0,
    on_cluster: Cluster = HERE,
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
    on_cluster : Cluster
        Where files are worked on instead, if it names one.

    Raises
    ------
    ValueError
        If there is nothing to do a step with, another process is at work in the folder, a cluster cannot be
        used, or the recipe has a network and TensorFlow is not installed.
    Stopped
        If ``should_stop`` said so.
    """
    if job.recipe.trains and set(steps) & _OF_NETWORK:
        need_keras()
    named = [path for which in SETS for path in job.paths(which)]
    give_scale(named, job.values["pixel_size"], job.values["height_scale"])
    run = JobRun(_at_density_of_scans(job), report, should_stop, processes, on_cluster)
    with run.folder.locked(run.say) as lock:
        run.lock, run.should_stop = lock, lambda: should_stop() or lock.lost
        run.job.absolute().write(run.folder / "job_as_run.toml", every=True)
        save_parameters(run.folder / "parameters.csv", run.job.table())
        if run.recipe.changed:
            run.say(f"recipe: {run.recipe.title}; without these lines it is {run.recipe.name} itself")
        try:
            for step in steps:
                _STEPS[step](run)
        except Stopped as error:
            raise Stopped(f"stopped; {GO_ON}") from error
        finally:
            run.write_report()


def _at_density_of_scans(job: JobFile) -> JobFile:
    """Return the job at the pixel density of its first scans to train on, if its recipe names none."""
    recipe = job.recipe
    if not recipe.takes_own_density:
        return job
    files = [file.path for file in files_of(job) if file.place and file.set == "train"][:_FILES]
    with Pool(1) as pool:  # which no file can stop
        found = [size for outcome in pool.map(pixel_sizes, files) for size in outcome.result or ()]
    recipe = recipe.at_density_of(found)
    own = {"pixel_density": recipe.pixel_density, "resample": recipe.resample}
    return JobFile({**job.values, **own}, job.base)


def pixel_sizes(path: Path) -> list[tuple[float, float] | None]:
    """Return the pixel size of each scan of a file."""
    return [scan.pixel_size for scan in read_scan_file(path)]
