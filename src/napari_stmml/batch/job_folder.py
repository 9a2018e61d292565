"""The folder of a job: what is done in it, what belongs to other parameters, and who works in it now."""

import glob
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_stmml.batch.records import Fingerprint, StepRecord, read_record, write_record
from napari_stmml.system.atomic import replace
from napari_stmml.system.folder_lock import FolderLock
from napari_stmml.system.temporary import sweep, sweep_temporary
from napari_stmml.text import quoted, short_stem, shortened


def digest(fingerprint: Fingerprint | list) -> str:
    """Say in 64 letters what a fingerprint is: the same for the same values only."""
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()


def one_name(place: str, between: str) -> str:
    """Join the parts of a place in a tree to one name; of a very long one a hash and the end are left.

    >>> one_name("scans/day 1/x", "~")
    'scans~day 1~x'
    """
    return short_stem(place.replace("/", between), between)


class JobFolder:
    """Where the files of a job are. Nothing in it is ever deleted: what is outdated goes to ``older``."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self._older: Path | None = None

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @contextmanager
    def locked(self, on_wait: Callable[[str], None] = lambda text: None) -> Iterator[FolderLock]:
        """Keep others from working here, on this machine or another; a dead process's lock does not hold.

        Parameters
        ----------
        on_wait : callable
            Gets a sentence if it takes a minute to see whether another machine is still at work.

        Yields
        ------
        FolderLock
            Once, while the lock is held.

        Raises
        ------
        ValueError
            If another process works here, or a link in the folder leads out of it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._check_links()
        lock = FolderLock(self.path / ".lock")
        try:
            lock.take(on_wait)
        except TimeoutError as error:
            raise ValueError(f"another job is at work in {self.path}; wait for it or stop it") from error
        try:
            sweep_temporary()
            sweep(self.path)
            yield lock
        finally:
            sweep(self.path)  # what processes left that died meanwhile
            lock.release()

    def _check_links(self) -> None:
        """Refuse folders that lie elsewhere: files there are not the job's to replace or to move."""
        own = self.path.resolve()
        links = [self.path / ".lock"] if (self.path / ".lock").is_symlink() else []
        for top, folders, _ in os.walk(self.path):
            links += [Path(top, name) for name in folders if os.path.islink(os.path.join(top, name))]
        for link in links:
            if own not in Path(os.path.realpath(link)).parents:
                raise ValueError(f"{link} is a link that leads out of the folder of the job; remove it")

    def begin(self, step: str, fingerprint: Fingerprint) -> tuple[bool, str]:
        """Prepare for a step; return whether it is done already, and a sentence on what was put aside.

        Files of the same step with another fingerprint go to ``older``.

        Parameters
        ----------
        step : str
            Its name.
        fingerprint : dict
            Everything that the files of the step depend on, by name.

        Returns
        -------
        done : bool
        said : str
            Empty if nothing was put aside.
        """
        known, said = self._record(step), ""
        if known and known.fingerprint != fingerprint:
            where = self.put_aside(known.outputs)
            said = f"{step}: {difference(known.fingerprint, fingerprint)}"
            said += f"; the files made before are now in {where}"
            known = None
        if known and known.done and self.has_all(known.outputs):
            return True, said
        self.note(step, fingerprint, known.outputs if known else ())
        return False, said

    def is_done(self, step: str, fingerprint: Fingerprint) -> bool:
        """Say whether a step is done with this fingerprint, and all that it made is there."""
        known = self._record(step)
        return bool(known and known.done and known.fingerprint == fingerprint and self.has_all(known.outputs))

    def note(self, step: str, fingerprint: Fingerprint, outputs: Iterable[str], done: bool = False) -> None:
        """Write down what a step makes, before it is made or, ``done``, when all of it is there."""
        write_record(self._path(step), StepRecord(fingerprint, tuple(outputs), done))

    def has_all(self, outputs: Iterable[str]) -> bool:
        """Say whether all these files and folders of this folder are there."""
        return all((self.path / output).exists() for output in outputs)

    def _path(self, step: str) -> Path:
        return self.path / "state" / f"{step}.json"

    def _record(self, step: str) -> StepRecord | None:
        return read_record(self._path(step), StepRecord)

    def put_aside(self, outputs: Iterable[str]) -> Path:
        """Move files and folders of this folder to a folder in ``older`` that is new in every run.

        A name may end in ``*`` for all that begin so.
        """
        if self._older is None:
            numbered = (self.path / "older" / str(number) for number in itertools.count(1))
            self._older = next(folder for folder in numbered if not folder.exists())
        for output in self._there(outputs):
            source, target = self.path / output, self._older / output
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                replace(source, target)
        return self._older

    def _there(self, outputs: Iterable[str]) -> Iterator[str]:
        for output in outputs:
            if output.endswith("*") and not (self.path / output).exists():
                found = sorted(self.path.glob(glob.escape(output[:-1]) + "*"))
                yield from (path.relative_to(self.path).as_posix() for path in found)
            else:
                yield output


def difference(before: Fingerprint, now: Fingerprint) -> str:
    """Say which parameters are no longer what they were.

    >>> difference({"epochs": 5, "seed": 0}, {"epochs": 6, "seed": 0})
    'epochs was 5 and is 6'
    """
    changed = [name for name in now if before.get(name) != now[name]]
    values = {name: (_as_said(before.get(name)), _as_said(now[name])) for name in changed}
    short = [f"{name} was {old} and is {new}" for name, (old, new) in values.items() if len(old + new) < 60]
    return ", ".join(short) or f"{' and '.join(changed) or 'something'} changed"


def _as_said(value: object) -> str:
    """Return a value of a record, which may be anything, without the quotes of a text."""
    return shortened(value) if isinstance(value, str) else quoted(value)
