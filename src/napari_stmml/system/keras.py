"""Import Keras when it is needed, and quietly; the one door to Keras and TensorFlow."""

import os
from typing import Any


def load_keras() -> Any:
    """Import Keras, on TensorFlow unless told otherwise, without its greetings; it takes seconds once."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    return keras
