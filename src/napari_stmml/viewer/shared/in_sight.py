"""Which scan a person looks at: panels take it by themselves."""

from collections.abc import Callable, Sequence
from typing import Any

from napari_stmml.viewer.io.layers import KEY

NO_SCAN = "Open a scan first: drop a scan file on the window."
_SCAN = ("source", "channel", "direction")  # what tells the scans of layers apart, in their metadata


def scan_in_sight(viewer: Any, images: Sequence[Any]) -> Any:
    """Return the scan that a person looks at.

    Parameters
    ----------
    viewer : napari.Viewer
    images : sequence of napari Image layers
        Those that may be scans, from the bottom up.

    Returns
    -------
    napari Image layer or None
        The active one, or else the scan of the active layer, such as a map, to which least was done; where
        it is of none of them, the topmost that is visible, or else the topmost. None if there are no images.
    """
    return _of_active(viewer, images) or _topmost(images)


def _of_active(viewer: Any, images: Sequence[Any]) -> Any:
    active = viewer.layers.selection.active
    if active is None or active in images:
        return active
    same = [one for one in images if is_of_same_scan(active, one)]
    return min(same, key=_steps, default=None)


def map_in_sight(viewer: Any, maps: Sequence[Any], image_below: Callable[[Any], Any]) -> Any:
    """Return the map that a person looks at.

    Parameters
    ----------
    viewer : napari.Viewer
    maps : sequence of napari layers
        Those to choose from, from the bottom up.
    image_below : callable
        Returns the scan that a map lies on, None where that is not known.

    Returns
    -------
    napari layer or None
        The active one, or else the topmost of the active scan, a visible one before others. None where
        neither a map nor a scan with a map is active.
    """
    active = viewer.layers.selection.active
    if active is None or active in maps:
        return active
    below = ((one, image_below(one)) for one in reversed(maps))
    own = [
        one
        for one, image in below
        if image is not None and (image is active or is_of_same_scan(image, active))
    ]
    return next((one for one in own if one.visible), next(iter(own), None))


def _topmost(images: Sequence[Any]) -> Any:
    seen = [one for one in images if one.visible]
    return next(iter([*reversed(seen), *reversed(images)]), None)


def _steps(image: Any) -> int:
    return len(image.metadata[KEY].get("history") or ())


class FollowingChoice:
    """A choice of scans that follows the one in sight.

    Several scans that somebody has chosen stay chosen; a single one gives way to the next that is active, or
    that the active layer is of. It stays while no layer is active, or one of no scan, such as a preview.

    Parameters
    ----------
    viewer : napari.Viewer
    choice : magicgui ComboBox or Select
        Of layers.
    suits : callable
        Says of a layer whether it may be chosen by itself.
    """

    def __init__(self, viewer: Any, choice: Any, suits: Callable[[Any], bool]) -> None:
        self.viewer, self.choice, self.suits = viewer, choice, suits

    def follow(self) -> None:
        """Choose what the active layer is, or is of, unless several scans are chosen."""
        before = self.choice.value
        if not before:
            self.take()
        elif not isinstance(before, list) or len(before) == 1:
            self._choose(_of_active(self.viewer, self._images()))

    def take(self) -> None:
        """Choose the scan in sight, whatever was chosen."""
        self._choose(scan_in_sight(self.viewer, self._images()))

    def fill(self) -> None:
        """Choose the scan in sight where nothing is chosen."""
        if not self.choice.value:
            self.take()

    def _images(self) -> list[Any]:
        return [one for one in self.choice.choices if self.suits(one)]

    def _choose(self, found: Any) -> None:
        value = [found] if isinstance(self.choice.value, list) else found
        if found is not None and self.choice.value != value:
            self.choice.value = value


def is_of_same_scan(one: Any, other: Any) -> bool:
    """Say whether two layers are of one scan, by what they know of it."""
    own, others = _scan_of(one), _scan_of(other)
    return own == others and any(own)


def _scan_of(layer: Any) -> tuple[Any, ...]:
    known = layer.metadata.get(KEY)
    return tuple(known.get(name) for name in _SCAN) if isinstance(known, dict) else ()
