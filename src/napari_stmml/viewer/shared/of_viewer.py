"""One object for each viewer, made when it is first asked for, which lives as long as the viewer."""

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class OfViewers(Generic[T]):
    """The objects of all viewers; it holds none of them.

    Parameters
    ----------
    make : callable
        Makes the object of a viewer. The object itself has to connect something of its own to an event of the
        viewer, which alone holds it then: panels come and go.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._known: weakref.WeakKeyDictionary[Any, weakref.ref[T]] = weakref.WeakKeyDictionary()

    def of(self, viewer: Any) -> T:
        """Return the object of a viewer, a new one if it has none.

        Parameters
        ----------
        viewer : napari.Viewer
            Or a proxy of one.
        """
        viewer = getattr(viewer, "__wrapped__", viewer)  # a proxy is not the viewer itself
        link = self._known.get(viewer)
        found = None if link is None else link()
        if found is None:
            found = self._make(viewer)
            self._known[viewer] = weakref.ref(found)
        return found
