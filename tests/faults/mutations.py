"""Bytes made wrong: bits flipped, cut, repeated, numbers and text replaced; JSON with one wrong value."""

import json
import re
import struct

from hypothesis import strategies as st

NUMBERS = (
    0,
    1,
    2,
    -1,
    -(2**31),
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    -(2**63),
    10**6,
    65_536,
    30_000_000,
)
TEXTS = (
    *(b"", b"0", b"-1", b"NaN", b"Infinity", b"1e999", b"9" * 5000, b"1" * 100_000, b"x" * 100_000),
    *(b"../../victim", b"/dev/zero", b"~nobody/x", b"\0", b"\n\n", b"<img src=x>", b"=cmd()", b"\x1b[2J"),
    *(
        b"[" * 2000,
        b"{" * 100_000,
        b"," * 10_000,
        b"'" * 999,
        b'"',
        b"null",
        b"true",
        b"\xff\xfe",
        "測試Ü".encode(),
    ),
    *("Übung".encode("utf-16-le"), b"cos\nsystem\n(S'true'\ntR.", b"__import__('os').system('true')"),
)
VALUES = (
    *(None, True, -1, 0, 1, 10**6, 2**31, 2**63, 10**400, -(10**18), 1e308, float("nan"), float("inf")),
    *("", "x" * 100_000, "\0", "../../victim", "/dev/zero", "~nobody/x", "<img src=x>", "=cmd()", "9" * 5000),
    *(
        [],
        {},
        [[[[]]]],
        [0] * 1000,
        ["x", 1, None],
        {"x": {"y": "z"}},
        "\x1b[2J",
        "\ud800",
        "poly_xy + " * 99,
    ),
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


def flip(raw: bytes, at: int, value: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ (1 << value % 8)]) + raw[at + 1 :]


def cut(raw: bytes, at: int, value: int) -> bytes:
    return raw[:at]


def drop(raw: bytes, at: int, value: int) -> bytes:
    return raw[:at] + raw[at + 1 + value % 64 :]


def repeat(raw: bytes, at: int, value: int) -> bytes:
    block = raw[at : at + 1 + value % 64]
    return raw[:at] + block * (1 + value % 50) + raw[at:]


def swap(raw: bytes, at: int, value: int) -> bytes:
    wide = 1 + value % 32
    other = value % len(raw)
    first, second = sorted((at, other))
    if first + wide > second:
        return raw
    one, two = raw[first : first + wide], raw[second : second + wide]
    return raw[:first] + two + raw[first + wide : second] + one + raw[second + wide :]


def resize(raw: bytes, at: int, value: int) -> bytes:
    """Put a huge or negative number of 2, 4 or 8 bytes, of either order, where one may stand."""
    number, wide = NUMBERS[value % len(NUMBERS)], (2, 4, 4, 8)[value // 64 % 4]
    at = at // 2 * 2 if value % 3 else at
    order = "<" if value % 5 else ">"
    put = struct.pack(f"{order}Q", number % 2**64)
    put = put[:wide] if order == "<" else put[-wide:]
    return raw[:at] + put + raw[at + wide :]


def nonsense(raw: bytes, at: int, value: int) -> bytes:
    """Put text in, or in the place of a number."""
    text = TEXTS[value % len(TEXTS)]
    found = _NUMBER.search(raw, at)
    if value % 2 and found:
        return raw[: found.start()] + text + raw[found.end() :]
    return raw[:at] + text + raw[at:]


CHANGES = (flip, flip, resize, resize, nonsense, nonsense, cut, drop, repeat, swap)
anything = st.integers(0, 2**32 - 1)


@st.composite
def mutated(draw, raw: bytes) -> bytes:
    """Return a file with one to three changes anywhere."""
    for change, at, value in draw(
        st.lists(st.tuples(st.sampled_from(CHANGES), anything, anything), min_size=1, max_size=3)
    ):
        if raw:
            raw = change(raw, at % len(raw), value)
    return raw


def leaves(value, path=()):
    """List the paths to all values within JSON, containers too."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        found += leaves(one, (*path, key))
    return found


def with_wrong_leaf(value, at: int, wrong):
    """Return JSON with one value, or one table, replaced by another; a key is dropped for ``...``."""
    paths = leaves(value)
    again = json.loads(json.dumps(value))
    inner, path = again, paths[at % len(paths)]
    for key in path[:-1]:
        inner = inner[key]
    if wrong is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = wrong
    return again


@st.composite
def wrong_json(draw, value) -> bytes:
    """Return the text of JSON with one wrong value."""
    wrong = draw(st.sampled_from((*VALUES, ...)))
    return json.dumps(with_wrong_leaf(value, draw(anything), wrong)).encode()
