"""Every parameter once: name, default, unit, bounds, help; files, forms, checks and pages read it here."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MOST = 2**31 - 1
RECIPE_NAMES = ("srsml24", "srsml24-dense", "instant", "instant-both", "learned")
FEATURES = ("windows", "dense windows", "filters", "learned")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a job: what it is called, what it means, and which values are possible.

    Parameters
    ----------
    name : str
        The seed's name (S. R. Schofield, *SRSML24*, Parameter Summary), or ours where ``seed`` is False.
    default : bool, int, float, str or tuple of str
        Its type is the parameter's type.
    unit, help : str
        Unit of the value, and one line that says what it does.
    group : str
        Heading that it stands under.
    least, most : float or None
        Bounds of a number, both possible.
    choices : tuple of str
        The values that a text may have; any, if there are none.
    seed : bool
        Whether the seed's Parameter Summary or code names it.
    """

    name: str
    default: Any
    unit: str
    help: str
    group: str
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    seed: bool = True

    @property
    def kind(self) -> str:
        """What a value is, in words."""
        if isinstance(self.default, tuple):
            return "list of texts"
        return {bool: "true or false", int: "whole number", float: "number", str: "text"}[type(self.default)]

    def check(self, value: Any) -> Any:
        """Return the value in the parameter's own type.

        Raises
        ------
        ValueError
            If it has another type, is out of bounds or none of the choices; the message says which are.
        """
        if isinstance(self.default, tuple):
            if isinstance(value, str):
                value = [value]
            if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
                raise ValueError(f"{self.name} must be a {self.kind}, got {value!r}")
            return tuple(value)
        wanted: Any = (int, float) if isinstance(self.default, float) else type(self.default)
        if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(self.default, bool)):
            raise ValueError(f"{self.name} must be a {self.kind}, got {value!r}")
        if isinstance(self.default, float):
            try:
                value = float(value)
            except OverflowError as error:  # a whole number of hundreds of digits
                raise ValueError(f"{self.name} is beyond all bounds") from error
        if self.least is not None and self.most is not None and not self.least <= value <= self.most:
            raise ValueError(f"{self.name} must be {self.least:g} to {self.most:g}, got {value}")
        if self.choices and value not in self.choices:
            near = nearest(str(value), self.choices)
            raise ValueError(
                f"{self.name} must be one of {', '.join(self.choices)}, got {value!r}; did you mean {near!r}?"
            )
        return value

    @property
    def described(self) -> str:
        """The help with unit and bounds, as a tooltip and a comment in a file say it."""
        bounds = "" if self.least is None else f"; {self.least:g} to {self.most:g}"
        choices = f"; one of {', '.join(self.choices)}" if self.choices else ""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.help}{unit}{bounds}{choices}"


