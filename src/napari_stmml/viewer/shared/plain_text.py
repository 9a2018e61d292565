"""Text from files is shown letter by letter: what looks like HTML is HTML to Qt, which loads its images."""

from html import escape


def plain_tip(text: str) -> str:
    """Return text for a tooltip, which shows it letter by letter.

    Parameters
    ----------
    text : str
        Of any origin.

    Returns
    -------
    str
        HTML where Qt might take the text for that.

    Examples
    --------
    >>> plain_tip("a scan"), plain_tip("<img src=x>")
    ('a scan', '<qt>&lt;img src=x&gt;</qt>')
    """
    if "<" not in text and "&" not in text:
        return text
    return f"<qt>{escape(text).replace(chr(10), '<br>')}</qt>"


def notify(sentence: str) -> None:
    """Let napari show a sentence as an error, letter by letter.

    Parameters
    ----------
    sentence : str
        Of any origin. napari's label guesses its format: an invisible mark stands behind ``<`` and ``&``.
    """
    from napari.utils.notifications import show_error

    show_error(sentence.replace("<", "<\u2060").replace("&", "&\u2060"))
