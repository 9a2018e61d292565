"""A recipe: every parameter of preparing, training and clustering, under the seed's names."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from napari_stmml.flattening import parse_chain
from napari_stmml.preprocess import Preprocessing
from napari_stmml.windows import WindowGrid


def _parameter(default: Any, unit: str, help_: str, least: float = 0, most: float = 0) -> Any:
    """Declare a parameter once: widgets, command line and checks all read what stands here."""
    return field(default=default, metadata={"unit": unit, "help": help_, "least": least, "most": most})


@dataclass(frozen=True)
class Recipe:
    """How scans become clusters. Names and defaults are those of SRSML24; see ``docs/recipes.md``.

    Raises
    ------
    ValueError
        If a parameter is out of its bounds, naming it, its value and the bound.
    """

    name: str = "srsml24"
    flatten_method: str = _parameter("poly_xy", "", "how tilt is taken out before all else")
    pixel_density: float = _parameter(15.0, "px/nm", "every scan is resampled to this density", 0.01, 1000)
    window_size: int = _parameter(32, "px", "side of a window; a multiple of 8", 8, 512)
    window_pitch: int = _parameter(8, "px", "step between windows in training", 1, 512)
    batch_size: int = _parameter(128, "windows", "windows per training step", 1, 8192)
    learning_rate: float = _parameter(1e-4, "", "step of the RMSprop optimiser", 1e-8, 1)
    epochs: int = _parameter(5, "", "how often training sees every window", 1, 100_000)
    num_clusters: int = _parameter(20, "", "number of clusters", 2, 1000)
    cluster_batch_size: int = _parameter(5120, "windows", "windows per step of k-means", 2, 1_000_000)
    n_init: int = _parameter(1, "", "starts of the k-means that warms up the clustering", 1, 1000)
    max_iter: int = _parameter(300, "", "most rounds of each such start", 1, 10_000_000)
    reassignment_ratio: float = _parameter(0.01, "", "share of small clusters that k-means may move", 0, 1)
    predict_window_pitch: int = _parameter(
        2, "px", "step between windows in prediction: size of a label's tile", 1, 512
    )

    def __post_init__(self) -> None:
        for parameter in fields(self):
            least, most = parameter.metadata.get("least", 0), parameter.metadata.get("most", 0)
            value = getattr(self, parameter.name)
            if most and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise ValueError(f"{parameter.name} must be a number, got {value!r}")
            if most and isinstance(parameter.default, int) and not isinstance(value, int):
                raise ValueError(f"{parameter.name} must be a whole number, got {value!r}")
            if most and not least <= value <= most:
                raise ValueError(f"{parameter.name} must be {least:g} to {most:g}, got {value}")
        parse_chain(self.flatten_method)
        if self.window_size % 8:
            raise ValueError(
                f"window_size must be a multiple of 8 px (three poolings), got {self.window_size}"
            )
        for name in ("window_pitch", "predict_window_pitch"):
            if getattr(self, name) > self.window_size:
                most = f"the window_size, {self.window_size} px"
                raise ValueError(f"{name} must be at most {most}, got {getattr(self, name)}")

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to heights before windows are cut."""
        return Preprocessing(self.flatten_method, self.pixel_density)

    @property
    def training_grid(self) -> WindowGrid:
        """Windows that training sees."""
        return WindowGrid(self.window_size, self.window_pitch)

    @property
    def prediction_grid(self) -> WindowGrid:
        """Windows that prediction labels."""
        return WindowGrid(self.window_size, self.predict_window_pitch)

    def as_dict(self) -> dict[str, Any]:
        """Return every parameter by name, as JSON knows it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Make a recipe from what ``as_dict`` returned; an unknown name is refused."""
        unknown = set(values) - {parameter.name for parameter in fields(cls)}
        if unknown:
            raise ValueError(f"unknown recipe parameter: {', '.join(sorted(unknown))}")
        return cls(**values)


RECIPES = {"srsml24": Recipe()}


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
