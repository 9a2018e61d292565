import numpy as np

from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.embedding import Drawn, Latent
from napari_stmml.jobs.embedding_files import load_question, load_view, save_question, save_view


def test_a_question_comes_back_as_it_was(tmp_path, rng):
    groups = [np.arange(3), np.zeros(0, int), np.arange(12)]
    space = Prototypes.plain(rng.normal(size=(4, 5)).astype(np.float32), limit=3.0)
    save_question(tmp_path / "a.npz", groups, space)
    again, centres = load_question(tmp_path / "a.npz")
    assert [one.tolist() for one in again] == [one.tolist() for one in groups]
    np.testing.assert_array_equal(centres.centres, space.centres)
    assert centres.limit == 3.0


def test_a_view_comes_back_as_it_was(tmp_path, rng):
    points = (rng.normal(size=(3, 2)), np.zeros((0, 2)))
    view = Latent(("t-SNE 1", "Höhe 2"), points, Drawn(np.array([0, 0, 1]), np.array([4, 5, 6])))
    save_view(tmp_path / "a.npz", view)
    again = load_view(tmp_path / "a.npz")
    assert again.axes == view.axes
    for one, before in zip(again.points, points, strict=True):
        np.testing.assert_array_equal(one, before)
    np.testing.assert_array_equal(again.drawn.scans, view.drawn.scans)
    np.testing.assert_array_equal(again.drawn.cells, view.drawn.cells)
