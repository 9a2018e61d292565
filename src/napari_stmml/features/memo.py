"""What was made of the last maps: clustering a scan and labelling it then make it once."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import numpy as np

_MOST = 2  # results that are kept
_MOST_PX = 1_500_000  # of a map whose result is kept

_known: OrderedDict[bytes, np.ndarray] = OrderedDict()
_lock = threading.Lock()


def forget() -> None:
    """Keep nothing any more: a measurement of time begins with that."""
    with _lock:
        _known.clear()


def recently(make: Callable[[np.ndarray], np.ndarray], heights: np.ndarray, *, of: str) -> np.ndarray:
    """Return ``make(heights)``, or what it was if it has just been made of the very same map.

    Parameters
    ----------
    make : callable
        Depends on the heights alone.
    heights : ndarray, shape (rows, cols)
    of : str
        What is made.

    Returns
    -------
    ndarray
        Read-only.

    Examples
    --------
    >>> first = recently(lambda heights: heights + 1, np.zeros((2, 2)), of="an example")
    >>> recently(lambda heights: heights + 2, np.zeros((2, 2)), of="an example") is first
    True
    """
    if heights.size > _MOST_PX:
        return make(heights)
    about = f"{of} {heights.shape} {heights.dtype}".encode()
    key = blake2b(
        np.ascontiguousarray(heights).tobytes(), key=blake2b(about, digest_size=32).digest()
    ).digest()
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    made = make(heights)
    made.flags.writeable = False
    with _lock:
        _known[key] = made
        while len(_known) > _MOST:
            _known.popitem(last=False)
    return made
