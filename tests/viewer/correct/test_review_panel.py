"""The review in a viewer: it flies to an uncertain area and outlines it; a key or a stroke answers."""

import pytest

from napari_stmml.viewer.correct.review_panel import MARK, ReviewPanel


@pytest.fixture
def panel(correction, qtbot):
    panel = ReviewPanel(correction)
    qtbot.addWidget(panel)
    return panel


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_next_flies_to_an_area_outlines_it_and_says_between_which_classes_it_is(panel, correction, viewer):
    assert panel.text.text() == ""
    panel.next_button.click()
    one, area = panel.review.asked
    truth = correction.of(one).truth
    assert names(viewer).count(MARK) == 1
    assert viewer.layers.selection.active is truth
    assert truth.visible
    assert "an answer may settle" in panel.text.text()
    assert correction.session.model.class_names[area.label - 1] in panel.text.text()
    panel.answer(3)
    assert one.truth[tuple(round(at) for at in one.to_position(area.row, area.col))] == 3
    assert panel.review.asked[1] != area
    assert "1 answered, 0 skipped; uncertain:" in panel.text.text()
    panel.skip_button.click()
    assert panel.review.skipped == 1
    panel.leave()
    assert MARK not in names(viewer)
    assert not panel.skip_button.isEnabled()


def test_a_stroke_on_the_area_answers_it(panel, correction, viewer):
    correction.session.stroked.connect(panel.take_stroke)
    panel.go()
    one, area = panel.review.asked
    at = one.to_position(area.row, area.col)
    correction.session.paint(one, tuple(round(index) for index in at), 2)
    assert panel.review.asked is None
    assert MARK not in names(viewer)
    assert "1 answered" in panel.text.text()


def test_when_no_area_is_left_it_says_so(panel, correction, viewer):
    for one in correction.session.scans:
        one.confidence[...] = 1
    panel.go()
    assert panel.text.text().startswith("No uncertain area is left on the open scans.")
    viewer.layers.remove(correction.of(correction.session.scans[0]).truth)
    panel.renew()
    assert panel.text.text() == ""
