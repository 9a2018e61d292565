"""What is measured, each in a fresh process: ``python -m benchmarks.speed.tasks TASK {JSON}`` prints JSON.

Packages are imported where a task needs them, so that a task can say how long that takes.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

TIMES = 3


def median(function: Callable[[], Any], times: int = TIMES) -> float:
    """Return the median seconds of a call."""
    taken = sorted(seconds(function) for _ in range(times))
    return taken[len(taken) // 2]


def seconds(function: Callable[[], Any]) -> float:
    """Return the seconds of a call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def peak_mb(who: int = resource.RUSAGE_SELF) -> float:
    """Return the most memory that this process, or one of its children, ever had, in MB."""
    most = resource.getrusage(who).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


def prepare(what: str, path: str, **how: Any) -> dict[str, Any]:
    """Make a scene beforehand, so that its memory does not count."""
    import numpy as np

    from benchmarks.speed import scenes

    if what == "heights":
        np.save(path, scenes.heights_of(how["px"]))
    elif what == "model":
        scenes.make_model(how["recipe"], Path(path))
    elif what == "file":
        return {"file": str(scenes.write_file(Path(path), how["px"]))}
    else:
        scenes.write_files(Path(path), how["files"], how["px"])
    return {}


def engine(model: str, px: int, share: int) -> dict[str, Any]:
    """Label every window at pitch 2 of a map by the model's engine; of one ``share``-th of its rows only.

    The first call, which compiles, does not count.
    """
    from benchmarks.speed import scenes
    from napari_stmml import SurfaceClassifier
    from napari_stmml.features.store import EncodedMap

    classifier = SurfaceClassifier.load(model)
    encoder = classifier.encoder.at_pitch(2)
    grid = encoder.grid
    heights = classifier.recipe.preprocessing.apply(scenes.scan_of(px))
    rows = grid.shape(heights.shape)[0] // share
    heights = heights[: 32 + 2 * (rows - 1)]
    classifier.label(EncodedMap.of(heights if share == 1 else heights[:40], encoder))
    taken = median(lambda: classifier.label(EncodedMap.of(heights, encoder)))
    down, across = grid.shape(heights.shape)
    return {"seconds": taken, "windows": down * across, "peak": peak_mb()}


def file_to_map(model: str, file: str) -> dict[str, Any]:
    """Read a MATRIX file and label one direction: the first time, imports and loading included, and later."""
    started = time.perf_counter()
    from napari_stmml import SurfaceClassifier, read_mtrx

    classifier = SurfaceClassifier.load(model)

    def labelled() -> Any:
        return classifier.predict(read_mtrx(file)[0])

    labelled()
    return {"first": time.perf_counter() - started, "later": median(labelled), "peak": peak_mb()}


def label_size(model: str, heights: str, pitch: int | None, times: int) -> dict[str, Any]:
    """Label a map of any size, prepared included; a small one first, so that nothing is compiled in it."""
    import numpy as np

    from napari_stmml import Scan, SurfaceClassifier

    classifier = SurfaceClassifier.load(model)
    loaded = np.load(heights)
    scan = Scan(loaded, (1 / 15, 1 / 15))
    classifier.predict(Scan(loaded[:256, :256], scan.pixel_size), pitch=pitch)
    taken = median(lambda: classifier.predict(scan, pitch=pitch), times)
    return {"seconds": taken, "pixels": int(loaded.size), "peak": peak_mb()}