def _table() -> Iterable[Parameter]:
    def of(group: str, *rows: tuple[Any, ...]) -> Iterable[Parameter]:
        for name, default, unit, help_, *more in rows:
            yield Parameter(name, default, unit, help_, group, **(more[0] if more else {}))

    ours = {"seed": False}
    yield from of(
        "General",
        ("job_name", "stmml-job", "", "label of the run; its files go to a folder of this name"),
        ("verbose", False, "", "say more while working: a line for every scan"),
        ("random_seed", 0, "", "the same seed gives the same labels", {"least": 0, "most": MOST, **ours}),
    )
    yield from of(
        "Scans",
        ("train_path", (".",), "", "files, sessions and folders to train on, beside this file", ours),
        ("test_path", (), "", "to validate on; none: a tenth of each training scan is held out", ours),
        ("predict_path", (), "", "to label; none: all of the above", ours),
        ("out_folder", ".", "", "where the folder of the job goes, beside this file", ours),
        ("include", (), "", "names of scans that are kept although a limit would leave them out", ours),
        (
            *("mtrx_train_data_limit", 0, "files", "most files to train on; 0: all"),
            {"least": 0, "most": MOST},
        ),
        (
            *("mtrx_test_data_limit", 0, "files", "most files to validate on; 0: all"),
            {"least": 0, "most": MOST},
        ),
    )
    yield from of(
        "Recipe",
        (
            *(
                "recipe",
                "srsml24",
                "",
                "where parameters that are left out come from: docs/recipes.md",
            ),
            {"choices": RECIPE_NAMES, **ours},
        ),
        (
            *("features", "windows", "", "what clusters are made of: see docs/recipes.md"),
            {"choices": FEATURES, **ours},
        ),
    )
    yield from of(
        "MATRIX data file processing",
        ("both_biases", False, "", "take forward and backward of a frame as two views of one place", ours),
        ("flatten_method", "poly_xy", "", "how tilt is taken out; several joined by + are done in order"),
        ("resample", True, "", "bring every scan to pixel_density; false: keep its own pixels"),
        (
            *(
                "pixel_density",
                15.0,
                "px/nm",
                "every scan is resampled to it; below 0: times its own density",
            ),
            {"least": -16, "most": 1000},
        ),
        (
            *("pixel_limit", 20_000, "px", "a scan that would be larger than this a side is left out"),
            {"least": 8, "most": 200_000},
        ),
        (
            *(
                "pixel_ratio",
                0.7,
                "",
                "least share of the frame's lines that were scanned; 1: complete scans",
            ),
            {"least": 0, "most": 1},
        ),
        (
            *("normalisation", "image", "", "what 0 to 1 is: see docs/recipes.md"),
            {"choices": ("image", "fixed", "robust", "nm"), **ours},
        ),
        (
            *("data_scaling", 1e9, "1/m", "scale of normalisation 'fixed': 1e9 means that 0 to 1 is 1 nm"),
            {"least": 1e6, "most": 1e13},
        ),
    )
    yield from of(
        "Window generation",
        ("window_size", 32, "px", "side of a window; a multiple of 8", {"least": 8, "most": 512}),
        ("window_pitch", 8, "px", "step between windows in training", {"least": 1, "most": 512}),
    )
    yield from of(
        "Data saving",
        ("save_windows", True, "", "write the windows as .npy files, for use elsewhere"),
        ("together", True, "", "windows of a scan in one file; false: one file a window"),
        ("save_jpg", False, "", "write a picture of every scan, with its settings in a footer"),
        ("collate", False, "", "all files of a kind in one folder; false: keep the tree of folders"),
        ("save_window_jpgs", False, "", "write a picture of every window"),
        ("save_meta", True, "", "write settings as text beside windows and pictures"),
        ("cmap", "stm", "", "colours of pictures: stm, or a name that matplotlib knows"),
    )
    yield from of(
        "Autoencoder",
        ("model_name", "autoencoder", "", "name of the trained network's files"),
        ("batch_size", 128, "windows", "windows per training step", {"least": 1, "most": 8192}),
        (
            *("buffer_size", 12_800, "windows", "windows that are shuffled together"),
            {"least": 1, "most": 10_000_000},
        ),
        ("learning_rate", 1e-4, "", "step of the RMSprop optimiser", {"least": 1e-8, "most": 1}),
        ("epochs", 5, "", "how often training sees every window", {"least": 1, "most": 100_000}),
        (
            *("sampled_windows", 0, "windows", "windows that an epoch draws from all scans; 0: every window"),
            {"least": 0, "most": MOST, **ours},
        ),
        (
            *("train_data_limit", 0, "windows", "most windows to train on; 0: all"),
            {"least": 0, "most": MOST},
        ),
        (
            *("test_data_limit", 0, "windows", "most windows to validate on; 0: all"),
            {"least": 0, "most": MOST},
        ),
    )
    yield from of(
        "Clustering",
        ("cluster_model_name", "clusters", "", "name of the finished model's files"),
        (
            *("cluster_batch_size", 5120, "windows", "windows per step of k-means"),
            {"least": 2, "most": 1_000_000},
        ),
        (
            *("cluster_buffer_size", 25_600, "windows", "windows that are shuffled together for k-means"),
            {"least": 1, "most": 10_000_000},
        ),
        ("num_clusters", 20, "", "number of clusters", {"least": 2, "most": 1000}),
        ("n_init", 1, "", "starts of the k-means that warms up the clustering", {"least": 1, "most": 1000}),
        ("max_iter", 300, "", "most rounds of each such start", {"least": 1, "most": 10_000_000}),
        (
            *("reassignment_ratio", 0.01, "", "share of small clusters that k-means may move"),
            {"least": 0, "most": 1},
        ),
        (
            *("save_latent", True, "", "write the features as .npy files, 16 kB a window of 32 px"),
            ours,
        ),
    )
    yield from of(
        "Image prediction",
        (
            *("predict_window_pitch", 2, "px", "step between windows in prediction: size of a label's tile"),
            {"least": 1, "most": 512},
        ),
        (
            *("overlay_alpha", 0.45, "", "opacity of the classes in the overlay"),
            {"least": 0, "most": 1, **ours},
        ),
    )


PARAMETERS = {parameter.name: parameter for parameter in _table()}
BESIDES = ("resample", "pixel_limit", "save_meta", "cmap")  # of the seed's code, not of its page


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like ``name``.

    >>> nearest("windowsize", PARAMETERS)
    'window_size'
    """
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0)[0]


def check(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with every name and type checked.

    Raises
    ------
    ValueError
        If a name is not known, naming the nearest that is, or a value is impossible.

    Examples
    --------
    >>> check({"epochs": 3})
    {'epochs': 3}
    """
    for name in values:
        if name not in PARAMETERS:
            raise ValueError(f"there is no parameter {name!r}; did you mean {nearest(name, PARAMETERS)!r}?")
    return {name: PARAMETERS[name].check(value) for name, value in values.items()}
