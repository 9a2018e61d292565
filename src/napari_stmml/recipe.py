"""A recipe: every parameter of preparing, training and clustering, and the recipes that come with us."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from statistics import median
from typing import Any

from napari_stmml.heights.flatten import parse_chain
from napari_stmml.heights.prepare import NORMALISATIONS, Preprocessing
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.parameter_type import MOST, parameter, parameters_of
from napari_stmml.scan import Scan
from napari_stmml.text import quoted, shortened

_MOST_DENSITY, _LEAST_DENSITY = 15.0, 0.01  # px/nm of Recipe.at_density_of; finer shows no more
LEAST = 16  # px a side of the smallest map that has features of cells
CELL = 2  # px a side of what gets one label, where features are of cells
DENSE_PITCHES = (1, 2, 4, 8)
FEATURES = {
    "windows": "bottleneck of the U-Net of SRSML24, window by window",
    "dense windows": "the same network, once over the whole map",
    "filters": "filters of several sizes, for every cell",
    "objects": "the shape of its object, or filters where there is none, for every cell",
    "learned": "a small network that learns types of structure, for every cell",
}
_WINDOWS = ("windows", "dense windows")
_NETWORKS = (*_WINDOWS, "learned")
_IDENTITY: dict[str, Any] = {"used_by": (), "srsml24": False}  # of what only choosing a recipe sets
_prepare = partial(parameter, group="MATRIX data file processing", steps=("process",))
_cut = partial(parameter, group="Window generation", steps=("process",), used_by=_WINDOWS, unit="px")
_train = partial(parameter, group="Autoencoder", steps=("train",), used_by=_NETWORKS)
_of_windows = partial(_train, used_by=_WINDOWS, unit="windows")
_learned = partial(_train, used_by=("learned",), srsml24=False)
_cluster = partial(parameter, group="Clustering", steps=("cluster",), used_by=_WINDOWS)
_kmeans = partial(_cluster, steps=("encode",), unit="windows")
_predict = partial(_cut, group="Image prediction", steps=("predict",))


@dataclass(frozen=True)
class Recipe:
    """How scans become clusters. Names and defaults are those of SRSML24; see ``docs/recipes.md``.

    Raises
    ------
    ValueError
        If a parameter is out of its bounds, naming it, its value and the bound.
    """

    name: str = "srsml24"
    features: str = _train("windows", "what is clustered", choices=FEATURES, group="Recipe", **_IDENTITY)
    flatten_method: str = _prepare(
        "poly_xy", "how tilt and jumps of rows are removed; methods joined by +, in order"
    )
    resample: bool = _prepare(True, "bring every scan to pixel_density; false: keep its own pixels")
    pixel_density: float = _prepare(
        15.0,
        "density after resampling; 0: that of the scans to train on, 15 at most; below 0: so many times that"
        " of each scan",
        -16,
        1000,
        unit="px/nm",
    )
    pixel_limit: int = _prepare(
        20_000, "scans with a longer side after resampling are left out", 8, 200_000, unit="px"
    )
    normalisation: str = _prepare(
        "image", "which heights become 0 and 1", choices=NORMALISATIONS, used_by=_WINDOWS, srsml24=False
    )
    data_scaling: float = _prepare(
        1e9, "scale of normalisation 'fixed'; 1e9: 0 to 1 is 1 nm", 1e6, 1e13, unit="1/m", used_by=_WINDOWS
    )
    both_biases: bool = _prepare(False, "take forward and backward as two views of one surface", **_IDENTITY)
    mixed_channels: bool = _prepare(
        False,
        "train on maps of several channels, such as Z and I, as if they were one",
        steps=(),
        srsml24=False,
    )
    window_size: int = _cut(32, "side of a window; a multiple of 8", 8, 512)
    window_pitch: int = _cut(8, "step between windows in training", 1, 512)
    epochs: int = _train(5, "how often training sees every window", 1, 100_000)
    batch_size: int = _train(128, "windows per training step", 1, 8192, unit="windows")
    buffer_size: int = _of_windows(12_800, "windows that are shuffled together", 1, 10_000_000)
    learning_rate: float = _train(1e-4, "step of the optimiser", 1e-8, 1)
    sampled_windows: int = _learned(
        0, "pieces of scans that an epoch draws; 0: 600", 0, MOST, title="Pieces per epoch"
    )
    num_clusters: int = _cluster(
        20,
        "number of clusters; 0, with features 'objects' alone: as many as the data have",
        0,
        1000,
        title="Clusters (0: from data)",
        used_by=None,
    )
    cluster_batch_size: int = _kmeans(5120, "windows per step of k-means", 2, 1_000_000)
    cluster_buffer_size: int = _kmeans(25_600, "windows that are shuffled for k-means", 1, 10_000_000)
    n_init: int = _cluster(
        1, "starts of k-means on the first batch; the best one counts", 1, 1000, title="Restarts of k-means"
    )
    max_iter: int = _cluster(300, "most iterations of a start", 1, 10_000_000, title="Iterations of k-means")
    reassignment_ratio: float = _cluster(
        0.01, "clusters smaller than this share of the largest may be moved by k-means", 0, 1
    )
    predict_window_pitch: int = _predict(
        2, "step between windows in prediction: side of one label", 1, 512, title="Pitch of labels"
    )

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ValueError(f"the name of a recipe must be a text, got {quoted(self.name)}")
        for name, known in parameters_of(Recipe).items():
            object.__setattr__(self, name, known.check(getattr(self, name)))
        self._check_number()
        self.preprocessing  # noqa: B018 - which checks what only preparing can
        if self.window_size % 8:
            raise ValueError(
                f"window_size must be a multiple of 8 px (three poolings), got {self.window_size}"
            )
        for name in ("window_pitch", "predict_window_pitch"):
            if getattr(self, name) > self.window_size:
                most = f"the window_size, {self.window_size} px"
                raise ValueError(f"{name} must be at most {most}, got {getattr(self, name)}")
        if self.features == "dense windows" and self.predict_window_pitch not in DENSE_PITCHES:
            raise ValueError(
                f"predict_window_pitch must be 1, 2, 4 or 8 px with features 'dense windows', got"
                f" {self.predict_window_pitch}"
            )
        if self.both_biases and (self.of_windows or self.features == "objects"):
            raise ValueError(f"both_biases needs features 'filters' or 'learned', got {self.features!r}")

    def _check_number(self) -> None:
        if self.num_clusters < 2 and (self.num_clusters == 1 or self.features != "objects"):
            by_data = "; 0 takes as many as the data have" if self.features == "objects" else ""
            raise ValueError(f"num_clusters must be 2 to 1000, got {self.num_clusters}{by_data}")

    @property
    def of_windows(self) -> bool:
        """Whether its features are of windows, made by the network of SRSML24, and not of cells."""
        return self.features in _WINDOWS

    @property
    def trains(self) -> bool:
        """Whether there is a network to train before anything can be clustered."""
        return self.features in _NETWORKS

    @property
    def used(self) -> set[str]:
        """Names of the parameters that change anything in it, apart from those that make it this recipe."""
        known = parameters_of(Recipe).values()
        return {one.name for one in known if one.used_by is None or self.features in one.used_by}

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the parameters by which it is no longer the recipe of its name.

        Those that change nothing in it do not count, nor does the number of clusters, asked for anyway, nor
        the pixel density where that is the scans' own.
        """
        named, known = RECIPES.get(self.name, self), parameters_of(Recipe)
        free = {"num_clusters"} if named.pixel_density else {"num_clusters", "pixel_density", "resample"}
        counts = (name for name, one in known.items() if not one.used_by or self.features in one.used_by)
        return tuple(
            name for name in counts if name not in free and _meaning(name, self) != _meaning(name, named)
        )

    @property
    def title(self) -> str:
        """What it is called wherever a person reads it: its name, and which parameters are not as that says.

        >>> Recipe().title, Recipe(epochs=2, num_clusters=8).title
        ('srsml24', 'srsml24 (changed: epochs)')
        """
        name = shortened(self.name)  # that of a model file may be any text
        return f"{name} (changed: {', '.join(self.changed)})" if self.changed else name

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to heights before windows are cut."""
        return Preprocessing(
            self.flatten_method,
            (self.pixel_density or None) if self.resample else None,
            pixel_limit=self.pixel_limit,
            normalisation=self.normalisation,
            data_scaling=self.data_scaling,
            both_biases=self.both_biases,
        )

    @property
    def least_px(self) -> int:
        """Side in px of the smallest prepared map that can be encoded, windows apart."""
        return 0 if self.of_windows else LEAST

    @property
    def training_grid(self) -> WindowGrid:
        """Windows that training sees."""
        return WindowGrid(self.window_size, self.window_pitch)

    @property
    def prediction_grid(self) -> WindowGrid:
        """Windows that prediction labels, or the cells, where features are of cells."""
        if not self.of_windows:
            return WindowGrid(CELL, CELL)
        return WindowGrid(self.window_size, self.predict_window_pitch)

    @property
    def takes_own_density(self) -> bool:
        """Whether it is to have the pixel density of the scans to train on, which it does not know yet."""
        return self.resample and not self.pixel_density

    def at_density_of(self, pixel_sizes: Iterable[tuple[float, float] | None]) -> "Recipe":
        """Return the recipe at the median density of scans, in px/nm, 15 at most, if it names none itself.

        Parameters
        ----------
        pixel_sizes : iterable of (float, float) or None
            Of each scan, in nm; None does not count. Without any that is known, scans keep their own pixels.

        Returns
        -------
        Recipe
        """
        if not self.takes_own_density:
            return self
        own = [(size[0] * size[1]) ** -0.5 for size in pixel_sizes if size is not None]
        density = round(min(_MOST_DENSITY, median(own)), 4) if own else 0.0
        known = density >= _LEAST_DENSITY
        return replace(self, pixel_density=density) if known else replace(self, resample=False)

    def as_dict(self) -> dict[str, Any]:
        """Return every parameter by name, as JSON knows it.

        Returns
        -------
        dict of str to anything JSON knows
        """
        return asdict(self)

    @classmethod
    def among(cls, values: dict[str, Any]) -> "Recipe":
        """Take the parameters of a recipe from among those of a job.

        Parameters
        ----------
        values : dict of str to anything
            Every parameter of a recipe by name, and its name as ``recipe``; others are left out.

        Returns
        -------
        Recipe
        """
        return cls(name=values["recipe"], **{name: values[name] for name in parameters_of(cls)})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Make a recipe from what ``as_dict`` returned; an unknown name is refused.

        Parameters
        ----------
        values : dict of str to anything
            Those that are missing are as in ``srsml24``.

        Returns
        -------
        Recipe

        Raises
        ------
        ValueError
            If a name is unknown, or a value is out of its bounds.
        """
        unknown = set(values) - {parameter.name for parameter in fields(cls)}
        if unknown:
            raise ValueError(f"unknown recipe parameter: {shortened(', '.join(sorted(unknown)))}")
        return cls(**values)


