import pytest
from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtTest import QTest

from napari_stmml.heights.flatten import FLATTEN_METHODS, METHODS, parse_chain
from napari_stmml.recipe import Recipe
from napari_stmml.viewer.prepare.chain_editor import GROUPS, PRESETS, ChainEditor, about


@pytest.fixture
def editor(qtbot):
    editor = ChainEditor()
    qtbot.addWidget(editor)
    return editor


@pytest.fixture
def told(editor):
    """List the chains that the editor has told of."""
    told = []
    editor.changed.connect(told.append)
    return told


@pytest.fixture
def refused(editor):
    refused = []
    editor.refused.connect(refused.append)
    return refused


def test_it_begins_with_the_recipes_own_chain(editor):
    assert editor.value == Recipe().flatten_method == editor.text.text()


@pytest.mark.parametrize("chain", ["none", "row_median + poly_xy", "poly_xy + mask + repeat"])
def test_a_chain_that_is_set_is_listed_and_written_and_told_once(editor, told, chain):
    editor.value = chain
    editor.value = chain
    assert editor.value == editor.text.text() == chain
    assert told == [chain]
    assert tuple(editor.methods) == parse_chain(chain)


def test_methods_are_added_behind_the_chosen_one_moved_and_removed(editor, told):
    editor.add("scars")
    editor.add("clip_spikes")
    assert editor.value == "poly_xy + scars + clip_spikes"
    editor.list.setCurrentRow(0)
    editor.add("row_median")
    assert editor.value == "poly_xy + row_median + scars + clip_spikes"
    editor.move(-1)
    assert editor.value == "row_median + poly_xy + scars + clip_spikes"
    editor.move(-1)
    editor.move(-1)  # nowhere to go
    assert editor.value == "row_median + poly_xy + scars + clip_spikes"
    editor.list.setCurrentRow(3)
    editor.remove_chosen()
    assert editor.value == told[-1] == "row_median + poly_xy + scars"


def test_when_the_last_method_is_removed_nothing_is_done_and_the_next_one_takes_its_place(editor):
    editor.remove_chosen()
    assert editor.value == "none"
    assert not editor.remove.isEnabled()
    editor.add("row_median")
    assert editor.value == "row_median"


def test_a_method_that_is_dragged_changes_the_chain(editor, told):
    editor.value = "row_median + poly_xy + scars"
    editor.list.model().moveRow(QModelIndex(), 0, QModelIndex(), 3)
    assert editor.value == editor.text.text() == told[-1] == "poly_xy + scars + row_median"


def test_the_buttons_do_what_they_show(editor, qtbot):
    editor.value = "row_median + poly_xy"
    assert not editor.up.isEnabled()
    editor.down.click()
    assert editor.value == "poly_xy + row_median"
    editor.up.click()
    assert editor.value == "row_median + poly_xy"
    editor.remove.click()
    assert editor.value == "poly_xy"


def test_the_menu_offers_every_method_but_nothing_with_its_names_elsewhere(editor):
    offered = {action.text().strip(): action for action in editor.add_menu.actions() if action.isEnabled()}
    assert set(offered) == set(FLATTEN_METHODS) - {"none"}
    for method, action in offered.items():
        known = METHODS[method]
        assert action.toolTip() == about(method)
        assert all(text in action.toolTip() for text in (known.help, known.gwyddion, known.spiepy))
    offered["row_median"].trigger()
    assert editor.value == "poly_xy + row_median"


def test_each_method_stands_in_one_group():
    methods = [method for group in GROUPS.values() for method in group]
    assert sorted(methods) == sorted(set(FLATTEN_METHODS) - {"none"})


@pytest.mark.parametrize(("name", "chain"), PRESETS.items())
def test_a_preset_is_a_chain_and_is_taken_over(editor, name, chain):
    parse_chain(chain)
    next(action for action in editor.preset_menu.actions() if action.text() == name).trigger()
    assert editor.value == chain


def test_a_text_is_taken_over_with_enter(editor, told):
    editor.text.setText(" row_mean+xy ")
    QTest.keyClick(editor.text, Qt.Key.Key_Return)
    assert editor.value == editor.text.text() == "row_mean + xy"
    assert told == ["row_mean + xy"]


def test_a_text_that_is_no_chain_is_put_back_with_a_sentence(editor, told, refused):
    editor.text.setText("poly_xz")
    editor.text.editingFinished.emit()
    assert editor.value == editor.text.text() == "poly_xy"
    assert "'poly_xz' is not known" in refused[0]
    assert told == []


def test_a_step_that_makes_no_sense_is_refused_and_the_chain_stays(editor, told, refused):
    editor.add("repeat")
    assert editor.value == editor.text.text() == "poly_xy"
    assert "'repeat'" in refused[0]
    editor.value = "poly_xy + mask + repeat"
    editor.list.model().moveRow(QModelIndex(), 2, QModelIndex(), 0)
    assert editor.value == "poly_xy + mask + repeat"
    assert len(refused) == 2
    assert told == ["poly_xy + mask + repeat"]


def test_setting_a_chain_that_is_none_changes_nothing(editor):
    with pytest.raises(ValueError, match="'flat' is not known"):
        editor.value = "poly_xy + flat"
    assert editor.value == "poly_xy"


def test_methods_are_suggested_for_the_part_that_is_being_written(editor):
    completer = editor.text.completer()
    editor.text.setText("scars + row_med")
    completer.setCompletionPrefix(completer.splitPath(editor.text.text())[0])
    found = completer.completionModel()
    assert found.rowCount() == 1
    assert found.index(0, 0).data() == "row_median"
    assert completer.currentCompletion() == "scars + row_median"
    editor.text.setText("row_med")
    assert completer.currentCompletion() == "row_median"
