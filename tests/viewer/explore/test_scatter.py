"""The canvas of points: all of them as density, some in colour, a lasso that rings what the hand rings."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest

from napari_stmml.viewer.explore.points import inside
from napari_stmml.viewer.explore.scatter import EDGE, Scatter, mixed, packed

RED, BLUE = packed(["#ff0000", "#0000ff"])
PAPER, INK = packed(["#101010", "#f0f0f0"])


@pytest.fixture
def canvas(qtbot, monkeypatch):
    from napari_stmml.viewer.explore import scatter

    monkeypatch.setattr(scatter, "_theme", lambda: (PAPER, INK))
    canvas = Scatter()
    qtbot.addWidget(canvas)
    canvas.resize(300 + EDGE + 1, 200 + EDGE + 1)
    canvas.show()
    return canvas


def show(canvas, points, colours, every=None):
    points = np.asarray(points, np.float32)
    every = points if every is None else np.asarray(every, np.float32)
    canvas.show_points(every, points, np.asarray(colours, np.uint32), ("PC 1 (60 %)", "PC 2 (30 %)"))


def test_colours_are_packed_as_qt_reads_them_and_mix():
    assert [hex(one) for one in packed(["#123456", "no colour"])] == ["0xff123456", "0xff8c8c8c"]
    assert mixed(RED, BLUE, 0) == RED
    assert mixed(RED, BLUE, 1) == BLUE
    assert hex(mixed(RED, BLUE, 0.5)[()]) == "0xff800080"


def test_a_point_is_in_its_colour_at_its_place(canvas):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    picture = canvas.picture((200, 300))
    for colour, place in ((RED, (0, 0)), (BLUE, (1, 1))):
        rows, cols = np.nonzero(picture == colour)
        (x0, x1), (y0, y1) = canvas.limits
        assert np.mean(cols) == pytest.approx((place[0] - x0) / (x1 - x0) * 300, abs=1.5)
        assert np.mean(rows) == pytest.approx((y1 - place[1]) / (y1 - y0) * 200, abs=1.5)


def test_density_lies_below_and_is_paper_where_nothing_is(canvas):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE], every=np.repeat([[0.5, 0.5], [0.2, 0.8]], [100, 3], axis=0))
    picture = canvas.picture((200, 300))
    shades = set(np.unique(picture).tolist()) - {int(RED), int(BLUE)}
    assert int(PAPER) in shades
    assert int(mixed(PAPER, INK, 0.5)[()]) in shades  # the densest bin
    assert len(shades) == 3


def test_the_fewer_points_the_wider_the_dots(canvas, rng):
    wide = []
    for n in (4, 4000, 40_000):
        show(canvas, rng.uniform(size=(n, 2)), np.full(n, RED))
        wide.append((canvas.picture((200, 300)) == RED).sum() / n)
    assert wide[0] == 9
    assert wide[0] > wide[1] > wide[2]


def test_what_is_marked_stands_out_and_the_rest_is_dim(canvas):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    canvas.mark(np.array([[1, 1]], np.float32), "#00ff00")
    colours = set(np.unique(canvas.picture((200, 300))).tolist())
    assert int(packed(["#00ff00"])[0]) in colours
    assert not colours & {int(RED), int(BLUE)}
    canvas.mark(np.zeros((0, 2), np.float32), "#00ff00")
    assert {int(RED), int(BLUE)} <= set(np.unique(canvas.picture((200, 300))).tolist())


def test_a_screen_of_more_pixels_gets_wider_dots(canvas):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    assert (canvas.picture((400, 600), ratio=2) == RED).sum() == 36


def test_nothing_to_show_is_paper(canvas):
    show(canvas, np.zeros((0, 2)), [])
    assert (canvas.picture((20, 30)) == PAPER).all()
    canvas.grab()


def drag(canvas, places, button=Qt.MouseButton.LeftButton):
    QTest.mousePress(canvas, button, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(canvas, place)
    QTest.mouseRelease(canvas, button, pos=places[-1])


def test_a_lasso_rings_the_points_that_the_hand_rings(canvas, qtbot):
    show(canvas, [[0, 0], [1, 1], [0.5, 0.5]], [RED, BLUE, RED])
    left, right, top, bottom = EDGE + 5, EDGE + 150, 110, 195  # around the point at the left below
    corners = [QPoint(left, top), QPoint(right, top), QPoint(right, bottom), QPoint(left, bottom)]
    with qtbot.waitSignal(canvas.lassoed) as caught:
        drag(canvas, corners)
    found = inside(caught.args[0], np.array([[0, 0], [1, 1], [0.5, 0.5]]))
    assert found.tolist() == [True, False, False]


def test_a_lasso_is_drawn_while_it_grows_and_gone_when_it_is_closed(canvas):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    before = canvas.grab().toImage()
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    for place in (QPoint(160, 60), QPoint(160, 160)):
        QTest.mouseMove(canvas, place)
    assert canvas.grab().toImage() != before
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(160, 160))
    assert canvas.grab().toImage() == before


def test_a_click_is_no_lasso(canvas, qtbot):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    with qtbot.assertNotEmitted(canvas.lassoed):
        drag(canvas, [QPoint(60, 60)])


def test_the_right_button_moves_the_points_along_with_the_mouse(canvas, qtbot):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    place = QPointF(100, 100)
    held = canvas._place(place)
    with qtbot.assertNotEmitted(canvas.lassoed):
        drag(canvas, [QPoint(100, 100), QPoint(130, 80)], Qt.MouseButton.RightButton)
    np.testing.assert_allclose(canvas._place(QPointF(130, 80)), held)


def wheel(canvas, place, up):
    no = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    canvas.wheelEvent(QWheelEvent(place, place, QPoint(), QPoint(0, 120 * up), *no, False))


def test_the_wheel_zooms_about_the_place_under_the_mouse_and_back(canvas):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    before, place = canvas.limits, QPointF(90, 140)
    held = canvas._place(place)
    wheel(canvas, place, 1)
    np.testing.assert_allclose(canvas._place(place), held)
    assert canvas.limits[0][1] - canvas.limits[0][0] < before[0][1] - before[0][0]
    wheel(canvas, place, -1)
    np.testing.assert_allclose(canvas.limits, before)


def test_a_double_click_shows_everything_again(canvas):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    before = canvas.limits
    wheel(canvas, QPointF(90, 140), 5)
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    assert canvas.limits == before


def test_a_picture_is_painted_once_until_something_changes(canvas, monkeypatch):
    show(canvas, [[0, 0], [1, 1]], [RED, BLUE])
    canvas.grab()
    kept = canvas._image
    canvas.grab()
    assert canvas._image is kept
    canvas.recolour(np.array([BLUE, BLUE]))
    canvas.grab()
    assert canvas._image is not kept


def test_50_000_points_over_300_000(canvas, rng, measured):
    import time

    points = rng.normal(size=(300_000, 2)).astype(np.float32)
    show(canvas, points[:50_000], np.full(50_000, RED), every=points)
    times = []
    for _ in range(5):
        canvas._image = None
        start = time.perf_counter()
        canvas.grab()
        times.append(time.perf_counter() - start)
    measured(f"Explore: 50 000 points over 300 000 are painted in {1000 * np.median(times):.0f} ms")
