"""A recipe: every parameter of preparing, training and clustering, under the seed's names."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from napari_stmml.heights.prepare import Preprocessing
from napari_stmml.heights.windows import WindowGrid
from napari_stmml.parameters import PARAMETERS

LEAST = 16  # px a side of the smallest map that has features of cells
CELL = 2  # px a side of what gets one label, where features are of every place
DENSE_PITCHES = (1, 2, 4, 8)


def _parameter(name: str) -> Any:
    """Make a field of a parameter, with all that ``parameters.py`` says of it."""
    known = PARAMETERS[name]
    about = {"unit": known.unit, "help": known.help, "least": known.least, "most": known.most}
    return field(default=known.default, metadata={**about, "choices": known.choices})


@dataclass(frozen=True)
class Recipe:
    """How scans become clusters. Names and defaults are those of SRSML24; see ``docs/recipes.md``.

    Raises
    ------
    ValueError
        If a parameter is out of its bounds, naming it, its value and the bound.
    """

    name: str = "srsml24"
    flatten_method: str = _parameter("flatten_method")
    resample: bool = _parameter("resample")
    pixel_density: float = _parameter("pixel_density")
    pixel_limit: int = _parameter("pixel_limit")
    normalisation: str = _parameter("normalisation")
    data_scaling: float = _parameter("data_scaling")
    window_size: int = _parameter("window_size")
    window_pitch: int = _parameter("window_pitch")
    batch_size: int = _parameter("batch_size")
    buffer_size: int = _parameter("buffer_size")
    learning_rate: float = _parameter("learning_rate")
    epochs: int = _parameter("epochs")
    num_clusters: int = _parameter("num_clusters")
    cluster_batch_size: int = _parameter("cluster_batch_size")
    cluster_buffer_size: int = _parameter("cluster_buffer_size")
    n_init: int = _parameter("n_init")
    max_iter: int = _parameter("max_iter")
    reassignment_ratio: float = _parameter("reassignment_ratio")
    predict_window_pitch: int = _parameter("predict_window_pitch")
    features: str = _parameter("features")
    both_biases: bool = _parameter("both_biases")
    sampled_windows: int = _parameter("sampled_windows")

    def __post_init__(self) -> None:
        for parameter in fields(self):
            if parameter.name != "name":
                value = PARAMETERS[parameter.name].check(getattr(self, parameter.name))
                object.__setattr__(self, parameter.name, value)
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
        if self.both_biases and self.of_windows:
            raise ValueError(f"both_biases needs features 'filters' or 'learned', got {self.features!r}")

    @property
    def of_windows(self) -> bool:
        """Whether its features are of windows, through the seed's network, and not of every place."""
        return self.features in ("windows", "dense windows")

    @property
    def trains(self) -> bool:
        """Whether there is a network to train before anything can be clustered."""
        return self.features != "filters"

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to heights before windows are cut."""
        return Preprocessing(
            self.flatten_method,
            self.pixel_density if self.resample else None,
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
        """Windows that prediction labels, or the cells, where features are of every place."""
        if not self.of_windows:
            return WindowGrid(CELL, CELL)
        return WindowGrid(self.window_size, self.predict_window_pitch)

    def as_dict(self) -> dict[str, Any]:
        """Return every parameter by name, as JSON knows it."""
        return asdict(self)

    @classmethod
    def among(cls, values: dict[str, Any]) -> "Recipe":
        """Take the parameters of a recipe from among those of a job."""
        known = {parameter.name: values[parameter.name] for parameter in fields(cls)[1:]}
        return cls(name=values["recipe"], **known)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Make a recipe from what ``as_dict`` returned; an unknown name is refused."""
        unknown = set(values) - {parameter.name for parameter in fields(cls)}
        if unknown:
            raise ValueError(f"unknown recipe parameter: {', '.join(sorted(unknown))}")
        return cls(**values)


_INSTANT: dict[str, Any] = {
    "features": "filters",
    "flatten_method": "poly_xy + median_of_differences + poly_xy_2",
    "normalisation": "nm",
}
RECIPES = {
    recipe.name: recipe
    for recipe in (
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
DEFAULT = "learned"
STORIES = {
    "instant": "filters of several sizes on heights without their lattice; nothing to train",
    "instant-both": "as instant, with forward and backward of a frame as two views of one place",
    "learned": "a small network that learns types of structure, pasted into your scans, in a minute",
    "srsml24": "the method of SRSML24, as it is: a U-Net on windows",
    "srsml24-dense": "the same network, once over the whole map instead of window by window",
}


def get_recipe(recipe: "str | Recipe", **changes: Any) -> Recipe:
    """Look a recipe up by name and change some of its parameters; None leaves one as it is.

    >>> get_recipe("srsml24", epochs=2).epochs
    2

    Raises
    ------
    ValueError
        If there is no recipe of that name, or a parameter is out of bounds.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise ValueError(f"there is no recipe {recipe!r}; there is {', '.join(RECIPES)}")
        recipe = RECIPES[recipe]
    return replace(recipe, **{name: value for name, value in changes.items() if value is not None})
