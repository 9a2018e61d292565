"""Curves of a training: the values drawn are those given."""

from pathlib import Path

import matplotlib.colors
import numpy as np
import pytest

from napari_stmml.figures.curves import convergence_figure, history_figure, loss_figure, proposal_figure
from napari_stmml.figures.drawing import save_figure


def test_a_loss_plot_holds_the_losses_on_a_logarithmic_axis(tmp_path):
    figure, draw = loss_figure("#101010", "#eeeeee")
    (axes,) = figure.axes
    assert [len(line.get_xdata()) for line in axes.lines] == [0, 0]
    for n in (2, 3):  # drawing again replaces what was there
        training, validation = [(i / 4, 0.1 / (i + 1)) for i in range(n)], [(1, 0.05)]
        draw(training, validation)
        assert [line.get_xydata().tolist() for line in axes.lines] == [
            [list(point) for point in training],
            [list(point) for point in validation],
        ]
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
    assert axes.xaxis.label.get_color() == "#eeeeee"
    assert matplotlib.colors.to_hex(figure.get_facecolor()) == "#101010"
    draw([(1, 0.5)], [])
    assert [len(line.get_xdata()) for line in axes.lines] == [1, 0]
    assert Path(save_figure(figure, tmp_path / "loss.png")).exists()


def test_a_history_shows_both_losses_on_a_logarithmic_axis(tmp_path):
    history = [{"epoch": i + 1, "loss": 0.1 / (i + 1), "mse": 1.0, "mae": 1.0} for i in range(3)]
    history[2]["val_loss"] = 0.5
    (axes,) = history_figure(history).axes
    assert axes.get_yscale() == "log"
    training, validation = axes.lines
    assert training.get_xydata() == pytest.approx(np.array([[1, 0.1], [2, 0.05], [3, 0.1 / 3]]))
    assert validation.get_xydata().tolist() == [[3, 0.5]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]


@pytest.mark.parametrize(
    "history", [[], [{"epoch": 1}], [{"loss": 0.0}], [{"epoch": 1, "loss": float("nan")}]]
)
def test_a_history_of_nothing_is_an_empty_plot(history, tmp_path):
    assert save_figure(history_figure(history), tmp_path / "a.png").exists()


def test_a_convergence_shows_inertia_against_windows_seen(tmp_path):
    figure = convergence_figure([180.0, 175.0], [512, 1024])
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[512, 180], [1024, 175]]
    assert save_figure(convergence_figure([], []), tmp_path / "a.png").exists()


def test_a_proposal_is_drawn_with_a_line_at_what_is_proposed():
    figure, draw = proposal_figure("#101010", "#eeeeee")
    (axes,) = figure.axes
    for curve, proposed in (([(2, 0.1), (4, 0.3)], 4), ([(2, 0.1), (8, 0.4), (9, 0.2)], 8)):
        draw(curve, proposed)
        line, mark = axes.lines
        assert line.get_xydata().tolist() == [list(point) for point in curve]
        assert list(mark.get_xdata()) == [proposed, proposed]
        low, high = axes.get_xlim()
        assert low <= 2 < curve[-1][0] <= high
