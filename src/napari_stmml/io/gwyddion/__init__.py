"""Files of Gwyddion, in and out, and of what its converter reads."""

from napari_stmml.io.gwyddion.writer import Labelled, write_gwy, write_scans_gwy

__all__ = ["Labelled", "write_gwy", "write_scans_gwy"]
