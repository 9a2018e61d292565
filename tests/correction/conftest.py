"""A correction session without threads or a window: all that it does is done when its method returns."""

from pathlib import Path

import pytest

from napari_stmml import SurfaceClassifier
from napari_stmml.correction.session import CorrectionSession


@pytest.fixture
def session(correcting_files, model_copy):
    """Return a session with a model and two directions of a scan of its own open for correction."""
    session = CorrectionSession()
    session.use(SurfaceClassifier.load(model_copy), Path(model_copy))
    for scan, file in correcting_files:
        session.open_scan(scan, scan.short_direction, file)
    yield session
    session.flush()
