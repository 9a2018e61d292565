"""Standard output and error that never raise, and show no control characters of a stranger's file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from typing import Any

# All but line feed and tab; and the marks that turn the direction of text round.
_CONTROLS = {*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_ESCAPES = {code: chr(code).encode("ascii", "backslashreplace").decode() for code in _CONTROLS}
_ESCAPES |= {code: f"\\x{code:02x}" for code in _CONTROLS if code < 128}


def printable(text: str) -> str:
    r"""Write control characters as escapes: no name or comment of a file moves the cursor or sets a title.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        The text with its tabs and ends of lines.

    Examples
    --------
    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\n'
    """
    return text.translate(_ESCAPES)


class Output:
    r"""A stream of text that takes everything: what it cannot show is written as an escape, such as \xb2.

    Parameters
    ----------
    stream : text stream
    controls : bool
        Whether control characters are written as they are, as those of progress bars must be.

    Attributes
    ----------
    lost : OSError or None
        Why the stream took no more, such as a full disk; what is written from then on is dropped.
    """

    def __init__(self, stream: Any, controls: bool = False) -> None:
        self.stream, self._controls = stream, controls
        self.lost: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # where typer would write bytes, past it
            raise AttributeError(name)
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write text; return its length."""
        shown = text if self._controls else printable(text)
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self._do(self.stream.write, shown.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self._do(self.stream.flush)

    def _do(self, what: Any, *arguments: str) -> None:
        try:
            if self.lost is None:
                what(*arguments)
        except OSError as error:
            self.lost = error
            # Or Python tries again when it ends, and complains.
            with suppress(OSError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self.stream.fileno())


@contextmanager
def safe_output() -> Iterator[tuple[Output, Output]]:
    """Let standard output and error take everything.

    Yields
    ------
    (Output, Output)
    """
    out, error = (Output(one or StringIO()) for one in (sys.stdout, sys.stderr))  # None where closed
    with redirect_stdout(out), redirect_stderr(error):
        yield out, error


def with_controls(stream: Any) -> Output:
    """Return a stream for a program's own control sequences, which takes everything else, too.

    Parameters
    ----------
    stream : text stream
        An `Output` or any other.

    Returns
    -------
    Output
    """
    return Output(stream.stream if isinstance(stream, Output) else stream, controls=True)
