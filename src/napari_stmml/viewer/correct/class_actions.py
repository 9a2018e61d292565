"""What the buttons of Correct do: each one step of the session, that can be undone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_stmml.classes import Classes
from napari_stmml.io.gwyddion import write_gwy
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.model import editing
from napari_stmml.model.classifier import SurfaceClassifier
from napari_stmml.viewer.correct.open_scan import OpenScan
from napari_stmml.viewer.correct.session import Session

MOST_SPLIT = 60_000  # cells that a class is split by


def merge(session: Session, labels: Sequence[int]) -> None:
    """Make one class of some; the first in the table keeps its name."""
    if len(labels) < 2:
        raise ValueError("select two classes or more to merge: Ctrl+click on their rows")
    first, *others = labels
    names = [_name(session, label) for label in labels]
    _edit(
        session,
        _classes(session).merged(others, into=first),
        f"merged {', '.join(names[1:])} into {names[0]}",
    )


def split(session: Session, labels: Sequence[int], n: int) -> None:
    """Find ``n`` classes within one."""
    label = _one(labels, "split")
    features = [
        one.features.reshape(-1, one.features.shape[2]) for one in session.scans if one.features is not None
    ]
    if not features:
        raise ValueError("only models of places can split a class; this one looks at windows")
    own = [
        some[(one.labels == label).ravel()]
        for some, one in zip(features, _with_features(session), strict=True)
    ]
    cells = np.concatenate(own)
    if len(cells) > MOST_SPLIT:
        cells = cells[np.random.default_rng(0).choice(len(cells), MOST_SPLIT, replace=False)]
    name = _name(session, label)
    session.edit(editing.split(_model(session), label, n, cells), f"split {name} in {n}")


def rename(session: Session, label: int, name: str) -> None:
    """Give a class another name."""
    _edit(session, _classes(session).renamed(label, name), f"renamed {_name(session, label)} {name}")


def recolour(session: Session, label: int, colour: str) -> None:
    """Give a class another colour."""
    _edit(session, _classes(session).recoloured(label, colour), f"recoloured {_name(session, label)}")


def delete(session: Session, labels: Sequence[int]) -> None:
    """Delete classes; what had them has no label."""
    if not labels:
        raise ValueError("select the classes to delete")
    classes = _classes(session)
    for label in labels:
        classes = classes.deleted(label)
    _edit(session, classes, f"deleted {', '.join(_name(session, label) for label in labels)}")


def move(session: Session, labels: Sequence[int], by: int) -> None:
    """Move a class up or down in the table."""
    label = _one(labels, "move")
    order = list(_classes(session).order)
    at = order.index(label)
    to = min(max(at + by, 0), len(order) - 1)
    order.insert(to, order.pop(at))
    if to != at:
        _edit(session, _classes(session).reordered(order), f"moved {_name(session, label)}")


def background(session: Session, labels: Sequence[int]) -> None:
    """Make classes background, or, where all of them are, no background any more."""
    if not labels:
        raise ValueError("select the classes that are background")
    classes = _classes(session)
    on = not all(classes.entries[label - 1].background for label in labels)
    for label in labels:
        classes = classes.as_background(label, on)
    names = ", ".join(_name(session, label) for label in labels)
    _edit(session, classes, f"{names}: {'background' if on else 'no background'}")


def new(session: Session) -> None:
    """Make a class that nothing has yet."""
    classes, label = _classes(session).added()
    _edit(session, classes, f"new class {classes.names[label - 1]}")


def refine(session: Session, *, joined: bool = False) -> None:
    """Learn from what is painted on the open scans, as it is now; what was erased teaches no more.

    What is ``joined`` is undone together with the stroke before it; where that was undone, nothing is learnt.
    """
    if joined and session.history.next:
        return
    joined = joined and session.history.painted_last
    classifier = before = _model(session)
    if not before.encoder.keeps_features:
        raise ValueError(
            f"recipe {before.recipe.name} looks at windows, which take minutes to learn from:"
            " stmml learn does it; here its classes can be edited and truth painted"
        )
    learnt = 0
    for one in _with_features(session):
        if one.truth.data.any() or _taught(before, one):
            classifier = classifier.learn_cells(one.key, one.scan.name, one.cells, one.painted_cells())
            learnt += 1
    if not learnt:
        raise ValueError("paint on a scan first: there is nothing to learn from yet")
    session.edit(classifier, "learnt from what was painted", joined=joined)


def forget(session: Session) -> None:
    """Let the model unlearn what was painted on the current scan; the strokes themselves stay."""
    one = session.current
    if one is None or not _taught(_model(session), one):
        raise ValueError("the model has learnt nothing from this scan")
    session.edit(_model(session).forget(one.key), f"forgot {one.name}")


def save_as(session: Session, path: Path) -> None:
    """Keep the model in another file from now on."""
    path = path if path.suffix == ".stmml" else path.with_name(f"{path.name}.stmml")
    session.keeper.use(_model(session).save(path))
    session.said.emit(f"Saved as {path}; changes go there from now on.", False)


def save_map(session: Session, one: OpenScan, path: Path) -> None:
    """Write the labels of a scan, a person's over the model's: a labelled TIFF, or Gwyddion's ``.gwy``."""
    gwyddion = path.suffix.lower() == ".gwy"
    if not gwyddion and not path.name.endswith(".stmml.tif"):
        path = path.with_name(f"{path.name}.stmml.tif")
    classes, own = _classes(session), one.truth.data > 0
    about = {**one.scan.settings(), "model": str(session.path), "painted by a person": int(own.sum())}
    shown = one.shown(classes)
    names = {label: classes.names[label - 1] for label in classes.order}
    colours = {label: classes.colours[label - 1] for label in classes.order}
    if gwyddion:
        write_gwy(path, one.scan, shown, names)
    else:
        LabelMap(shown, one.scan.pixel_size, names, colours, f"labels {one.name}", about).write(path)
    session.said.emit(f"Saved {path}; {own.mean():.1%} of it was painted by a person.", False)


