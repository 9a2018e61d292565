import json

import pytest

from napari_stmml.heights.chain_file import ENDING, FORMAT, MOST_BYTES, load_chain, save_chain
from napari_stmml.heights.flatten import FLATTEN_METHODS


@pytest.mark.parametrize(
    "chain",
    [*sorted(set(FLATTEN_METHODS) - {"repeat"}), "poly_xy + iterate_mask", " + ".join(FLATTEN_METHODS)],
)
def test_a_saved_chain_is_read_back_as_it_was(tmp_path, chain):
    assert load_chain(save_chain(tmp_path / "mine", chain)) == chain


@pytest.mark.parametrize("name", ["mine", "mine.json", f"mine{ENDING}"])
def test_the_file_gets_our_ending_once(tmp_path, name):
    assert save_chain(tmp_path / name, "poly_xy") == tmp_path / f"mine{ENDING}"
    assert [path.name for path in tmp_path.iterdir()] == [f"mine{ENDING}"]


def test_the_file_says_its_format_and_who_wrote_it(tmp_path):
    about = json.loads(save_chain(tmp_path / "mine", "poly_xy + none").read_text("utf-8"))
    assert about["format"] == FORMAT
    assert about["flatten"] == ["poly_xy", "none"]
    assert about["napari-stmml"]


def test_a_chain_that_is_none_is_not_written_and_leaves_the_old_file(tmp_path):
    path = save_chain(tmp_path / "mine", "poly_xy")
    with pytest.raises(ValueError, match="'poly_xz' is not known"):
        save_chain(path, "poly_xz")
    assert load_chain(path) == "poly_xy"


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        load_chain(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x80\x04\x95 a pickle", "it is no JSON"),
        (b"", "it is no JSON"),
        (b"[" * 20_000, "it is no JSON"),
        (b" " * (MOST_BYTES + 1), "is too large: 64 KiB, at most 64 KiB are read"),
        (b"9" * 10_000, "it is no JSON"),
        (b'{"format": 1, "flatten": ["' + b"x" * 9000 + b'"]}', "is not known"),
        (b'["poly_xy"]', "holds no chain of flatten methods"),
        (b'{"flatten": ["poly_xy"]}', "holds no chain of flatten methods"),
        (b'{"format": true, "flatten": ["poly_xy"]}', "holds no chain of flatten methods"),
        (b'{"format": 1}', "holds no chain of flatten methods"),
        (b'{"format": 99, "flatten": []}', "has format 99, this program reads up to 1"),
        (b'{"format": 1, "flatten": "poly_xy"}', "'flatten' is no list of names"),
        (b'{"format": 1, "flatten": [["poly_xy"]]}', "'flatten' is no list of names"),
        (b'{"format": 1, "flatten": ["os.remove"]}', "'os.remove' is not known"),
        (b'{"format": 1, "flatten": []}', "names no method"),
    ],
)
def test_a_bad_file_is_a_sentence_that_names_it(tmp_path, content, why):
    path = tmp_path / "bad.stmml-flatten.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=why) as caught:
        load_chain(path)
    assert str(caught.value).startswith("bad.stmml-flatten.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
