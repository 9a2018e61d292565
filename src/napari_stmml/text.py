"""Numbers, counts and quotations for people: ``1 scan``, ``12 500 nm²``, ``12.3 %``; names of files."""

import hashlib
from math import floor, isfinite, isnan, log10

_LEAST, _MOST = 1e-4, 1e15  # beyond these a power of ten is shorter
_MOST_BYTES = 175  # of a stem: with our longest ending, the name of the file may have 255
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def counted(n: int, noun: str, plural: str = "") -> str:
    """Write a count with its noun, in the plural unless there is one.

    Parameters
    ----------
    n : int
    noun : str
        In the singular.
    plural : str, optional
        Where it is not the noun with s or es.

    Examples
    --------
    >>> counted(1, "scan"), counted(0, "scan"), counted(2, "class"), counted(12500, "copy", "copies")
    ('1 scan', '0 scans', '2 classes', '12 500 copies')
    """
    many = plural or noun + ("es" if noun.endswith(("s", "x", "ch")) else "s")
    return f"{number(n)} {noun if n == 1 else many}"


def number(value: float, digits: int = 4) -> str:
    """Write a number with so many digits, whole units in full, from 10 000 on in groups; NaN is empty.

    Parameters
    ----------
    value : float
        An int is written in full.
    digits : int
        Significant digits.

    Returns
    -------
    str

    Examples
    --------
    >>> number(0.123456), number(12345.6), number(2.0), number(1.5e-7), number(float("nan"))
    ('0.1235', '12 346', '2', '1.5·10⁻⁷', '')
    """
    if isinstance(value, int):
        return _fixed(value, 0)
    if not isfinite(value):
        return "" if isnan(value) else str(value)
    rounded = float(f"{value:.{digits}g}")
    if rounded and not _LEAST <= abs(rounded) < _MOST:
        mantissa, power = f"{rounded:.{digits - 1}e}".split("e")
        return f"{float(mantissa):g}{_times_ten(int(power))}"
    text = _fixed(value, max(digits - 1 - _magnitude(rounded), 0))
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_error(value: float, error: float) -> str:
    """Write a value and its error to the digit that the error lets one know.

    Parameters
    ----------
    value : float
    error : float
        In the unit of the value.

    Returns
    -------
    str
        The value alone, with two digits, where the error is not a finite number above 0.

    Examples
    --------
    >>> with_error(0.012345, 0.00114), with_error(1234.5, 27.0), with_error(0.2, float("nan"))
    ('0.0123 ± 0.0011', '1234 ± 27', '0.2')
    >>> with_error(3e-5, 2e-6)
    '(3.00 ± 0.20)·10⁻⁵'
    """
    if not (isfinite(error) and error > 0):
        return number(value, 2)
    power = _magnitude(max(abs(value), error))
    if power < -3:
        return f"({with_error(value / 10.0**power, error / 10.0**power)}){_times_ten(power)}"
    decimals = 1 - _magnitude(float(f"{error:.2g}"))
    return f"{_fixed(value, decimals)} ± {_fixed(error, decimals)}"


def percent(share: float) -> str:
    """Write a share, 0 to 1, as per cent; NaN is empty.

    Parameters
    ----------
    share : float

    Returns
    -------
    str
        With one decimal, below 1 % with two.

    Examples
    --------
    >>> percent(0.123456), percent(0.0004), percent(float("nan"))
    ('12.3 %', '0.04 %', '')
    """
    if isnan(share) or not share:
        return "" if isnan(share) else "0 %"
    return f"{100 * share:.{1 if share >= 0.01 else 2}f} %"


def shortened(text: str, most: int = 80) -> str:
    r"""Return text of unknown length as one line of so many letters at most, for a sentence that quotes it.

    Parameters
    ----------
    text : str
    most : int
        Letters; what is cut off is shown as ``…``.

    Returns
    -------
    str

    Examples
    --------
    >>> shortened("a  line\nand another"), shortened("9" * 5000, 10)
    ('a line and another', '999999999…')
    """
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"


def quoted(value: object, most: int = 80) -> str:
    r"""Return a value from somebody else's file or command as a sentence quotes it.

    Parameters
    ----------
    value : object
    most : int
        Letters; what is cut off is shown as ``…``.

    Returns
    -------
    str

    Examples
    --------
    >>> quoted("a\nb"), quoted(1.5), quoted([10**5000]), quoted(9 * "na", 9)
    ("'a\\nb'", '1.5', 'a value too long to show', "'nananan…")
    """
    try:
        return shortened(repr(value), most)
    except (ValueError, RecursionError):  # Python writes no number of more than 4300 digits
        return "a value too long to show"


def short_stem(name: str, between: str = "_") -> str:
    """Return what the names of a scan's files begin with; of a very long name, a hash and the end are left.

    Parameters
    ----------
    name : str
        Of the scan, without a folder.
    between : str
        What stands between the hash and the end.

    Returns
    -------
    str
        Of 175 bytes at most, so that there is room for our endings in the 255 that a disk allows.

    Examples
    --------
    >>> short_stem("si001--1_1_FU"), len(short_stem(1000 * "a" + "--1_1_FU"))
    ('si001--1_1_FU', 175)
    """
    content = name.encode("utf-8", "surrogateescape")
    if len(content) <= _MOST_BYTES:
        return name
    start = hashlib.sha256(content).hexdigest()[:16] + between
    return start + content[len(start.encode()) - _MOST_BYTES :].decode("utf-8", "ignore")


def _magnitude(value: float) -> int:
    """Return the power of ten of the first digit: 2 for 345, -2 for 0.0345."""
    return floor(log10(abs(value))) if value else 0


def _times_ten(power: int) -> str:
    return f"·10{str(power).translate(_RAISED)}"


def _fixed(value: float, decimals: int) -> str:
    group = "," if abs(value) >= 9999.5 else ""
    return f"{round(value, decimals) + 0.0:{group}.{max(decimals, 0)}f}".replace(",", " ")
