"""A lock on a folder that several machines share: a file that its holder keeps changing."""

import os
import platform
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from filelock import AcquireReturnProxy

from napari_stmml.system.files import write_text
from napari_stmml.system.locks import lock_folder, take_lock
from napari_stmml.system.regular_file import read_bytes

BEAT = 5.0  # seconds between two changes of the file
PATIENCE = 60.0  # seconds without a change, after which its holder on another machine counts as dead
_LOOKS = 0.5  # seconds between two looks at the file of somebody else
_TOKEN = re.compile(r"[0-9a-f]{32}")
_STOPPING = "stopping"
_MOST = 4096  # bytes of the file


class FolderLock:
    """A file that one process has made, and changes every few seconds until it gives the lock back.

    On the machine of its holder a lock of the system tells at once whether it lives. On others the file is
    watched: clocks of two machines may differ, so that it changes is what counts, and not when.

    Parameters
    ----------
    path : Path
        The file, in a folder that is there.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.token = path, uuid4().hex
        self.lost = False
        self._count = 0
        self._mark = ""
        self._own: AcquireReturnProxy | None = None
        self._ended = threading.Event()
        self._writing = threading.Lock()

    def take(self, on_wait: Callable[[str], None] = lambda text: None) -> None:
        """Take the lock; a dead holder's is taken over.

        Parameters
        ----------
        on_wait : callable
            Gets a sentence before it is watched for long whether a holder on another machine lives.

        Raises
        ------
        TimeoutError
            If somebody else holds it.
        """
        with suppress(OSError):  # without a place for it, others have to watch the file
            self._own = take_lock(_name(self.token), 0)
        try:
            while not self._created():
                self._wait_for_death(on_wait)
        except BaseException:
            self._give_back_own()
            raise
        threading.Thread(target=self._beat, name="stmml-lock", daemon=True).start()

    def release(self) -> None:
        """Give the lock back: its file goes."""
        self._ended.set()
        with self._writing, suppress(OSError):
            if holder(self.path)[0] == self.token:
                self.path.unlink()
        self._give_back_own()

    def stop(self) -> None:
        """Tell processes on other machines, which read the file, to do no more for its holder."""
        if not self._mark:
            self._mark = _STOPPING
            self._change()

    def _created(self) -> bool:
        try:
            with self.path.open("x", encoding="utf-8") as file:
                file.write(self._text())
        except FileExistsError:
            return False
        return True

    def _wait_for_death(self, on_wait: Callable[[str], None]) -> None:
        """Return when the holder is dead and the file out of the way, or raise TimeoutError."""
        before = _read(self.path)
        token, machine, *_ = [*before.split("\n"), "", ""]
        if machine == _machine() and _TOKEN.fullmatch(token):
            try:
                with take_lock(_name(token), 0):
                    pass
            except OSError as error:  # TimeoutError is one
                raise TimeoutError(f"{self.path} is held on this machine") from error
            (lock_folder() / f"{_name(token)}.lock").unlink(missing_ok=True)
        else:
            self._watch(before, on_wait)
        self._put_aside(before)

    def _watch(self, before: str, on_wait: Callable[[str], None]) -> None:
        on_wait(
            f"{self.path.parent} was in use on another machine: looking for {PATIENCE:.0f} s if it still is"
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            time.sleep(min(_LOOKS, PATIENCE))
            found = _read(self.path)
            if found != before and (found or not self.path.exists()):
                if not found:
                    return  # it was given back meanwhile
                raise TimeoutError(f"{self.path} is held on another machine")

    def _put_aside(self, dead: str) -> None:
        """Remove the file of a dead holder, unless it is another's by now, who was faster."""
        aside = self.path.with_name(f"{self.path.name}-{self.token}")
        with suppress(FileNotFoundError):
            os.replace(self.path, aside)
            if _read(aside) != dead:
                with suppress(OSError):
                    os.link(aside, self.path)
            aside.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(OSError):  # a full disk, say: the next time may do
                self._change()

    def _change(self) -> None:
        with self._writing:
            if self._ended.is_set() or self.lost:
                return
            token = holder(self.path)[0]
            self._count += 1
            if token == self.token:
                write_text(self.path, self._text())
            elif token:
                self.lost = True
            else:
                self._created()  # somebody has deleted it

    def _text(self) -> str:
        return f"{self.token}\n{_machine() if self._own else ''}\n{self._count}\n{self._mark}\n"

    def _give_back_own(self) -> None:
        if self._own is not None:
            self._own.lock.release()
            self._own = None
            with suppress(OSError):
                (lock_folder() / f"{_name(self.token)}.lock").unlink(missing_ok=True)


def holder(path: Path) -> tuple[str, bool]:
    """Return the token of whoever holds a lock, and whether work goes on there.

    Parameters
    ----------
    path : Path
        The file of the lock.

    Returns
    -------
    token : str
        Empty if there is no such file.
    goes_on : bool
    """
    token, _, _, mark, *_ = [*_read(path).split("\n"), "", "", "", ""]
    return token, bool(token) and mark != _STOPPING


def _read(path: Path) -> str:
    """Read the file; empty if there is none, or none that can be read."""
    try:
        return read_bytes(path, _MOST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _name(token: str) -> str:
    return f"folder-{token}"


def _machine() -> str:
    """Name this machine, its start and the place of its locks: who has the same name sees these locks."""
    known = [platform.node()]
    with suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
        known.append(os.readlink("/proc/self/ns/pid"))
    return " ".join([*known, str(lock_folder())])
