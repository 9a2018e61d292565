"""Keys: in one list, on one page, and none that takes a key from napari where napari's own would work."""

from pathlib import Path

import pytest
from app_model.types import KeyBinding
from napari._app_model import get_app_model
from napari.utils.shortcuts import default_shortcuts

from napari_stmml.viewer.shared.keys import KEYS, as_html

PAGE = Path(__file__).parents[3] / "docs" / "keys.md"
SAME = {
    KeyBinding.from_str("Ctrl+Z"),
    KeyBinding.from_str("Ctrl+Shift+Z"),
}  # undo and redo


def of_napari():
    """Return all keys of napari: of its viewer, its layers and its menus."""
    in_menus = {one.keybinding for one in get_app_model().keybindings}
    return in_menus | {key for keys in default_shortcuts.values() for key in keys}


@pytest.mark.parametrize("panel", KEYS)
def test_the_page_has_all_keys(panel):
    text = PAGE.read_text(encoding="utf-8")
    for keys, what in KEYS[panel]:
        assert f"| {keys} | {what} |" in text
        assert keys in as_html(panel)


def test_no_key_of_the_truth_is_one_of_napari(correction):
    truth = correction.of(correction.session.scans[0]).truth
    assert len(truth.keymap) == 14
    assert truth.keymap.keys() & (of_napari() - SAME) == set()


def test_no_key_of_prepare_is_one_of_napari(viewer, dock):
    key = dock(viewer, "Prepare").before.shortcut().toString()
    assert key == KEYS["Prepare"][0][0]
    assert KeyBinding.from_str(key) not in of_napari()
