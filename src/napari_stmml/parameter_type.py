"""What a parameter is: name, default, unit, bounds, choices and help, declared once and checked here."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from napari_stmml.text import quoted

_COMPARED = 80  # letters of a name that is looked for
MOST = 2**31 - 1  # stands for "no upper bound"
GROUPS = (
    "General",
    "Scans",
    "Recipe",
    "MATRIX data file processing",
    "Window generation",
    "Data saving",
    "Autoencoder",
    "Clustering",
    "Image prediction",
    "Measuring",
    "Structures",
    "Cluster",
    "Figure",
)
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list of texts",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter: what it is called, what it means, and which values are possible.

    Parameters
    ----------
    name : str
        As in files and on the command line.
    default : bool, int, float, str or tuple of str
        Its type is the parameter's type.
    help : str
        One line that says what it does.
    group : str
        One of ``GROUPS``: the heading that it stands under.
    unit : str
        Unit of the value.
    bounds : tuple of float or None
        Smallest and largest number, both possible; ``MOST`` stands for no upper bound.
    choices : mapping
        The values that a text may have, and what each means; any text, if it is empty.
    title : str
        Its name in a form; made of ``name`` if it is empty.
    steps : tuple of str
        Steps of a job that have to be done again when it changes: ``process`` (prepared maps), ``files``
        (saved windows and pictures), ``train``, ``encode`` (features), ``cluster``, ``predict``,
        ``measure``, ``structures``.
    used_by : tuple of str or None
        Kinds of features of a recipe that it changes anything for; None for every kind, empty for what
        only choosing a recipe sets.
    srsml24 : bool
        Whether SRSML24 (S. R. Schofield, 2025) names it, in its Parameter Summary or its code.
    """

    name: str
    default: Any
    help: str
    group: str
    unit: str = ""
    bounds: tuple[float, ...] | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    steps: tuple[str, ...] = ()
    used_by: tuple[str, ...] | None = None
    srsml24: bool = True

    @property
    def kind(self) -> str:
        """What a value is, in words."""
        return _KINDS[type(self.default)]

    @property
    def label(self) -> str:
        """Its name in a form, with its unit."""
        title = self.title or self.name.replace("_", " ").capitalize()
        return f"{title} ({self.unit})" if self.unit and self.unit not in title else title

    @property
    def span(self) -> str:
        """Its bounds in words, empty if it has none."""
        if self.bounds is None:
            return ""
        least, most = map(_number, self.bounds)
        return f"{least} or more" if self.bounds[1] == MOST else f"{least} to {most}"

    @property
    def described(self) -> str:
        """The help in one line, with unit, bounds and choices, as a comment in a file has it."""
        unit = f" ({self.unit})" if self.unit else ""
        possible = self.span or (f"one of {', '.join(self.choices)}" if self.choices else "")
        return f"{self.help}{unit}{'; ' if possible else ''}{possible}"

    @property
    def tip(self) -> str:
        """The help as a tooltip has it: what each choice means stands below it."""
        return "\n".join([f"{self.name}: {self.described}", *(f"{k}: {v}" for k, v in self.choices.items())])

    def check(self, value: Any) -> Any:
        """Return the value in the parameter's own type.

        Parameters
        ----------
        value : object
            A whole number will do for a number, and one text for a list of texts.

        Returns
        -------
        bool, int, float, str or tuple of str

        Raises
        ------
        ValueError
            If it has another type, is out of bounds or none of the choices; the message says which are.
        """
        value = self._in_own_type(value)
        if self.bounds is not None and not self.bounds[0] <= value <= self.bounds[1]:
            least, most = map(_number, self.bounds)
            raise ValueError(f"{self.name} must be {least} to {most}, got {quoted(value)}")
        if self.choices and value not in self.choices:
            near = nearest(value, self.choices)
            raise ValueError(
                f"{self.name} must be one of {', '.join(self.choices)}, got {quoted(value)};"
                f" did you mean {near!r}?"
            )
        return value

    def _in_own_type(self, value: Any) -> Any:
        kind = type(self.default)
        if kind is tuple:
            value = [value] if isinstance(value, str) else value
            fits = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
        else:
            fits = isinstance(value, (int, float) if kind is float else kind)
            fits = fits and isinstance(value, bool) == (kind is bool)
        if not fits:
            raise ValueError(f"{self.name} must be {self.kind}, got {quoted(value)}")
        try:
            return kind(value)
        except OverflowError as error:  # a whole number of hundreds of digits
            raise ValueError(f"{self.name} must be a number of ordinary size") from error


def parameter(default: Any, help_: str, *bounds: float, **about: Any) -> Any:
    """Declare a parameter as a field of a dataclass.

    Parameters
    ----------
    default, help_, bounds
        As `Parameter` has them; two numbers, or none, are the bounds.
    **about
        Its other fields.
    """
    return field(default=default, metadata={"help": help_, "bounds": bounds or None, **about})


def parameters_of(declared: type) -> dict[str, Parameter]:
    """Return the parameters that a dataclass declares, by name.

    Parameters
    ----------
    declared : type
        A dataclass; its fields that `parameter` did not make are left out.

    Returns
    -------
    dict of str to Parameter
        In the order of the fields.
    """
    own = [one for one in fields(declared) if "help" in one.metadata]
    return {one.name: Parameter(one.name, one.default, **one.metadata) for one in own}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like ``name``.

    Parameters
    ----------
    name : str
    known : iterable of str
        One name at least.

    Returns
    -------
    str

    Examples
    --------
    >>> nearest("windowsize", ["window_pitch", "window_size"])
    'window_size'
    """
    return difflib.get_close_matches(name[:_COMPARED], list(known), n=1, cutoff=0)[0]


def check(values: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the values with every name and type checked.

    Parameters
    ----------
    values : mapping of str to object
        Values by name of the parameter.
    known : mapping of str to Parameter
        The parameters that there are, by name.

    Returns
    -------
    dict of str to object
        Each value in its parameter's own type.

    Raises
    ------
    ValueError
        If a name is not known, naming the nearest that is, or a value is impossible.
    """
    for name in values:
        if name not in known:
            raise ValueError(f"there is no parameter {quoted(name)}; did you mean {nearest(name, known)!r}?")
    return {name: known[name].check(value) for name, value in values.items()}


def read_setting(text: str, known: Mapping[str, Parameter], of: str = "a recipe") -> tuple[str, Any]:
    """Read ``name=value`` as one of the parameters of something; the value is TOML, or plain text.

    Parameters
    ----------
    text : str
        Such as ``window_size=32``.
    known : mapping of str to Parameter
        The parameters that there are, by name.
    of : str
        What they are parameters of.

    Returns
    -------
    name : str
    value : bool, int, float, str or tuple of str
        In the parameter's own type.

    Raises
    ------
    ValueError
        If there is no parameter of that name, naming the nearest, or the value is not possible.
    """
    name, _, value = text.partition("=")
    if name not in known:
        raise ValueError(f"{of} has no parameter {quoted(name)}; did you mean {nearest(name, known)!r}?")
    try:
        read = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):  # no TOML, or none that can be read
        read = value
    return name, known[name].check(read)


def _number(value: float) -> str:
    """Write a bound.

    >>> _number(1e7), _number(0.5), _number(MOST)
    ('1e7', '0.5', '2147483647')
    """
    return (
        str(MOST)
        if value == MOST
        else f"{value:g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    )
