"""Ask how large a pixel of a picture is, where neither the file nor a person has said it."""

from pathlib import Path

from qtpy.QtWidgets import QApplication, QInputDialog

from napari_stmml.io.pictures import give_scale

_LEAST, _MOST, _DIGITS = 1e-4, 1e4, 4  # nm per pixel


def ask_scale(path: Path) -> bool:
    """Ask for the size of a pixel, and keep it for this picture.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False where there is no window to ask in, or the question was not answered.
    """
    application = QApplication.instance()
    window = application.activeWindow() if isinstance(application, QApplication) else None
    if window is None:
        return False
    question = f"{path.name} does not say how large it is. Size of a pixel in nm:"
    size, answered = QInputDialog.getDouble(
        window, "Scale of a picture", question, 0.1, _LEAST, _MOST, _DIGITS
    )
    if answered:
        give_scale([path], size)
    return answered
