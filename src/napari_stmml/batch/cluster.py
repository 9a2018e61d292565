"""The step cluster: cluster the features of all maps to train on; saved features are not made again."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from napari_stmml.batch import fingerprints
from napari_stmml.batch.cluster_features import FeatureWork, make_on_workers
from napari_stmml.batch.job_folder import digest
from napari_stmml.batch.job_run import JobRun
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.methods import method_of
from napari_stmml.model.training_record import ClusterOptions, load_network
from napari_stmml.system.files import write_text

_ENDS = (".stmml", "_convergence.txt", "_convergence.png")


def cluster(run: JobRun) -> None:
    """Make the finished model of a job.

    Raises
    ------
    ValueError
        If the step train has to come first.
    Stopped
        If the job is to stop; features that were saved stay.
    """
    if not run.folder.is_done("train", fingerprints.of_training(run)):
        raise ValueError("there is no network of these parameters: do the step train first")
    method, (maps, _), values = method_of(run.recipe), run.training_maps(), run.job.values
    count = method.batches(maps, run.recipe) if values["save_latent"] else 0
    of_features, of_clusters = fingerprints.of_features(run), fingerprints.of_clusters(run)
    saved, said = run.folder.begin("latent", of_features)
    run.say(said)
    done, said = run.folder.begin("cluster", of_clusters)
    run.say(said)
    if done and (saved or not count):
        run.say("cluster: done already")
        return
    name = run.cluster_model.with_suffix("").relative_to(run.folder.path).as_posix()
    run.folder.note("cluster", of_clusters, [f"{name}{end}" for end in _ENDS])
    files = [f"latent_features/{values['model_name']}_latent_{i:05d}.npy" for i in range(count)]
    if files:
        run.folder.note("latent", of_features, files)
    _, encoder, record = load_network(run.model)
    work = FeatureWork(run.recipe, str(run.model), str(run.folder.path), digest(of_features), tuple(files))
    store = None
    if run.cluster:
        store, maps = make_on_workers(run, work, maps, method, record.seed), work.keyed(maps)
    options = ClusterOptions(
        store=store,
        kept=partial(_kept, run, work) if files else None,
        on_event=run.report,
        should_stop=run.should_stop,
    )
    classifier = method.cluster(encoder, maps, run.recipe, record, options)
    run.check_stop()
    work.clean()
    if files:
        run.folder.note("latent", of_features, files, done=True)
    run.folder.note("cluster", of_clusters, _write(run.folder.path, name, classifier), done=True)


def _kept(run: JobRun, work: FeatureWork, number: int, shape: tuple[int, int], make: Callable) -> np.ndarray:
    run.check_stop()
    return work.kept(number, shape, make)


def _write(folder: Path, name: str, classifier: SurfaceClassifier) -> list[str]:
    """Write the model, and how its clustering went where that is known; return what was written."""
    model, text, picture = (f"{name}{end}" for end in _ENDS)
    classifier.save(folder / model)
    steps = classifier.training.get("convergence")
    if steps is None:
        return [model]
    from napari_stmml.figures.curves import convergence_figure
    from napari_stmml.figures.drawing import save_figure

    seen = list(itertools.accumulate(steps["windows"]))
    lines = ["# windows seen\tmean squared distance to the nearest centre"]
    lines += [f"{n}\t{inertia:.6g}" for n, inertia in zip(seen, steps["inertia"], strict=True)]
    write_text(folder / text, "\n".join(lines) + "\n")
    save_figure(convergence_figure(steps["inertia"], seen), folder / picture)
    return [model, text, picture]
