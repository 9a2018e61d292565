"""JSON that every program reads: NaN and infinity, which JSON does not have, become null."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any


def to_json(value: Any) -> str:
    """Write a value as JSON, on several lines.

    Parameters
    ----------
    value : Any
        Mappings, lists, text, numbers, yes or no, and None, in each other.

    Returns
    -------
    str
        ASCII; null where a number is not finite.

    Examples
    --------
    >>> print(to_json({"bias": float("nan"), "offset": (1.5, float("-inf"))}))
    {
     "bias": null,
     "offset": [
      1.5,
      null
     ]
    }
    """
    return json.dumps(_finite(value), indent=1, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not isfinite(value) else value
