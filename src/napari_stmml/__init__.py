"""Find, see and correct recurring structures in STM scans; importing this package costs nothing."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("napari-stmml")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

_HOME = {
    "MtrxError": "io.matrix.reader",
    "Preprocessing": "heights.prepare",
    "RECIPES": "recipe",
    "Recipe": "recipe",
    "Scan": "scan",
    "Structures": "structures.structures",
    "SurfaceClassifier": "model.classifier",
    "WindowGrid": "heights.windows",
    "find_scans": "io.formats",
    "find_structures": "structures.structures",
    "flatten": "heights.flatten",
    "read_mtrx": "io.matrix.reader",
    "read_scans": "io.formats",
    "train_classifier": "model.training",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
