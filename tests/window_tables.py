"""Read the tables of windows back, with numpy alone, as another program would."""

import warnings

import numpy as np


def read_starts(path):
    """Return first row and column of each window, (n, 2) int."""
    return _columns(path, (1, 2), int)


def read_log(path):
    """Return starts (n, 2) int, labels (n,) int and confidence (n,) float, or None where it is blank."""
    known = _columns(path, (1, 2, 5), int)
    blank = path.read_text("utf-8").endswith("\t\n")
    return known[:, :2], known[:, 2], None if blank else _columns(path, (6,), float)[:, 0]


def _columns(path, columns, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no window at all
        return np.loadtxt(path, kind, delimiter="\t", usecols=columns, ndmin=2).reshape(-1, len(columns))
