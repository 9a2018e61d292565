"""Frozen dataclasses as lines of JSON, the way they travel between processes.

Each class has a ``kind``, which the line names under a tag: ``{"event": "skipped", "scan": ...}``.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from napari_stmml.text import shortened

T = TypeVar("T")


def as_dict(value: Any, tag: str) -> dict[str, Any]:
    """Return a dataclass as JSON knows it: its kind under ``tag``, and every field that is not None.

    Parameters
    ----------
    value : dataclass
        An instance of a class with a ``kind``.
    tag : str
        The key of the kind: ``event`` or ``request``.

    Returns
    -------
    dict of str to object
        Dataclasses within it are dicts too.
    """
    known = {name: part for name, part in asdict(value).items() if part is not None}
    return {tag: value.kind, **known}


def to_line(value: Any, tag: str) -> str:
    """Return a dataclass as one line of JSON, without the end of the line.

    Parameters
    ----------
    value : dataclass
        An instance of a class with a ``kind``.
    tag : str
        The key of the kind: ``event`` or ``request``.

    Returns
    -------
    str
    """
    return json.dumps(as_dict(value, tag))


def from_line(line: str, tag: str, kinds: Mapping[str, type[T]]) -> T:
    """Read a line that `to_line` wrote.

    Parameters
    ----------
    line : str
    tag : str
        What the class is, in messages as well: ``event`` or ``request``.
    kinds : mapping of str to class
        The classes that are known.

    Raises
    ------
    ValueError
        If the line is no JSON, names no known kind, or its fields are not those of the kind.
    """
    from pydantic import TypeAdapter, ValidationError  # napari brings it: it checks types, nested ones too

    try:
        known = json.loads(line)
    except RecursionError:
        raise ValueError(f"no {tag}, but brackets in brackets: {shortened(line)}") from None
    kind = kinds.get(str(known.pop(tag, ""))) if isinstance(known, dict) else None
    if kind is None:
        raise ValueError(f"no {tag} of any known kind: {shortened(line)}")
    try:
        return TypeAdapter(kind).validate_python(known)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        name = kind.kind  # type: ignore[attr-defined]
        raise ValueError(f"no {tag} {name!r}: {where}: {first['msg']}") from error