def train_rate(recipe: str, scans: int, changes: dict[str, Any]) -> dict[str, Any]:
    """Train, and count windows a second from the second batch to the last of an epoch."""
    from benchmarks.speed import scenes
    from napari_stmml import train_classifier
    from napari_stmml.events import BatchDone, Event
    from napari_stmml.recipe import get_recipe

    chosen = get_recipe(recipe, **changes)
    ticks: list[tuple[float, int]] = []

    def hear(event: Event) -> None:
        if isinstance(event, BatchDone):
            ticks.append((time.perf_counter(), event.epoch))

    some = [scenes.scan_of(300, seed) for seed in range(scans)]
    taken = seconds(lambda: train_classifier(some, recipe=chosen, on_event=hear))
    pairs = [pair for pair in pairwise(ticks[1:]) if pair[0][1] == pair[1][1]]
    if not pairs:
        raise ValueError(f"too few windows: {len(ticks)} batches")
    between = sorted(later[0] - before[0] for before, later in pairs)
    rate = chosen.batch_size / between[len(between) // 2]
    return {"rate": rate, "seconds": taken, "batches": len(ticks), "peak": peak_mb()}


_COUNTING = """
import os, sys
def _hear(event, args):
    if event == "open" and str(args[0]) == os.environ["STMML_MODEL"]:
        log = os.open(os.environ["STMML_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, b"%d\\n" % os.getpid())
        os.close(log)
sys.addaudithook(_hear)
"""


def predict_folder(model: str, folder: str, out: str) -> dict[str, Any]:
    """Run ``stmml predict`` on a folder; say how busy the cores were, and which processes read the model."""
    hooks, log = Path(f"{out}-hooks"), Path(f"{out}-opened.txt")
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(_COUNTING)
    environment = os.environ | {"PYTHONPATH": str(hooks), "STMML_MODEL": model, "STMML_LOG": str(log)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "napari_stmml.cli", "predict", folder, "--model", model, "--out", out]
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    opened = log.read_text().split()
    once = _openings(model)
    maps = len(list(Path(out).glob("*_labels.tif")))
    return {
        "wall": wall,
        "cpu": busy,
        "maps": maps,
        "processes": len(set(opened)),
        "loaded": max(opened.count(one) for one in set(opened)) / once,
        "peak": peak_mb(resource.RUSAGE_CHILDREN),
    }


def _openings(model: str) -> int:
    """Count how often a file is opened when a model is loaded once."""
    from napari_stmml import SurfaceClassifier

    heard = []
    sys.addaudithook(
        lambda event, args: heard.append(event) if event == "open" and str(args[0]) == model else None
    )
    SurfaceClassifier.load(model)
    return len(heard)


def click_to_map(px: int, times: int, warm: bool, recipe: str, density: float) -> dict[str, Any]:
    """Cluster fresh scans as the Predict widget does, through its worker, until the map is back."""
    import tempfile

    from benchmarks.speed import scenes
    from napari_stmml.events import Ended, ScanLabelled
    from napari_stmml.io.label_tiff import LabelMap
    from napari_stmml.jobs.requests import ClusterAtOnce
    from napari_stmml.jobs.worker_process import Worker
    from napari_stmml.recipe import get_recipe

    worker, taken = Worker(), []
    if warm:
        worker.warm()
        _wait_until_idle(worker)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(times):
            scan = scenes.scan_of(px, seed, density)
            started = time.perf_counter()
            chosen = get_recipe(recipe).at_density_of([scan.pixel_size]).as_dict()
            worker.submit(ClusterAtOnce(out=f"{folder}/{seed}", recipe=chosen), [scan])
            path = None
            while not isinstance(event := worker.events.get(timeout=120), Ended):
                path = event.labels if isinstance(event, ScanLabelled) else path
            if path is None:
                raise ValueError(str(event))
            LabelMap.read(path)
            taken.append(time.perf_counter() - started)
    worker.close()
    return {
        "each": taken,
        "median": sorted(taken)[len(taken) // 2],
        "peak": peak_mb(resource.RUSAGE_CHILDREN),
    }


def _wait_until_idle(worker: Any) -> None:
    """Wait until the worker's process has used no time for a second: it has imported what it needs."""
    used, quiet, limit = -1.0, 0, time.perf_counter() + 120
    while quiet < 4 and time.perf_counter() < limit:
        time.sleep(0.25)
        now = _cpu_seconds(worker.pid) if worker.pid else -1.0
        quiet = quiet + 1 if now > 0.3 and now - used < 0.02 else 0
        used = now


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def profile_instant(px: int) -> dict[str, Any]:
    """Say where the time goes when a fresh map is clustered and labelled."""
    from benchmarks.quality.models import features_of
    from benchmarks.speed import scenes
    from napari_stmml import train_classifier
    from napari_stmml.clustering.balanced import fit_prototypes
    from napari_stmml.clustering.sampling import sample_cells
    from napari_stmml.features.intake import prepare_scan
    from napari_stmml.features.painting import paint_scan
    from napari_stmml.features.store import FeatureStore
    from napari_stmml.model.encoders import make_encoder
    from napari_stmml.recipe import get_recipe

    recipe, scan = get_recipe("instant", num_clusters=scenes.CLUSTERS), scenes.scan_of(px)
    train_classifier([scenes.scan_of(128)], recipe=recipe)  # everything is imported
    encoder = make_encoder(recipe)
    grid, filters = encoder.grid, encoder.source
    heights = prepare_scan(scan, recipe, grid).heights
    channels = encoder.channels(heights)
    made = features_of(encoder, heights)
    vectors = made.reshape(-1, made.shape[-1])
    store = FeatureStore()
    some = sample_cells(encoder, [store.prepare(scan, recipe, grid)], store, seed=0).features
    fitted = fit_prototypes(some, scenes.CLUSTERS, seed=0)
    label, sure = (one.reshape(made.shape[:2]) for one in fitted.assign(vectors))
    aligned = channels[:, : px // filters.align * filters.align, : px // filters.align * filters.align]
    steps: dict[str, Callable[[], Any]] = {
        "flatten": lambda: recipe.preprocessing.flat(scan),
        "take the lattice out": lambda: encoder.channels(heights),
        "filters": lambda: filters.features(aligned),
        "fit clusters": lambda: fit_prototypes(some, scenes.CLUSTERS, seed=0),
        "nearest prototypes": lambda: fitted.assign(vectors),
        "paint": lambda: paint_scan((label + 1).astype("uint8"), sure, grid, heights.shape, scan, True),
    }
    found = {name: median(step) for name, step in steps.items()}
    model = train_classifier([scan], recipe=recipe)
    found["all of labelling"] = median(lambda: model.predict(scan, return_confidence=True))

    def at_once() -> None:
        store = FeatureStore()
        made = train_classifier([scan], recipe=recipe, store=store)
        made.predict(scan, return_confidence=True, store=store)

    found["all of clustering and labelling"] = median(at_once)
    return found


def profile_survey(px: int) -> dict[str, Any]:
    """Say where processor time goes when a survey scan is clustered by data; some steps hold others."""
    import numpy as np

    from benchmarks.speed import scenes
    from napari_stmml import Scan, train_classifier
    from napari_stmml.clustering.sampling import sample_cells
    from napari_stmml.clustering.types_and_areas import fit_types_and_areas
    from napari_stmml.features.intake import prepare_scan
    from napari_stmml.features.objects import objects_on_cells
    from napari_stmml.features.store import FeatureStore
    from napari_stmml.model.encoders import make_encoder
    from napari_stmml.recipe import DEFAULT, get_recipe
    from napari_stmml.structures.candidates import candidates_of
    from napari_stmml.structures.detect import detect
    from napari_stmml.structures.outlines import outlines
    from napari_stmml.structures.residual import residual_of
    from napari_stmml.structures.significance import significance

    scan = scenes.scan_of(px, 1, 5.12)
    recipe = get_recipe(DEFAULT).at_density_of([scan.pixel_size])
    encoder = make_encoder(recipe)
    heights = prepare_scan(scan, recipe, encoder.grid).heights
    level, filters, cell = Scan(heights, scan.pixel_size), encoder.source, encoder.source.cell
    rest = residual_of(level)
    about = rest.heights, rest.pixel_size, rest.at_step, rest.corrugation, 1.0
    out, found, channels = significance(*about), detect(level), filters.channels(heights)
    aligned = channels[:, : px // filters.align * filters.align, : px // filters.align * filters.align]
    store = FeatureStore()
    model = train_classifier([scan], recipe=recipe, store=store)
    stored = [store.prepare(scan, recipe, encoder.grid)]
    sample = sample_cells(encoder, stored, store, seed=0, in_pairs=True)

    def at_once() -> None:
        fresh = FeatureStore()
        train_classifier([scan], recipe=recipe, store=fresh).predict(scan, store=fresh)

    steps: dict[str, Callable[[], Any]] = {
        "prepare heights": lambda: prepare_scan(scan, recipe, encoder.grid),
        "objects: ground, steps and lattice out": lambda: residual_of(level),
        "objects: what stands out of the noise": lambda: significance(*about),
        "objects: outlines": lambda: [outlines(one, rest.pixel_size) for one in (out.up, out.down)],
        "objects: measured": lambda: candidates_of(level, found),
        "objects: all": lambda: objects_on_cells(np.asarray(heights), encoder.pixel_nm, cell),
        "filters: lattice out": lambda: filters.channels(heights),
        "filters: made": lambda: filters.features(aligned),
        "types and areas": lambda: fit_types_and_areas(sample, encoder.of_object, encoder.cell_nm, seed=0),
        "map, features kept": lambda: model.predict(scan, store=store),
        "clustered and labelled, all": at_once,
    }
    return {name: _processor_seconds(step) for name, step in steps.items()}


def _processor_seconds(function: Callable[[], Any], times: int = 5) -> float:
    """Return the least seconds of all cores that a call takes."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        function()
        taken.append(time.process_time() - started)
    return min(taken)


def profile_dense(model: str, px: int, pitch: int) -> dict[str, Any]:
    """Say how near the dense engine is to what the machine can do."""
    import numpy as np

    from benchmarks.speed import scenes
    from napari_stmml import SurfaceClassifier
    from napari_stmml.features.store import EncodedMap
    from napari_stmml.srsml24.dense_unet import dense_features
    from napari_stmml.srsml24.unet import CONVOLUTIONS, POOLINGS

    one = np.random.default_rng(0).normal(size=(2048, 2048)).astype(np.float32)
    one @ one
    peak = 2 * 2048**3 / min(seconds(lambda: one @ one) for _ in range(7)) / 1e9
    classifier = SurfaceClassifier.load(model)
    heights = classifier.recipe.preprocessing.apply(scenes.scan_of(px))
    encode = classifier.encoder.autoencoder.dense_encoder
    dense_features(encode, heights, pitch)
    encoding = median(lambda: dense_features(encode, heights, pitch))
    encoded = EncodedMap.of(heights, classifier.encoder.at_pitch(pitch))
    classifier.label(encoded)
    labelling = median(lambda: classifier.label(encoded))
    convolutions = distances = 0.0
    for number, name in enumerate([*(f"conv{i + 1}" for i in range(POOLINGS)), "bottleneck"]):
        size, channels, filters = CONVOLUTIONS[name]
        convolutions += 2 * size**2 * channels * filters * heights.size / min(2**number, pitch) ** 2
    distances = 2 * classifier.n_clusters * classifier.clusters.n_features * heights.size / pitch**2
    return {
        "peak gflops": peak,
        "encode": encoding,
        "label": labelling,
        "encode gflop": convolutions / 1e9,
        "distances gflop": distances / 1e9,
    }


def profile_windows(model: str) -> dict[str, Any]:
    """Count what the windowed engine works for a window, and how many it encodes a second."""
    import numpy as np

    from napari_stmml import SurfaceClassifier
    from napari_stmml.srsml24.unet import CONVOLUTIONS, POOLINGS

    classifier = SurfaceClassifier.load(model)
    windows = np.random.default_rng(0).random((2048, 32, 32), np.float32)
    encode = classifier.encoder.autoencoder.encode
    encode(windows)
    taken = median(lambda: encode(windows))
    work = 0.0
    for number, name in enumerate([*(f"conv{i + 1}" for i in range(POOLINGS)), "bottleneck"]):
        size, channels, filters = CONVOLUTIONS[name]
        work += 2 * size**2 * channels * filters * (32 / 2**number) ** 2
    return {"rate": len(windows) / taken, "mflop": work / 1e6}


TASKS = {
    task.__name__: task
    for task in (
        prepare,
        engine,
        file_to_map,
        label_size,
        train_rate,
        predict_folder,
        click_to_map,
        profile_instant,
        profile_survey,
        profile_dense,
        profile_windows,
    )
}

if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    wire = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no result
    wire.write(json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
    wire.flush()
