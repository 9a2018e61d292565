"""Classes: what the labels of a model mean: names, colours, and which classes were merged or deleted."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from napari_stmml.colours import NO_COLOUR, class_colours
from napari_stmml.system import files
from napari_stmml.text import quoted

MOST = 255  # labels that a person can paint: truths are uint8
MOST_LETTERS = 255  # of the name of a class
_KINDS = {"name": str, "colour": str, "background": bool, "gone": bool, "into": int}  # in a model file


def is_numbered(name: str) -> bool:
    """Say whether a name is one that the program gives by number, not one that a person chose.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool

    Examples
    --------
    >>> is_numbered("cluster 3"), is_numbered("type 12"), is_numbered("step edge")
    (True, True, False)
    """
    return re.fullmatch(r"(cluster|type|area) \d+", name) is not None


@dataclass(frozen=True)
class SurfaceClass:
    """What one label means.

    Parameters
    ----------
    name : str
    colour : str
        ``#rrggbb``.
    background : bool
        Whether it is no structure: left out of statistics, and shown faintly.
    gone : bool
        Whether it was merged or deleted; it keeps its number.
    into : int
        Label that it was merged into; 0 if it was deleted, or not gone.
    """

    name: str
    colour: str
    background: bool = False
    gone: bool = False
    into: int = 0

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("a class needs a name, got an empty one")
        if len(self.name) > MOST_LETTERS:
            raise ValueError(f"the name of a class has at most {MOST_LETTERS} letters, got {len(self.name)}")
        if not re.fullmatch("#[0-9a-fA-F]{6}", self.colour):
            raise ValueError(f"a colour must be #rrggbb, got {quoted(self.colour)}")
        if self.into and not self.gone:
            raise ValueError(
                f"class {quoted(self.name)} is not gone, so it cannot be merged into {self.into}"
            )


@dataclass(frozen=True)
class Classes:
    """What all labels of a model mean: entry i is label i + 1, gone or not, and never gets another meaning.

    So label maps and truths never have to be written anew.

    Parameters
    ----------
    entries : tuple of SurfaceClass
    of_cluster : tuple of int
        Label of each cluster of the model; 0 = none, after its class was deleted.
    order : tuple of int
        Labels that are not gone, as a table lists them.

    Raises
    ------
    ValueError
        If the parts do not fit, or two classes that are not gone have one name.

    Examples
    --------
    >>> classes = Classes.plain(("rows", "holes", "bumps"))
    >>> classes.merged([3], into=1).lookup
    array([0, 1, 2, 1], dtype=uint16)
    """

    entries: tuple[SurfaceClass, ...]
    of_cluster: tuple[int, ...]
    order: tuple[int, ...]

    def __post_init__(self) -> None:
        there = [label for label, one in enumerate(self.entries, 1) if not one.gone]
        if sorted(self.order) != there:
            raise ValueError(f"the order must hold each of {there} once, got {list(self.order)}")
        for label in (*self.of_cluster, *(one.into for one in self.entries)):
            if not 0 <= label <= self.n:
                raise ValueError(f"labels of clusters and merged classes must be 0 to {self.n}, got {label}")
        names = Counter(self.entries[label - 1].name for label in there)
        for name in names:
            if names[name] > 1:
                raise ValueError(f"each class needs a name of its own, {quoted(name)} is taken")
        for label in range(1, self.n + 1):
            self._end(label)

    @classmethod
    def plain(cls, names: Sequence[str], colours: Sequence[str] | None = None) -> "Classes":
        """Make the classes of a model that was just trained: cluster i is label i + 1.

        Parameters
        ----------
        names : sequence of str
            Name of each cluster.
        colours : sequence of str or None
            ``#rrggbb`` of each cluster; None to choose them.

        Returns
        -------
        Classes

        Raises
        ------
        ValueError
            If there are not as many names as colours, a name is empty or there twice, or a
            colour is not ``#rrggbb``.
        """
        colours = class_colours(len(names)) if colours is None else colours
        if len(names) != len(colours):
            raise ValueError(f"classes need as many names as colours, got {len(names)} and {len(colours)}")
        labels = tuple(range(1, len(names) + 1))
        return cls(tuple(map(SurfaceClass, names, colours)), labels, labels)

    @property
    def n(self) -> int:
        """How many labels there are, gone ones included."""
        return len(self.entries)

    @cached_property
    def lookup(self) -> np.ndarray:
        """Label as shown of each label as painted or predicted, (n + 1,) uint16: merges are followed."""
        found = np.array([0, *(self._end(label) for label in range(1, self.n + 1))], np.uint16)
        found.flags.writeable = False
        return found

    def of_painted(self, labels: np.ndarray) -> np.ndarray:
        """Return labels as shown of labels as painted, uint8; one that has no class yet stays as it is.

        Parameters
        ----------
        labels : ndarray of uint8, any shape
            Labels as painted.

        Returns
        -------
        ndarray of uint16, the same shape
            Labels as shown.

        Examples
        --------
        >>> Classes.plain(("rows", "holes")).merged([2], into=1).of_painted(np.array([0, 2, 3], np.uint8))
        array([0, 1, 3], dtype=uint16)
        """
        table = np.arange(MOST + 1, dtype=np.uint16)
        known = self.lookup[: MOST + 1]
        table[: len(known)] = known
        return table[labels]

    @property
    def shown(self) -> np.ndarray:
        """Label as shown of each cluster, (n_clusters,) uint16; 0 = none."""
        return self.lookup[np.array(self.of_cluster, int)]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all labels; a class that was merged has that of what it is now."""
        return tuple(one.name for one in self._now())

    @property
    def colours(self) -> tuple[str, ...]:
        """Colours of all labels, ``#rrggbb``, as ``names``."""
        return tuple(one.colour for one in self._now())

    @property
    def legend(self) -> tuple[dict[int, str], dict[int, str]]:
        """Names and colours of the labels that are not gone, by label."""
        there = sorted(self.order)
        return (
            {label: self.entries[label - 1].name for label in there},
            {label: self.entries[label - 1].colour for label in there},
        )

    @property
    def background(self) -> tuple[int, ...]:
        """Labels that are no structure, and not gone."""
        return tuple(label for label in sorted(self.order) if self.entries[label - 1].background)

    def look(self, cluster: int) -> tuple[int, str, str]:
        """Return label, name and colour that a cluster is shown with; label 0 where its class was deleted.

        Parameters
        ----------
        cluster : int
            Counted from 0.

        Returns
        -------
        label : int
        name : str
        colour : str
            ``#rrggbb``.
        """
        label = int(self.shown[cluster])
        if not label:
            return 0, "deleted", NO_COLOUR
        return label, self.entries[label - 1].name, self.entries[label - 1].colour

    def merged(self, labels: Iterable[int], *, into: int) -> "Classes":
        """Make classes part of another one, which keeps its name, colour and number.

        Parameters
        ----------
        labels : iterable of int
            Labels to merge; ``into`` may be among them.
        into : int
            Label of the class that they become part of.

        Returns
        -------
        Classes
            New ones; these stay as they are.

        Raises
        ------
        ValueError
            If ``labels`` holds none but ``into``, or a class does not exist, or was merged or
            deleted.
        """
        labels = set(labels) - {into}
        if not labels:
            raise ValueError(
                f"nothing to merge into {quoted(self._there(into).name)}: choose two classes or more"
            )
        self._there(into)
        return self._without(labels, into)

    def deleted(self, label: int) -> "Classes":
        """Delete a class: what had its label, or was merged into it, has none.

        Parameters
        ----------
        label : int

        Returns
        -------
        Classes
            New ones; these stay as they are.

        Raises
        ------
        ValueError
            If the class does not exist, or was merged or deleted.
        """
        shown = self.shown
        kept = tuple(0 if shown[i] == label else own for i, own in enumerate(self.of_cluster))
        return replace(self._without({label}, 0), of_cluster=kept)

    def renamed(self, label: int, name: str) -> "Classes":
        """Give a class another name.

        Parameters
        ----------
        label : int
        name : str
            Blanks around it are removed.

        Returns
        -------
        Classes
            New ones; these stay as they are.

        Raises
        ------
        ValueError
            If the class does not exist, or was merged or deleted, or the name is empty or taken.
        """
        return self._changed(label, name=name.strip())

    def recoloured(self, label: int, colour: str) -> "Classes":
        """Give a class another colour, ``#rrggbb``.

        Parameters
        ----------
        label : int
        colour : str

        Returns
        -------
        Classes
            New ones; these stay as they are.

        Raises
        ------
        ValueError
            If the class does not exist, or was merged or deleted, or the colour is not ``#rrggbb``.
        """
        return self._changed(label, colour=colour)

    def as_background(self, label: int, on: bool = True) -> "Classes":
        """Make a class background, or a structure again.

        Parameters
        ----------
        label : int
        on : bool
            Whether it is background.

        Returns
        -------
        Classes
            New ones; these stay as they are.

        Raises
        ------
        ValueError
            If the class does not exist, or was merged or deleted.
        """
        return self._changed(label, background=on)

    def reordered(self, order: Iterable[int]) -> "Classes":
        """List the classes in another order; their numbers stay.

        Parameters
        ----------
        order : iterable of int
            Labels that are not gone, each once.

        Returns
        -------
        Classes

        Raises
        ------
        ValueError
            If a label is missing, gone or there twice.
        """
        return replace(self, order=tuple(order))

    def added(self, name: str | None = None, colour: str | None = None) -> tuple["Classes", int]:
        """Return the classes with a new one, and its label: the next number.

        Without a name it is ``class N``; without a colour it gets one that no class has or had.

        Parameters
        ----------
        name : str or None
            Blanks around it are removed.
        colour : str or None
            ``#rrggbb``.

        Returns
        -------
        classes : Classes
            New ones; these stay as they are.
        label : int
            Label of the new class.

        Raises
        ------
        ValueError
            If there are 255 labels already, or the name is empty or taken, or the colour is not ``#rrggbb``.
        """
        label = self.n + 1
        if label > MOST:
            raise ValueError(f"there can be {MOST} classes in all, those that were merged or deleted counted")
        name = self.free_name(f"class {label}") if name is None else name.strip()
        if colour is None:
            had = {one.colour.lower() for one in self.entries}
            colour = next(one for one in class_colours(label) if one not in had)
        return self._with_entries([SurfaceClass(name, colour)]), label

    def with_labels(self, most: int) -> "Classes":
        """Return the classes with new ones, so that every label up to ``most`` has an entry.

        Parameters
        ----------
        most : int
            0 to 255.

        Returns
        -------
        Classes
            The same object where there are enough.

        Raises
        ------
        ValueError
            If there would be too many classes.
        """
        classes = self
        while classes.n < most:
            classes, _ = classes.added()
        return classes

    def with_labels_of(self, other: "Classes", most: int) -> "Classes":
        """Return the classes with further ones of another model, so that every label up to ``most`` has one.

        Labels that the other does not have either get new classes.

        Parameters
        ----------
        other : Classes
            A class of a name that is taken gets a number behind it.
        most : int

        Returns
        -------
        Classes
            The same object where there are enough.

        Raises
        ------
        ValueError
            If there would be too many classes.
        """
        if self.n >= most:
            return self
        taken, entries = set(self._names_there), []
        for one in other.entries[self.n :]:
            name = files.free_name(one.name, taken.__contains__, " ")
            taken.add(name)
            entries.append(replace(one, name=name))
        return self._with_entries(entries).with_labels(most)

    def with_clusters(self, of_cluster: Iterable[int]) -> "Classes":
        """Return the classes for other clusters: the label of each, 0 for none.

        Parameters
        ----------
        of_cluster : iterable of int

        Returns
        -------
        Classes

        Raises
        ------
        ValueError
            If a label is below 0 or above ``n``.
        """
        return replace(self, of_cluster=tuple(int(label) for label in of_cluster))

    def free_name(self, name: str) -> str:
        """Return a name, with a number behind it if it is taken.

        Parameters
        ----------
        name : str
            Name to begin with.

        Returns
        -------
        str
            Name that no class has that is not gone.

        Examples
        --------
        >>> Classes.plain(("rows", "holes")).free_name("rows")
        'rows 2'
        """
        return files.free_name(name, self._names_there.__contains__, " ")

    def as_dicts(self) -> dict[str, Any]:
        """Return everything as JSON knows it.

        Returns
        -------
        dict of str to Any
            ``classes``, a list of one dict for each label, and the lists ``of_cluster`` and ``order``.
        """
        entries = [asdict(one) for one in self.entries]
        return {"classes": entries, "of_cluster": list(self.of_cluster), "order": list(self.order)}

    @classmethod
    def of_dicts(cls, about: dict[str, Any]) -> "Classes":
        """Read what ``as_dicts`` wrote; older models have a name and a colour for each cluster.

        Parameters
        ----------
        about : dict of str to Any
            ``classes``, and ``of_cluster`` and ``order``, which older models lack.

        Returns
        -------
        Classes

        Raises
        ------
        ValueError
            If the parts do not fit each other.
        """
        entries = tuple(
            SurfaceClass(
                **{key: kind(one[key]) for key, kind in _KINDS.items() if key in {"name", "colour", *one}}
            )
            for one in about["classes"]
        )
        plain = range(1, len(entries) + 1)
        labels = (tuple(int(label) for label in about.get(key, plain)) for key in ("of_cluster", "order"))
        return cls(entries, *labels)

    @property
    def _names_there(self) -> set[str]:
        """Names of the classes that are not gone."""
        return {self.entries[label - 1].name for label in self.order}

    def _with_entries(self, new: Sequence[SurfaceClass]) -> "Classes":
        """Return the classes with further entries."""
        order = (*self.order, *(label for label, one in enumerate(new, self.n + 1) if not one.gone))
        return replace(self, entries=(*self.entries, *new), order=order)

    def _end(self, label: int) -> int:
        """Follow merges to the label as shown, 0 where the way ends at a deleted class."""
        passed = {label}
        while label and (one := self.entries[label - 1]).gone:
            label = one.into
            if label in passed:
                raise ValueError(f"classes {sorted(passed)} are merged into each other")
            passed.add(label)
        return label

    def _now(self) -> list[SurfaceClass]:
        """Return what each label is now; a deleted class is what it was."""
        ends = [self._end(label) for label in range(1, self.n + 1)]
        return [self.entries[end - 1] if end else one for one, end in zip(self.entries, ends, strict=True)]

    def _there(self, label: int) -> SurfaceClass:
        """Return the class of a label that must not be gone."""
        if label not in self.order:
            why = (
                "was merged or deleted" if 1 <= label <= self.n else f"does not exist: they are 1 to {self.n}"
            )
            raise ValueError(f"class {label} {why}")
        return self.entries[label - 1]

    def _changed(self, label: int, **known: Any) -> "Classes":
        entries = list(self.entries)
        entries[label - 1] = replace(self._there(label), **known)
        return replace(self, entries=tuple(entries))

    def _without(self, labels: set[int], into: int) -> "Classes":
        entries = list(self.entries)
        for label in labels:
            entries[label - 1] = replace(self._there(label), gone=True, into=into)
        order = tuple(label for label in self.order if label not in labels)
        return replace(self, entries=tuple(entries), order=order)
