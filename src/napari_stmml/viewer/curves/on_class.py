"""Which curves were taken on a class or a structure type of a map."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_stmml.viewer.io.layers import class_names, classes_of, spare_name


@dataclass(frozen=True)
class OnClass:
    """A class of a map in the viewer; as text, its name and the map."""

    layer: Any = field(repr=False)
    label: int
    name: str

    def __str__(self) -> str:
        return f"{self.name}, {self.layer.name}"

    def points(self, curves: Any) -> set[int]:
        """Return the points of a layer of curves that lie on a pixel of this class.

        Parameters
        ----------
        curves : napari Points layer

        Returns
        -------
        set of int
        """
        classes = classes_of(self.layer)
        found = set()
        for number, point in enumerate(curves.data):
            at = np.round(self.layer.world_to_data(curves.data_to_world(point))).astype(int)
            inside = (at >= 0).all() and (at < classes.shape).all()
            if inside and classes[tuple(at)] == self.label:
                found.add(number)
        return found


def classes_in(viewer: Any) -> list[OnClass]:
    """List the classes that have a pixel on the maps of a viewer, the topmost map first.

    Parameters
    ----------
    viewer : napari viewer

    Returns
    -------
    list of OnClass
    """
    found = []
    for layer in reversed([one for one in viewer.layers if isinstance(one, Labels) and one.ndim == 2]):
        known = class_names(layer.features, layer.metadata)
        names = {label: name for label, name in known.items() if name != spare_name(label)}
        there = np.unique(classes_of(layer)) if names else ()
        found += [OnClass(layer, int(label), names[int(label)]) for label in there if int(label) in names]
    return found
