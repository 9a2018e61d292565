import io
import zipfile

import numpy as np
import pytest

from napari_stmml.system.array_file import open_array, read_arrays


def member(array, **changed):
    """Return an array as .npy; ``changed`` are entries of its header, whatever it holds."""
    content = io.BytesIO()
    about = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **changed}
    np.lib.format.write_array_header_1_0(content, about)
    return content.getvalue() + array.tobytes()


def zipped(path, members, **how):
    with zipfile.ZipFile(path, "w", **how) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


ARRAYS = {
    "a": np.arange(12, dtype=np.float32).reshape(3, 4),
    "deep/b": np.zeros((0, 7), np.uint8),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
    "number": np.array(np.inf),
    "swapped": np.arange(3, dtype=">f8"),
    "mask": np.array([True, False]),
    "half": np.ones((1, 2, 3, 4), np.float16),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_numpy_wrote_is_mapped_as_it_was(tmp_path, name):
    np.save(tmp_path / "a.npy", ARRAYS[name], allow_pickle=False)
    again = open_array(tmp_path / "a.npy")
    assert again.dtype == ARRAYS[name].dtype
    np.testing.assert_array_equal(again, ARRAYS[name])


def test_arrays_that_numpy_wrote_into_one_file_are_read_as_they_were(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    again = read_arrays(tmp_path / "a.npz")
    assert again.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert again[name].dtype == array.dtype
        np.testing.assert_array_equal(again[name], array)


PLAIN = np.ones(3, np.float32)
HOSTILE = {
    "objects": member(PLAIN, descr="|O"),
    "text": member(np.array(["a", "b"])),
    "structured": member(PLAIN, descr=[("x", "<f4")]),
    "no bytes each": member(PLAIN, descr="|V0", shape=(10**12,)),
    "huge": member(PLAIN, shape=(10**15,)),
    "huge and none": member(np.ones(0, np.float32), shape=(0, 10**18, 10**18)),
    "negative": member(PLAIN, shape=(-3,)),
    "too few": member(PLAIN, shape=(2,)),
    "broken header": b"\x93NUMPY\1\0\x10\0{'descr': '<f4', " + bytes(12),
    "header of code": b"\x93NUMPY\1\0\x10\0__import__('os')" + bytes(12),
    "endless header": b"\x93NUMPY\2\0\xff\xff\xff\xff{",
    "brackets": b"\x93NUMPY\1\0\xd0\x07" + b"(" * 2000,
    "a zip": b"PK\3\4" + bytes(100),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_array_of_plain_numbers_is_refused_by_name(tmp_path, kind):
    (tmp_path / "a.npy").write_bytes(HOSTILE[kind])
    with pytest.raises(
        ValueError, match=r"a\.npy cannot be read: it.* is|a\.npy cannot be read: its numbers take"
    ):
        open_array(tmp_path / "a.npy")
    zipped(tmp_path / "a.npz", {"x.npy": HOSTILE[kind]})
    with pytest.raises(ValueError, match=r"a\.npz cannot be read: x: it"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_nothing_packed_is_read_so_that_a_small_file_takes_little_memory(tmp_path, how):
    path = zipped(tmp_path / "a.npz", {"x.npy": member(np.zeros(1 << 20))}, compression=how)
    with pytest.raises(ValueError, match=r"a\.npz cannot be read: x\.npy is packed"):
        read_arrays(path)


def test_members_that_share_their_bytes_are_refused(tmp_path):
    raw = zipped(tmp_path / "a.npz", {"x.npy": member(np.zeros(1000))}).read_bytes()
    at = raw.index(b"PK\1\2")
    entry, end = raw[at : raw.index(b"PK\5\6")], raw[raw.index(b"PK\5\6") :]
    end = end[:8] + (2000).to_bytes(2, "little") * 2 + (2000 * len(entry)).to_bytes(4, "little") + end[16:]
    (tmp_path / "a.npz").write_bytes(raw[:at] + 2000 * entry + end)
    with pytest.raises(ValueError, match="members have 16256000 bytes, the file has"):
        read_arrays(tmp_path / "a.npz")


def test_a_huge_list_of_members_is_not_read(tmp_path):
    path = zipped(tmp_path / "a.npz", {f"{number:08d}" * 20: "" for number in range(22_000)})
    with pytest.raises(ValueError, match=r"its list of members has \d+ bytes, at most 4194304 are read"):
        read_arrays(path)


def test_a_changed_byte_of_an_array_is_noticed(tmp_path):
    path = zipped(tmp_path / "a.npz", {"x.npy": member(PLAIN)})
    raw = bytearray(path.read_bytes())
    raw[raw.index(PLAIN.tobytes())] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"a\.npz cannot be read: Bad CRC-32"):
        read_arrays(path)