def _meaning(name: str, recipe: Recipe) -> Any:
    """Return the value of a parameter; of a chain, its methods, however it is written."""
    value = getattr(recipe, name)
    return parse_chain(value) if name == "flatten_method" else value


_INSTANT: dict[str, Any] = {
    "features": "filters",
    "flatten_method": "poly_xy + median_of_differences + poly_xy_2",
    "pixel_density": 0.0,
    "normalisation": "nm",
}
RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="objects", **_INSTANT | {"features": "objects"}, num_clusters=0),
        Recipe(name="instant", **_INSTANT),
        Recipe(name="instant-both", both_biases=True, **_INSTANT),
        Recipe(
            name="learned",
            **_INSTANT | {"features": "learned"},
            sampled_windows=600,
            batch_size=8,
            epochs=6,
            learning_rate=4e-3,
        ),
        Recipe(),
        Recipe(name="srsml24-dense", features="dense windows"),
    )
}
DEFAULT = "objects"
STORIES = {
    "objects": "objects by their whole shape, the surface between them by filters; nothing to train",
    "instant": "filters of several sizes on heights without their lattice; nothing to train",
    "instant-both": "as instant, with forward and backward of a frame as two views of the same surface",
    "learned": "a small network that learns types of structure, pasted into your scans, in a minute",
    "srsml24": "the method of SRSML24, a U-Net on windows, as its document describes it",
    "srsml24-dense": "the same network, once over the whole map instead of window by window",
}


