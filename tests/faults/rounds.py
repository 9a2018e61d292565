"""Many wrong files of one format, drawn by hypothesis with a fixed seed."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings

from tests.faults.kinds import Format
from tests.faults.law import Tally, begin_peak, judge, peak


def read_many(one: Format, count: int) -> tuple[Tally, float]:
    """Read ``count`` wrong files of a format; return what came of them, and MB of memory at most."""
    found = Tally()
    with TemporaryDirectory(prefix="faults-") as folder:
        path = one.lay_out(Path(folder))
        one.read(path)  # which also imports what it needs

        @settings(
            max_examples=count,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(one.wrong)
        def read(raw: bytes) -> None:
            found.add(judge(one.read, path, lambda at: at.write_bytes(raw), one.names), raw)

        before = begin_peak()
        read()
        return found, peak() - before
