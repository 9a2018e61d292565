"""The class table: it shows classes, and its signals say what a person does to it."""

import pytest
from qtpy.QtCore import Qt

from napari_stmml.classes import Classes
from napari_stmml.measuring.class_statistics import Share
from napari_stmml.viewer.correct.class_table import (
    AREA,
    COLOUR,
    EXAMPLES,
    EYE,
    NAME,
    REGIONS,
    SHARE,
    ClassTable,
)


@pytest.fixture
def table(qtbot):
    table = ClassTable()
    qtbot.addWidget(table)
    table.show_classes(Classes.plain(("rows", "holes", "bumps")), {2: 14})
    table.show_shares({1: Share(3, 12.5, 0.75), 2: Share(1, 4.166, 0.25)})
    return table


def cell(table, row, column, role=Qt.ItemDataRole.DisplayRole):
    return table.item(row, column).data(role)


def click(table, row, column):
    table.cellClicked.emit(row, column)


def test_a_row_shows_name_colour_regions_area_share_and_examples(table):
    shown = [cell(table, 0, column) for column in (NAME, REGIONS, AREA, SHARE)]
    assert shown == ["rows", "3", "12.5", "75.0"]
    assert cell(table, 1, EXAMPLES) == "14"
    assert table.item(0, COLOUR).background().color().name() == Classes.plain(("a",)).colours[0]


def test_the_table_follows_the_order_of_the_classes_and_merged_ones_are_gone(table):
    table.show_classes(Classes.plain(("rows", "holes", "bumps")).reordered([3, 1, 2]).merged([1], into=2), {})
    assert [cell(table, row, NAME) for row in range(table.model().rowCount())] == ["bumps", "holes"]


def test_a_click_on_a_row_picks_its_label(table, qtbot):
    with qtbot.waitSignal(table.picked) as picked:
        click(table, 2, NAME)
    assert picked.args == [3]


def test_an_eye_hides_one_class_and_a_double_click_all_the_others(table):
    click(table, 1, EYE)
    assert table.hidden == {2}
    assert table.item(1, EYE).checkState() == Qt.CheckState.Unchecked
    click(table, 1, EYE)
    assert table.hidden == set()
    table.cellDoubleClicked.emit(1, EYE)
    assert table.hidden == {1, 3}
    table.cellDoubleClicked.emit(1, EYE)
    assert table.hidden == set()


def test_a_new_name_is_told(table, qtbot):
    with qtbot.waitSignal(table.renamed) as renamed:
        table.item(0, NAME).setText(" dimer rows ")
    assert renamed.args == [1, "dimer rows"]


def test_what_was_selected_stays_selected_when_classes_change(table):
    table.select([3])
    table.show_classes(Classes.plain(("rows", "holes", "bumps")).reordered([3, 2, 1]), {})
    assert table.chosen == [3]


def test_background_says_so(table):
    table.show_classes(Classes.plain(("rows", "holes", "bumps")).as_background(1), {})
    assert cell(table, 0, NAME, Qt.ItemDataRole.FontRole).italic()
    assert cell(table, 0, NAME, Qt.ItemDataRole.AccessibleTextRole) == "rows, background"
    assert not cell(table, 1, NAME, Qt.ItemDataRole.FontRole).italic()