def get_recipe(recipe: "str | Recipe", **changes: Any) -> Recipe:
    """Look a recipe up by name and change some of its parameters; None leaves one as it is.

    >>> get_recipe("srsml24", epochs=2).epochs
    2

    Parameters
    ----------
    recipe : str or Recipe
        A name in ``RECIPES``, or the recipe to change.
    **changes
        New values of parameters, by name.

    Returns
    -------
    Recipe

    Raises
    ------
    ValueError
        If there is no recipe of that name, or a parameter is out of bounds.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise ValueError(f"there is no recipe {quoted(recipe)}; there is {', '.join(RECIPES)}")
        recipe = RECIPES[recipe]
    return replace(recipe, **{name: value for name, value in changes.items() if value is not None})


def at_once_recipe(scans: Sequence[Scan], n_clusters: int, both_biases: bool = False) -> Recipe:
    """Return the recipe to cluster these scans at once, at a pixel density that suits most of them.

    >>> import numpy as np
    >>> at_once_recipe([Scan(np.zeros((9, 9)), (0.2, 0.2))], 8).pixel_density
    5.0

    Parameters
    ----------
    scans : sequence of Scan
        Those without a pixel size do not count; without any that has one, scans keep their own pixels.
    n_clusters : int
        0: as many as the data have; with both biases, those of the recipe.
    both_biases : bool
        Take forward and backward as two views of one surface.

    Returns
    -------
    Recipe
        ``objects`` or ``instant-both``, with that number of clusters and the median density of the scans in
        px/nm, 15 at most.
    """
    name = "instant-both" if both_biases else DEFAULT
    recipe = get_recipe(name, num_clusters=None if both_biases and not n_clusters else n_clusters)
    return recipe.at_density_of(scan.pixel_size for scan in scans)
