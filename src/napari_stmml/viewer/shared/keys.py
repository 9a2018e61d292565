"""All keys of our panels, in one list: for the panels that say them, and the page docs/keys.md."""

KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "Correct": (
        ("Ctrl+1 … Ctrl+9", "choose a class"),
        ("P, E, F, L", "napari's own: paint, erase (back to the model's label), fill, pick a class"),
        ("Shift+click", "give a whole region the chosen class"),
        ("Page Up, Page Down", "the scan before, the scan after"),
        ("N", "the next uncertain area"),
        ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo: strokes, merges and what was learnt"),
        ("Alt+move", "napari's own: size of the brush"),
    ),
    "Structures": (
        ("1 … 9", "move the selected objects to that row of the list"),
        ("0", "move them to “unlike any other”"),
        ("N", "move them to a new type"),
        ("Delete", "not an object"),
        ("A", "all like this one"),
        ("Ctrl+click, Shift+click, Ctrl+A", "select several"),
        ("arrows", "visit one after the other"),
        ("Esc", "select nothing"),
        ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo"),
    ),
    "Prepare": (("Alt+B", "the scan as it was, and flattened again"),),
    "Browse": (("Enter", "open the scan"), ("arrows", "the scan before, the scan after")),
    "Scan info": (("Ctrl+C", "copy the selected rows"),),
}


def as_html(panel: str) -> str:
    """Write the keys of a panel in a paragraph.

    Parameters
    ----------
    panel : str
        One of `KEYS`.

    Returns
    -------
    str
        HTML.
    """
    return " · ".join(f"<b>{keys}</b> {what}" for keys, what in KEYS[panel])
