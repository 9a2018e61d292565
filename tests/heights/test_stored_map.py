import numpy as np
import pytest

from napari_stmml.heights.stored_map import StoredMap


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_prepared_heights_come_back_as_they_were(tmp_path, shape):
    heights = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.save(tmp_path / "a.npy", heights)
    np.testing.assert_array_equal(StoredMap(tmp_path / "a.npy").load(), heights)


@pytest.mark.parametrize(
    "content",
    [np.ones(3, np.float32), np.ones((3, 3)), np.ones((3, 3, 3), np.float32), np.array([["a"]]), b"PK\3\4"],
    ids=["line", "float64", "three maps", "text", "zip"],
)
def test_what_are_no_prepared_heights_is_refused_by_name(tmp_path, content):
    path = tmp_path / "a.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=r"a\.npy (holds no prepared heights but|cannot be read: )"):
        StoredMap(path).load()
