import hashlib

from napari_stmml.system.files import free_path, sha256


def test_a_hash_is_that_of_all_bytes_and_a_missing_file_has_none(tmp_path, rng):
    content = rng.bytes(300_000)
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
    assert sha256(tmp_path / "b") is None
    assert sha256(tmp_path) is None


def test_a_free_path_is_the_first_that_nothing_has(tmp_path):
    path = tmp_path / "a.truth.tif"
    taken = []
    for _ in range(3):
        taken.append(free_path(path))
        taken[-1].mkdir()
    assert [one.name for one in taken] == ["a.truth.tif", "a.truth_2.tif", "a.truth_3.tif"]
    assert free_path(tmp_path / "b.tif") == tmp_path / "b.tif"
    assert free_path(path, "-").name == "a.truth-2.tif"
