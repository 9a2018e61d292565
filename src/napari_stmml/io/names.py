"""Names of files, compared as disks and mail programs leave them: Mac's accents, upper and lower case."""

from unicodedata import normalize


def folded(name: str) -> str:
    r"""Return what two names have in common that differ in case, or in how accents are composed, alone.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        Composed (NFC) and casefolded; to compare, never to open.

    Examples
    --------
    >>> folded("U\u0308BUNG--1_1.Z_MTRX") == folded("Übung--1_1.Z_mtrx")
    True
    """
    return normalize("NFC", normalize("NFC", name).casefold())
