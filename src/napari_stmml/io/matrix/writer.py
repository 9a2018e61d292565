"""Write simulated scans as real MATRIX bytes: ``.Z_mtrx`` data files and their ``_0001.mtrx`` parameter file.

Blocks, names, units and numbers follow files of MATRIX V3.0; the ``SCAN`` block, a table of every
scanner position that no reader needs, is left out.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from napari_stmml.io.matrix.frame import CHANNELS, RASTER_TIME, Frame, Settings, Value

_FILE_ID = b"ONTMATRX0101"
_NOTHING = bytes(4)  # what four bytes of zero mean, where many blocks begin, is not known
_START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def write_session(
    folder: str | Path,
    frames: Sequence[Frame],
    *,
    session: str = "default_2026Nov23-120000_STM-STM_Spectroscopy",
    started: datetime = _START,
) -> list[Path]:
    """Write frames as one session, ``session--1_1.Z_mtrx`` and on, and its parameter file.

    Parameters
    ----------
    folder : str or Path
        Where to write; it is made if it does not exist.
    frames : sequence of Frame
        The frames in the order they were taken; each may have settings and a channel of its own.
    session : str
        What the names of all files begin with.
    started : datetime
        When the session began, with its time zone. A frame ends when all its points before are taken.

    Returns
    -------
    list of Path
        The data files, one for each frame.

    Raises
    ------
    ValueError
        If there is no frame, ``session`` is no file name, or ``started`` has no time zone or is not
        between 1970 and 2106.
    """
    if not session or Path(session).name != session:
        raise ValueError(f"session must be the beginning of a file name, got {session!r}")
    if not frames:
        raise ValueError(f"frames must be at least one, got {len(frames)}")
    if started.tzinfo is None:
        raise ValueError(f"started must have a time zone, got {started}")
    if not 0 <= started.timestamp() < 2**32:
        raise ValueError(f"started must be between 1970 and 2106, got {started}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    when = started.timestamp()
    parameters = [_FILE_ID, _opening(session, frames[0].settings(), int(when))]
    before: Frame | None = None
    paths = []
    for cycle, frame in enumerate(frames, start=1):
        path = folder / f"{session}--1_{cycle}.{frame.channel}_mtrx"
        parameters.append(_changes(before, frame, int(when)))
        points = frame.steps()
        when += points.size * RASTER_TIME
        path.write_bytes(_FILE_ID + _data_blocks(frame, points.tobytes(), cycle, int(when)))
        parameters.append(_block("BREF", _NOTHING + _string(path.name), int(when)))
        paths.append(path)
        before = frame
    parameters.append(_block("EOED", b"", int(when)))
    (folder / f"{session}_0001.mtrx").write_bytes(b"".join(parameters))
    return paths


def _opening(session: str, settings: Settings, when: int) -> bytes:
    """Return the blocks with which a parameter file opens."""
    experiment = session.rpartition("-")[2]
    titles = [experiment, "v104201", "STM V/Z spectroscopy experiment"]
    program = _string("MATRIX") + _string("V3.0") + struct.pack("<L", when)
    user = _string("default") + _string("napari-stmml") + _string("")
    files = [f"{experiment}.expd", "STM", "v104101", "STM.proj"]
    elements = [
        _string(group) + _table([_property(name, *value) for (_, name), value in known])
        for group, known in groupby(settings.items(), lambda one: one[0][0])
    ]
    instances = (
        _block("GENL", b"".join(map(_string, titles))) + _block("INST", _NOTHING) + _block("CNXS", _NOTHING)
    )
    return b"".join(
        [
            _block("META", program + user, when),
            _block("EXPD", _NOTHING + b"".join(map(_string, titles + files)), when),
            _block("FSEQ", _NOTHING + _number(1), when),
            _block("EXPS", _NOTHING + instances, when),
            _block("EEPA", _NOTHING + _table(elements), when),
        ]
    )


def _changes(before: Frame | None, frame: Frame, when: int) -> bytes:
    """Return the blocks between two frames: what was noted, modified, and so laid out anew."""
    noted = {} if before is None else before.marks
    known = frame.settings() if before is None else before.settings()
    blocks = [
        _block("MARK", _string(f"MTRX${name}-{text}"), when)
        for name, text in frame.marks.items()
        if noted.get(name) != text
    ]
    blocks += [
        _block("PMOD", _NOTHING + _string(group) + _property(name, *value), when)
        for (group, name), value in frame.settings().items()
        if known[group, name] != value
    ]
    layout = (frame.shape, set(frame.heights))
    if before is None or layout != (before.shape, set(before.heights)):
        blocks.append(_block("CCSY", _NOTHING + _channel_system(frame), when))
    return b"".join(blocks)


def _channel_system(frame: Frame) -> bytes:
    """Return the blocks that say which channels there are, on which axes, and what their numbers mean."""
    x_axis, y_axis = _key("A ", 2), _key("A ", 1)
    mirrored = {True: "triangular", False: "linear"}
    axes = [
        y_axis + bytes(8) + _string("Y") + _string(mirrored["forward/down" in frame.heights]),
        x_axis + y_axis + _string("X") + _string(mirrored["backward/up" in frame.heights]),
    ]
    channels, stores, transfers = [], [], []
    for name, one in CHANNELS.items():
        key, unit = _key("C ", one.number), _string(one.unit)
        storage = f"ChannelData: channel = {name}, storage = ResultStorage(BlockTransfer)"
        channels.append(key + x_axis + _string(name) + unit)
        stores.append(_key("CD", one.data) + key + _string(storage))
        values = [_string(name) + _value(value) for name, value in one.numbers.items()]
        transfers.append(key + _string(one.function) + unit + _table(values))
    tables = b"".join(map(_table, (axes, channels, stores)))
    clocks = [  # how often, and whether another axis drives it
        y_axis + struct.pack("<LLL", frame.shape[0] * (1 + ("forward/down" in frame.heights)), 0, 0),
        x_axis + struct.pack("<LLL", frame.shape[1] * (1 + ("backward/up" in frame.heights)), 1, 0),
    ]
    used = [_key("C ", one.number) + struct.pack("<LL", 1, 0) for one in CHANNELS.values()]
    bits = [_key("CD", one.data) + struct.pack("<LL", 2, 32) for one in CHANNELS.values()]
    counts = b"".join(map(_table, (clocks, used, bits)))
    return _block("DICT", bytes(8) + tables) + _block("CHCS", counts) + _block("XFER", b"".join(transfers))


def _data_blocks(frame: Frame, points: bytes, cycle: int, when: int) -> bytes:
    """Return the blocks of a data file: when it ended, its description, and its points of 4 bytes each."""
    recorded = len(points) // 4
    planned = _key("CD", CHANNELS[frame.channel].data) + struct.pack(
        "<LLLLL", cycle, 0, 0, frame.points, recorded
    )
    description = planned + _string("SI32") + struct.pack("<LLLL", 4, 1, 0, recorded)
    return _block("BKLT", _NOTHING + _block("DESC", description) + _block("DATA", points), when)


def _block(name: str, body: bytes, when: int | None = None) -> bytes:
    """Return a block: its name back to front, the length of its body, the time of outer blocks, the body."""
    time = b"" if when is None else struct.pack("<Q", when)
    return name[::-1].encode() + _number(len(body)) + time + body


def _key(kind: str, number: int) -> bytes:
    return kind.encode("utf-16-le") + _number(number)


def _number(value: int) -> bytes:
    return struct.pack("<L", value)


def _table(rows: Sequence[bytes]) -> bytes:
    return _number(len(rows)) + b"".join(rows)


def _string(text: str) -> bytes:
    encoded = text.encode("utf-16-le")
    return _number(len(encoded) // 2) + encoded


def _property(name: str, value: Value, unit: str) -> bytes:
    return _string(name) + _string(unit) + _NOTHING + _value(value)


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return b"LOOB" + struct.pack("<L", value)
    if isinstance(value, int):
        return b"GNOL" + struct.pack("<l", value)
    return b"BUOD" + struct.pack("<d", value)
