"""The law: a value or one sentence that names the file, soon, in little memory; nothing is written or run."""

import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MOST_LETTERS = 300
MOST_SECONDS = 2.0  # of this process: a busy machine does not count
MOST_MEGABYTES = 500.0
HANGS = 60.0  # seconds after which a case is given up
MOST_ADDRESSES = 3 << 30  # bytes more than before that a case can ask for: the machine is shared
_RUNS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn")
_NEVER = (*_RUNS, "pickle.find_class", "socket.connect", "socket.bind", "webbrowser.open")
_CHANGES = (
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Hangs(BaseException):
    """A case that does not end; no ``except Exception`` takes it."""


@dataclass
class Outcome:
    """What came of one file: ``value``, ``sentence`` or ``else``, what was said, and CPU seconds."""

    kind: str
    said: str
    seconds: float


@dataclass
class Tally:
    """What came of many files of one format."""

    counts: dict[str, int] = field(default_factory=lambda: {"value": 0, "sentence": 0, "else": 0})
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)
    example: bytes = b""  # the last file of which something else came

    def add(self, one: Outcome, raw: bytes) -> None:
        self.counts[one.kind] += 1
        self.slowest = max(self.slowest, one.seconds)
        if one.kind == "else":
            self.wrong.append(one.said)
            self.example = raw


def judge(
    read: Callable[[Path], object], path: Path, make: Callable[[Path], object], names: tuple[str, ...]
) -> Outcome:
    """Make a file and read it; ``names`` are those of which a sentence must hold one, none if it is empty."""
    make(path)
    before = _listing(path.parent)
    start = time.process_time()
    with _watched(path.parent) as seen:
        try:
            read(path)
            kind, said = "value", ""
        except (ValueError, OSError) as error:
            said = str(error).replace(f"{path.parent}{os.sep}", "")
            named = not names or any(name in said for name in names)
            kind = "sentence" if said and named and len(said) < MOST_LETTERS and "\n" not in said else "else"
            said = f"{type(error).__name__}: {said}"
        except (Exception, Hangs) as error:  # noqa: BLE001 - what comes is what is asked
            kind, said = "else", repr(error)
    seconds = time.process_time() - start
    if seen:
        kind, said = "else", f"{seen[0]} ({said})"
    elif _listing(path.parent) != before:
        kind, said = "else", f"files were changed ({said})"
    elif seconds > MOST_SECONDS:
        kind, said = "else", f"took {seconds:.1f} s ({said})"
    return Outcome(kind, said, seconds)


def _listing(folder: Path) -> dict[str, int]:
    return {name: os.lstat(folder / name).st_size for name in os.listdir(folder)}


# ---- nothing is written outside, nothing is run: Python tells hooks of what it does

_inside: list[str] = []  # the folder of the case that is being read
_seen: list[str] = []


def _hook(event: str, about: tuple) -> None:
    if not _inside:
        return
    if event in _NEVER:
        _seen.append(f"{event}{about[:2]}")
    elif event == "open":
        path, mode, flags = about
        if (mode and set(mode) & set("wax+")) or (not mode and flags & _WRITES):
            _check_inside(event, path)
    elif event in _CHANGES:
        for path in about[: 2 if event in ("os.rename", "os.link") else 1]:
            _check_inside(event, path)


def _check_inside(event: str, path: object) -> None:
    if isinstance(path, str | bytes | os.PathLike):
        there = os.path.abspath(os.fsdecode(path))
        if not there.startswith(_inside[0]) and there != os.devnull:
            _seen.append(f"{event} {there}")


_hooked = False


@contextmanager
def _watched(folder: Path) -> Iterator[list[str]]:
    """Watch what this process does while a file is read; temporary files go to the folder."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_hook)  # it cannot be taken away again
        _hooked = True
    before, written = tempfile.tempdir, sys.dont_write_bytecode
    tempfile.tempdir, sys.dont_write_bytecode = str(folder), True
    earlier = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (int(_status("VmSize") * 2**20) + MOST_ADDRESSES, limits[1]))
    _seen.clear()
    _inside[:] = [str(folder)]
    try:
        yield _seen
    finally:
        _inside.clear()
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
        tempfile.tempdir, sys.dont_write_bytecode = before, written


def _give_up(*about: object) -> None:
    raise Hangs(f"did not end within {HANGS:g} s")


# ---- memory


def begin_peak() -> float:
    """Begin to watch the peak of this process's memory; return MB now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> float:
    """Return the peak since then in MB."""
    return _status("VmHWM")


def _status(name: str) -> float:
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(name))
    return int(line.split()[1]) / 1024
