"""The record of a figure: the scan, model, recipe, versions and options that it was made of."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from napari_stmml.classes import is_numbered
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.io.predicted_map import label_digest
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.model.model_file import lineage
from napari_stmml.scan_key import ScanKey
from napari_stmml.structures.structures import Structures
from napari_stmml.system import files
from napari_stmml.system.regular_file import read_bytes
from napari_stmml.system.strict_json import to_json

FORMAT = 1
KEY = "napari-stmml figure"  # of the record: its format
_MOST_BYTES = 16 << 20
_PACKAGES = ("napari-stmml", "numpy", "scipy", "scikit-image", "scikit-learn", "pandas", "matplotlib")


def figure_record(
    kind: str,
    scans: Sequence[ShownScan],
    options: FigureOptions,
    *,
    versions_of: Sequence[str] = (),
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Say what a figure was made of.

    Parameters
    ----------
    kind : str
        ``scans``, ``measured``, ``profile``, or ``methods`` where there is no figure.
    scans : sequence of ShownScan
        Their files are read, for a checksum.
    options : FigureOptions
    versions_of : sequence of str
        Packages whose versions are noted too, such as napari.
    more : mapping of str to Any
        More parts of the record: ``lines`` of a profile, ``measured``, ``structures``.

    Returns
    -------
    dict
        As JSON knows it.
    """
    models = {shown.model: model_facts(shown.model) for shown in scans if shown.model}
    return {
        KEY: FORMAT,
        "kind": kind,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions((*_PACKAGES, *versions_of)),
        "scans": [_scan_facts(shown, options) for shown in scans],
        "models": list(models.values()),
        "options": asdict(options),
        **(more or {}),
    }


def versions(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of packages that are there, and of Python."""
    known = {"python": platform.python_version()}
    for name in names:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known


def model_facts(path: str | Path) -> dict[str, Any]:
    """Say what a model file is: hashes, recipe with its parameters, training, classes.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict
        With ``problem``, a sentence, where the file cannot be read; a file of types of structures alone has
        ``types``.
    """
    path = Path(path)
    facts: dict[str, Any] = {"file": path.name}
    try:
        facts["sha256"] = files.sha256(path)
    except OSError as error:
        return {**facts, "problem": f"{path.name} cannot be read: {error.strerror or error}"}
    try:
        model = SurfaceClassifier.load(path)
    except ValueError as error:
        try:
            return {**facts, "types": [one for one in Structures.load(path).names if one]}
        except ValueError:
            return {**facts, "problem": str(error)}
    return facts | _facts_of(model)


def _facts_of(model: SurfaceClassifier) -> dict[str, Any]:
    training, classes, recipe = model.training, model.classes, model.recipe
    names, used = classes.legend[0], recipe.used
    sources = [] if model.examples is None else list(model.examples.sources)
    counts = {} if model.examples is None else model.examples.counts
    return {
        "lineage": lineage(training),
        "recipe": recipe.title,
        "features": recipe.features,
        "trained_network": recipe.trains,
        "parameters": {name: value for name, value in recipe.as_dict().items() if name in used},
        "clusters": model.n_clusters,
        "classes": [{"label": label, "name": name} for label, name in names.items()],
        "named": sum(not is_numbered(name) for name in names.values()),
        "created": training.get("created"),
        "seed": training.get("seed"),
        "made_with": training.get("made_with"),
        "scans": training.get("files", []),
        "painted": {"scans": len(sources), "examples": int(sum(counts.values()))},
    }


def _scan_facts(shown: ShownScan, options: FigureOptions) -> dict[str, Any]:
    scan = shown.scan
    rows, cols = scan.heights.shape
    chain, (low, high) = shown.flattens(options), shown.heights(options)[1]
    return {
        "name": scan.name,
        **scan.settings(),
        "size_nm": scan.size_nm,
        "size_px": [rows, cols],
        **{name: value for name, value in ScanKey.of_scan(scan).as_dict().items() if name == "sha256"},
        "flattened_in_figure": chain or "as the history says",
        "colour_limits": [low, high],
        "labels": None if shown.labels is None else _label_facts(shown, shown.labels),
    }


def _label_facts(shown: ShownScan, labels: LabelMap) -> dict[str, Any]:
    scanned = np.isfinite(shown.scan.heights)
    return {
        "name": labels.name,
        "sha256": label_digest(labels.labels),
        "model": Path(shown.model or str(labels.scan.get("model") or "")).name,
        "predicted": labels.scan.get("predicted"),
        "painted_by_a_person_px": labels.scan.get("painted by a person"),
        "background": sorted(shown.background),
        "classes": [_class_facts(shown, labels, label, scanned) for label in shown.there],
    }


def _class_facts(shown: ShownScan, labels: LabelMap, label: int, scanned: np.ndarray) -> dict[str, Any]:
    own = labels.labels == label
    facts: dict[str, Any] = {"label": label, "name": shown.name(label)}
    facts |= {"colour": labels.colours.get(label), "pixels": int(own.sum())}
    facts["share_of_scanned"] = float((own & scanned).sum() / max(1, scanned.sum()))
    if labels.objects is not None:
        facts["objects"] = len(np.unique(labels.objects[own & (labels.objects > 0)]))
    return facts


def write_figure_record(path: str | Path, record: Mapping[str, Any]) -> Path:
    """Write the record of a figure beside it: the same name, ending in ``.json``.

    Parameters
    ----------
    path : str or Path
        Of the figure.
    record : mapping
        As `figure_record` made it; the name of the figure is added.

    Returns
    -------
    Path
        Where another file has that name, such as the record of ``a.svg`` that of ``a.png``, it is
        ``a.png.json``.
    """
    path = Path(path)
    return files.write_text(_record_path(path), to_json({**record, "figure": path.name}) + "\n")


def _record_path(figure: Path) -> Path:
    """Return where the record of a figure is written: it takes the place of its own older one alone."""
    added = figure.with_name(f"{figure.name}.json")
    for path in (figure.with_suffix(".json"), added):
        if not path.exists():
            return path
        try:
            of = str(read_figure_record(path).get("figure"))
        except ValueError:
            continue
        if of == figure.name or not figure.with_name(Path(of).name).exists():
            return path
    return files.free_path(added)


def read_figure_record(path: str | Path) -> dict[str, Any]:
    """Read the record of a figure.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        In one sentence that names the file: it is no record of a figure.
    """
    path = Path(path)
    try:
        known = json.loads(read_bytes(path, _MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no record of a figure: it is no JSON") from error
    if not isinstance(known, dict) or type(known.get(KEY)) is not int:
        raise ValueError(f"{path.name} is no record of a figure: it has no {KEY!r}")
    if known[KEY] > FORMAT:
        raise ValueError(f"{path.name} has format {known[KEY]}, this program reads up to {FORMAT}")
    return known
