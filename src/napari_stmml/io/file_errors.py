"""The door of every scan's file: whatever reading it raises becomes one sentence that names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_stmml.scan import ScanFileError
from napari_stmml.system.progress import Stopped
from napari_stmml.system.regular_file import NoRegularFile

_LETTERS = 80  # of a foreign error in a message: some hold the whole file


@contextmanager
def one_sentence(name: str, said: type[Exception] = ScanFileError) -> Iterator[None]:
    """Turn what the reading of a file raises into a `ScanFileError`, so that a caller goes on with the next.

    Readers are made for whole files: what bytes of a stranger make of them can be any error, such as one of
    recursion, of memory or of a library. Ctrl+C and `Stopped` pass.

    Parameters
    ----------
    name : str
        What the sentence calls the file.
    said : type of Exception
        Those that are such a sentence already, and pass.

    Raises
    ------
    ScanFileError
        In place of every other error.
    """
    try:
        yield
    except (said, Stopped):
        raise
    except NoRegularFile as error:
        raise ScanFileError(f"Cannot be read: {error}.") from error
    except FileNotFoundError as error:
        raise ScanFileError(f"No such file: {error.filename or name}") from error
    except MemoryError as error:
        raise ScanFileError(
            f"Too large: {name} needs more memory than is free; close other programs, or leave it out."
        ) from error
    except OSError as error:
        culprit = Path(str(error.filename)).name if error.filename else name
        raise ScanFileError(
            f"Cannot be read: {culprit} ({error.strerror or error}); see whether it may be opened, or copy it"
            " again."
        ) from error
    except Exception as error:
        what = f"{type(error).__name__}: {error}"[:_LETTERS]
        raise ScanFileError(f"Damaged: {name} cannot be read ({what}).") from error