def label_at(session: Session, one: OpenScan, place: Sequence[float]) -> int:
    """Return the label that is shown at a place of a scan, (row, col) in px; 0 beyond it."""
    row, col = (round(float(at)) for at in place)
    rows, cols = one.truth.data.shape
    if not (0 <= row < rows and 0 <= col < cols):
        return 0
    return int(_classes(session).of_painted(one.truth.data[row, col]) or one.predicted.data[row, col])


def give_region(session: Session, one: OpenScan, place: Sequence[float]) -> None:
    """Give all of the region that is shown at a place the class that is chosen to paint."""
    from skimage.morphology import flood

    shown = one.shown(_classes(session))
    row, col = (round(float(at)) for at in place)
    if label_at(session, one, place):
        session.paint(one, flood(shown, (row, col), connectivity=2), one.truth.selected_label)


def _taught(classifier: SurfaceClassifier, one: OpenScan) -> bool:
    lessons = classifier.lessons
    return lessons is not None and any(source["key"] == one.key.as_dict() for source in lessons.sources)


def _model(session: Session) -> SurfaceClassifier:
    if session.classifier is None:
        raise ValueError("open a scan with a model first")
    return session.classifier


def _classes(session: Session) -> Classes:
    return _model(session).classes


def _name(session: Session, label: int) -> str:
    return _classes(session).names[label - 1]


def _edit(session: Session, classes: Classes, what: str) -> None:
    session.edit(replace(_model(session), classes=classes), what)


def _one(labels: Sequence[int], what: str) -> int:
    if len(labels) != 1:
        raise ValueError(f"select one class to {what}")
    return labels[0]


def _with_features(session: Session) -> list[OpenScan]:
    return [one for one in session.scans if one.features is not None]
