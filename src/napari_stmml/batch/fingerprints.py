"""What the files of each step depend on: with another fingerprint they are put aside and made again."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from napari_stmml import __version__
from napari_stmml.batch.job_folder import digest
from napari_stmml.batch.job_parameters import values_of_step
from napari_stmml.batch.job_run import JobRun
from napari_stmml.batch.records import Fingerprint
from napari_stmml.model import model_file
from napari_stmml.system.files import sha256


def of_training(run: JobRun) -> Fingerprint:
    """Return everything that the trained network depends on."""
    prepared, training = (values_of_step(step, run.job.values) for step in ("process", "train"))
    return {"program": __version__, **prepared, **training, "scans": digest(run.identity)}


def of_features(run: JobRun) -> Fingerprint:
    """Return everything that saved features depend on."""
    values = run.job.values
    size = max(values["cluster_batch_size"], values["num_clusters"])
    own = values_of_step("encode", values)
    return {"training": digest(of_training(run)), "features_in_a_file": size, **own}


def of_clusters(run: JobRun) -> Fingerprint:
    """Return everything that the finished model depends on: not on whether features are saved."""
    features = {**of_features(run), "save_latent": True}
    return {"features": digest(features), **values_of_step("cluster", run.job.values)}


def of_labels(run: JobRun) -> Fingerprint:
    """Return everything that labels depend on, the scan itself left out.

    The model is one of them as its file is now: somebody may have merged its classes, or let it learn.
    """
    clusters, model = digest(of_clusters(run)), _of_model(run.cluster_model)
    return {"clusters": clusters, "model": model, **values_of_step("predict", run.job.values)}


def of_structures(run: JobRun, scans: Sequence[tuple[str, str, str | None]]) -> Fingerprint:
    """Return everything that structures depend on.

    Parameters
    ----------
    run : JobRun
    scans : sequence of (str, str, str)
        Place, direction and hash of the file of each scan: types are found over all together.
    """
    values, types = run.job.values, run.job.known_types
    return {
        "program": __version__,
        **values_of_step("structures", values),
        "random_seed": values["random_seed"],
        "types": None if types is None else sha256(types),
        "scans": digest([list(one) for one in scans]),
    }


def _of_model(path: Path) -> str:
    """Return a digest of all that a model file holds; the same for a file that was only written again."""
    about, arrays = model_file.read(path)
    made = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        made.update(f"{name} {array.dtype.str} {array.shape}".encode())
        made.update(array.tobytes())
    return made.hexdigest()
