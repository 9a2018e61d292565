"""The one door to Keras and TensorFlow, which start without a word in the terminal and in our logs."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

# Lines of absl: "I0000 00:00:1795882729.65 27087 port.cc:153] oneDNN custom operations are on ..."
_LOGGED = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} |\d{4}-\d\d-\d\d .*: [IWE] ")


WITHOUT = (
    "this recipe needs TensorFlow, which is not installed: pip install tensorflow, or use --recipe instant"
)


def need_keras() -> None:
    """Say at once, and without importing it, that there is no TensorFlow.

    Raises
    ------
    ValueError
        If Keras or what it runs on is not installed; the message says what to do.
    """
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if find_spec("keras") is None or find_spec(backend) is None:
        raise ValueError(WITHOUT)


def load_keras() -> Any:
    """Import Keras, on TensorFlow unless told otherwise; it takes seconds once.

    Returns
    -------
    module

    Raises
    ------
    ValueError
        If Keras or TensorFlow is not installed; the message says what to do.
    """
    need_keras()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # for what is logged after the import
    if "keras" not in sys.modules:
        with _without_log_lines():
            import keras
    import keras

    return keras


@contextmanager
def _without_log_lines() -> Iterator[None]:
    """Drop log lines of TensorFlow and absl from standard error; every other line appears at the end.

    C++ writes some before any setting counts, so the file behind standard error is another meanwhile.
    """
    try:
        sys.stderr.flush()
        ours = os.dup(2)
    except (OSError, AttributeError):  # a program without a terminal has none
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(ours, 2)
            os.close(ours)
            caught.seek(0)
            with suppress(OSError):  # of a full disk or a closed pipe
                os.write(2, b"".join(line for line in caught if not _LOGGED.match(line)))
