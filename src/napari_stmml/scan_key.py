"""ScanKey: tells which scan a truth or a training example belongs to, wherever its file lies."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from napari_stmml.scan import Scan
from napari_stmml.system import files


@dataclass(frozen=True)
class ScanKey:
    """What a truth belongs to, whatever the layer or the folder is called.

    Parameters
    ----------
    sha256 : str
        Of the scan's file; of the heights themselves where there is no file.
    channel, direction : str
        As in `Scan`.
    shape : (int, int)
        Rows and columns.
    """

    sha256: str
    channel: str
    direction: str
    shape: tuple[int, int]

    @classmethod
    def of_scan(cls, scan: Scan) -> "ScanKey":
        """Return the key of a scan; its file is read.

        Parameters
        ----------
        scan : Scan

        Returns
        -------
        ScanKey
            Made from the heights where the file is not there or cannot be read.
        """
        rows, cols = scan.heights.shape
        digest = _of_file(scan.source) or sha256(np.ascontiguousarray(scan.heights).tobytes()).hexdigest()
        return cls(digest, scan.channel, scan.direction, (rows, cols))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it.

        Returns
        -------
        dict of str to object
            One key for each field; ``shape`` is a list.
        """
        return {**vars(self), "shape": list(self.shape)}

    @classmethod
    def of_dict(cls, about: dict[str, Any]) -> "ScanKey":
        """Read what ``as_dict`` returned.

        Parameters
        ----------
        about : dict
            With ``sha256``, ``channel``, ``direction`` and ``shape``; other keys are ignored.

        Returns
        -------
        ScanKey
        """
        rows, cols = about["shape"]
        digest, channel, direction = (str(about[name]) for name in ("sha256", "channel", "direction"))
        return cls(digest, channel, direction, (int(rows), int(cols)))


def _of_file(source: str) -> str | None:
    """Return the hash of a scan's file as it is now; None where there is none."""
    try:
        return files.sha256(source) if source else None
    except OSError:
        return None
