"""A kind of file: one that is right, what reads it, and what draws wrong ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.faults.mutations import mutated


@dataclass(frozen=True)
class Format:
    """A kind of file.

    ``files`` is a folder's content, of which ``name`` is made wrong; ``wrong`` draws its bytes. A sentence
    must hold the name, or one of ``named``; none if that is None.
    """

    files: dict[str, bytes]
    name: str
    read: Callable[[Path], object]
    wrong: st.SearchStrategy[bytes]
    named: tuple[str, ...] | None = ()

    @property
    def names(self) -> tuple[str, ...]:
        return () if self.named is None else (self.name, *self.named)

    def lay_out(self, folder: Path) -> Path:
        """Write all files to a folder; return the path of the one to be made wrong."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder / self.name


def either(raw: bytes, *wrong: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Draw bytes with changes anywhere, or with one wrong field."""
    return st.one_of(mutated(raw), *wrong)
