import io
import json
import os
import struct
import zipfile

import numpy as np
import pytest
import tifffile

from tests.faults.formats import NAMES, formats
from tests.faults.law import MOST_MEGABYTES, judge
from tests.faults.models import as_npy, packed
from tests.faults.rounds import read_many

COUNT = 200
FILES = [name for name in NAMES if name not in ("request", "event")]


def test_the_formats_are_those_that_are_tested():
    assert tuple(formats()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_file_gives_a_value_or_a_sentence(name):
    found, memory = read_many(formats()[name], COUNT)
    assert not found.wrong, f"{found.wrong[-1]}\n{found.example[:2000]!r}"
    assert sum(found.counts.values()) >= COUNT
    assert memory < MOST_MEGABYTES


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
@pytest.mark.parametrize("name", FILES)
def test_what_is_no_file_is_refused_at_once_in_every_role(tmp_path, name, kind):
    make = {"pipe": os.mkfifo, "folder": os.mkdir, "device": lambda path: path.symlink_to("/dev/zero")}[kind]
    one = formats()[name]
    path = one.lay_out(tmp_path)
    path.unlink()
    came = judge(one.read, path, make, one.names)
    # A record that cannot be read counts as absent, and so does what a person painted or corrected.
    absent = name.endswith("record") or name in ("truth", "corrections of structures")
    assert came.kind == ("value" if absent else "sentence"), came


# ---- each case of public bug reports and of the tables of issue 12 that is about a file


def with_member(raw: bytes, name: str, content: bytes | None) -> bytes:
    """Return a zip with one member replaced, added, or left out."""
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        members = {one: file.read(one) for one in file.namelist() if one != name}
    return packed(members if content is None else members | {name: content})


def array_of(raw: bytes, name: str) -> np.ndarray:
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        return np.load(io.BytesIO(file.read(name)))


def header(descr: object, shape: tuple, rest: bytes = b"") -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + rest


def centres(change):
    return lambda raw: with_member(raw, "centres.npy", as_npy(change(array_of(raw, "centres.npy"))))


CLASS = {"name": "a", "colour": "#ff0000", "background": False, "gone": False, "into": 0}


MANY_NAMES = {"format": 1, "names": {str(label): "" for label in range(70_000)}}


def with_classes(raw: bytes, classes: list[dict]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        about = json.loads(file.read("classifier.json"))
    about |= {"classes": classes, "order": [len(classes)], "of_cluster": [1] * len(about["of_cluster"])}
    return with_member(raw, "classifier.json", json.dumps(about).encode())


def tiff(labels: np.ndarray, **how) -> bytes:
    content = io.BytesIO()
    tifffile.imwrite(content, labels, metadata=None, **how)
    return content.getvalue()


def rows_of(raw: bytes, rows: int) -> bytes:
    """Let the tag ImageLength of a TIFF say another number of rows."""
    (start,) = struct.unpack_from("<L", raw, 4)
    at = raw.index(struct.pack("<H", 257), start) + 8
    return raw[:at] + struct.pack("<L", rows) + raw[at + 4 :]


def number_of(raw: bytes, name: str, value: int) -> bytes:
    """Give a whole number of a parameter file another value."""
    at = raw.index(b"GNOL", raw.index(name.encode("utf-16-le")))
    return raw[: at + 4] + struct.pack("<l", value) + raw[at + 8 :]


def put(before: bytes, after: bytes):
    def change(raw: bytes) -> bytes:
        assert before in raw
        return raw.replace(before, after)

    return change


def with_colour(raw: bytes, colour: str) -> bytes:
    """Give the class of a label map or a truth another colour."""
    with tifffile.TiffFile(io.BytesIO(raw)) as file:
        text = file.pages[0].tags["ImageDescription"].value
    return tiff(np.eye(8, dtype=np.uint8), description=text.replace("#ff0000", colour))


CASES = {
    "a truth with a colour of 9000 letters": ("truth", lambda raw: with_colour(raw, "x" * 9000)),
    "a label map with a colour that is HTML": ("label map", lambda raw: with_colour(raw, "<img src=x>")),
    "a model that unpacks to a hundred times its size": (
        "model",
        lambda raw: packed(
            {"classifier.json": b"{}", "centres.npy": as_npy(np.zeros(1 << 21))}, zipfile.ZIP_DEFLATED
        ),
    ),
    "a model that is an array": ("model", lambda raw: as_npy(np.zeros(3))),
    "a zip in the place of an array": (
        "model",
        lambda raw: with_member(raw, "centres.npy", packed({"a": b"b"})),
    ),
    "an array of objects": (
        "model",
        lambda raw: with_member(raw, "centres.npy", header("|O", (3,), bytes(24))),
    ),
    "numbers of no bytes": ("model", lambda raw: with_member(raw, "centres.npy", header("|V0", (10**12,)))),
    "a broken header": ("model", lambda raw: with_member(raw, "centres.npy", header("<f4", (3,))[:40])),
    "an open bracket in a header": (
        "model",
        lambda raw: with_member(raw, "centres.npy", b"\x93NUMPY\1\0\2\0{("),
    ),
    "infinite centres": ("model", centres(lambda a: a * np.float32(np.inf))),
    "centres of NaN": ("model", centres(lambda a: a * np.float32(np.nan))),
    "centres of text": ("model", centres(lambda a: a.astype(str))),
    "labels that are not whole": (
        "model",
        lambda raw: with_member(raw, "lessons/labels.npy", as_npy(array_of(raw, "lessons/labels.npy") + 0.5)),
    ),
    "exemplars of another shape": (
        "model",
        lambda raw: with_member(raw, "exemplars.npy", as_npy(array_of(raw, "exemplars.npy")[1:, :, :2])),
    ),
    "classes that are merged into each other in a long row": (
        "model",
        lambda raw: with_classes(
            raw, [*(CLASS | {"gone": True, "into": i + 2} for i in range(99_999)), CLASS]
        ),
    ),
    "a map of 33 kB that unpacks to 1 GB": (
        "label map",
        lambda raw: rows_of(
            tiff(np.zeros((2000, 1000), np.uint8), compression="zlib", description=OURS), 2**20
        ),
    ),
    "a map with one flipped bit of its height": ("label map", lambda raw: rows_of(raw, 8 + 2**24)),
    "a map with very many names": (
        "label map",
        lambda raw: tiff(np.eye(8, dtype=np.uint8), description=json.dumps({"napari-stmml": MANY_NAMES})),
    ),
    "a TIFF of others with one flipped bit of its height": (
        "TIFF of others",
        lambda raw: rows_of(raw, 8 + 2**24),
    ),
    "2000 brackets in a job": ("job.toml", lambda raw: b"a = " + b"[" * 2000),
    "a number of 5000 digits in a job": ("job.toml", lambda raw: b"random_seed = " + b"9" * 5000),
    "a name of 100 000 dots in a job": ("job.toml", lambda raw: b"a" + b".a" * 100_000 + b" = 1"),
    "the home of nobody in a job": (
        "job.toml",
        put(b'train_path = ["scans"]', b'train_path = ["~nobody/x"]'),
    ),
    "3e7 lines on a small scan": ("MATRIX parameter file", lambda raw: number_of(raw, "Lines", 30_000_000)),
    "a chain of brackets": ("chain", lambda raw: b"[" * 60_000),
    "a line that was cut": ("event", lambda raw: raw[: len(raw) // 2]),
    "a request of no kind on several lines": ("request", lambda raw: b'{"request": "x",\n\n"a": 1}'),
    "a request that was cut": ("request", lambda raw: raw[: len(raw) // 2]),
}
OURS = '{"napari-stmml": {"format": 1}}'


@pytest.mark.parametrize("case", CASES)
def test_a_known_case_is_one_sentence(tmp_path, case):
    name, change = CASES[case]
    one = formats()[name]
    path = one.lay_out(tmp_path)
    raw = change(path.read_bytes())
    came = judge(one.read, path, lambda at: at.write_bytes(raw), one.names)
    assert came.kind == "sentence", came
