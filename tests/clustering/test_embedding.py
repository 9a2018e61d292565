"""The feature space in two dimensions: a sample in which rare classes stay, and maps of all cells."""

import sys

import numpy as np
import pytest

from napari_stmml.clustering import embedding
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.clustering.embedding import lay_out, look, project, sample


@pytest.fixture
def groups():
    """Classes of the cells of two scans: 9000 and 100 cells of two, a third that only the second has."""
    first, second = np.zeros((70, 100), int), np.zeros((40, 60), int)
    first[0, :50], second[0, :50], second[1, :7] = 1, 1, 2
    first[-1], second[-1, :] = -1, -1
    return [first, second]


@pytest.fixture
def blobs(rng):
    """Features of three groups that are far apart, (600, 6), and the group of each."""
    owners = rng.integers(0, 3, 600)
    centres = rng.normal(size=(3, 6)) * 20
    return (centres[owners] + rng.normal(size=(600, 6))).astype(np.float32), owners


@pytest.fixture
def plain():
    return Prototypes.plain(np.zeros((2, 6), np.float32))


def test_a_sample_holds_no_more_than_asked_for_and_no_cell_twice(groups):
    drawn = sample(groups, most=500)
    assert len(drawn) == 500
    assert len({*zip(drawn.scans.tolist(), drawn.cells.tolist(), strict=True)}) == 500


def test_rare_classes_come_whole_and_the_others_by_the_root_of_their_size(groups):
    drawn = sample(groups, most=600)
    sizes = np.bincount(drawn.of([one.ravel() for one in groups]))
    assert sizes[2] == 7
    assert sizes[1] == pytest.approx(593 * 100**0.5 / (100**0.5 + 9133**0.5), abs=1)
    assert sizes.sum() == 600


def test_where_there_are_few_cells_all_of_them_are_drawn_and_none_where_there_is_none(groups):
    drawn = sample(groups, most=50_000)
    found = drawn.of([one.ravel() for one in groups])
    assert len(drawn) == sum(int((one >= 0).sum()) for one in groups)
    assert found.min() == 0


def test_scans_are_drawn_from_by_their_cells(groups):
    drawn = sample(groups, most=2000)
    assert (drawn.scans == 0).sum() > 2 * (drawn.scans == 1).sum() > 0


def test_the_same_seed_draws_the_same_cells(groups):
    one, again, other = (sample(groups, most=300, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.cells, again.cells)
    assert (one.cells != other.cells).any()


def test_nothing_is_drawn_from_no_scan():
    assert len(sample([])) == 0


def test_a_sample_of_nothing_is_refused(groups):
    with pytest.raises(ValueError, match="1 cell or more, got 0"):
        sample(groups, most=0)


def test_pca_is_the_two_directions_of_most_variance(blobs, plain):
    features, _ = blobs
    found = project(features, plain).points(features)
    u, s, _ = np.linalg.svd(features - features.mean(0), full_matrices=False)
    for i in range(2):
        expected = u[:, i] * s[i]
        np.testing.assert_allclose(found[:, i], np.sign(expected @ found[:, i]) * expected, atol=1e-2)


def test_the_axes_say_how_much_of_the_variance_they_show(blobs, plain):
    features, _ = blobs
    s = np.linalg.svd(features - features.mean(0), compute_uv=False) ** 2
    shares = 100 * s / s.sum()
    assert project(features, plain).axes == (f"PC 1 ({shares[0]:.0f} %)", f"PC 2 ({shares[1]:.0f} %)")


def test_the_models_own_projection_comes_first(blobs, rng):
    features, _ = blobs
    mean, matrix = features.mean(0), rng.normal(size=(6, 3)).astype(np.float32)
    space = Prototypes(np.zeros((2, 3), np.float32), np.arange(2), mean, matrix)
    inner = Prototypes.plain(np.zeros((2, 3), np.float32))
    points = space.project(features)
    expected = project(points, inner).points(points)
    np.testing.assert_allclose(project(features, space).points(features), expected, atol=1e-2)


def test_a_space_of_one_dimension_has_a_flat_second_axis(rng):
    features = rng.normal(size=(50, 1)).astype(np.float32)
    projection = project(features, Prototypes.plain(np.zeros((2, 1), np.float32)))
    assert projection.axes == ("PC 1 (100 %)", "PC 2 (0 %)")
    assert np.ptp(projection.points(features)[:, 1]) == 0


def test_t_sne_keeps_groups_apart_and_is_the_same_for_a_seed(blobs):
    features, owners = blobs[0][:90], blobs[1][:90]
    places = lay_out(features, "t-SNE", seed=3)
    np.testing.assert_array_equal(lay_out(features, "t-SNE", seed=3), places)
    middles = np.stack([places[owners == one].mean(0) for one in range(3)])
    nearest = ((places[:, None] - middles) ** 2).sum(2).argmin(1)
    assert (nearest == owners).mean() > 0.95


def test_without_its_package_umap_says_how_to_get_it(blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ValueError, match=r"pip install 'napari-stmml\[explore\]'"):
        lay_out(blobs[0], "UMAP")


def test_umap_gets_the_seed_and_cannot_reach_what_it_would_load_in_vain(blobs, monkeypatch, tmp_path):
    (tmp_path / "umap.py").write_text(
        "import sys\n"
        "hidden = sys.modules.get('tensorflow', 'there') is None\n"
        "class UMAP:\n"
        "    def __init__(self, **options): type(self).options = options\n"
        "    def fit_transform(self, points): return points[:, :2].astype(float)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "umap", raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    np.testing.assert_array_equal(lay_out(blobs[0], "UMAP", seed=7), blobs[0][:, :2])
    umap = sys.modules.pop("umap")
    assert umap.UMAP.options["random_state"] == 7
    assert umap.hidden
    assert "tensorflow" not in sys.modules


def test_a_method_that_is_none_is_refused(blobs, plain):
    with pytest.raises(ValueError, match="PCA, t-SNE, UMAP, got 'MDS'"):
        look([blobs[0]], [blobs[1]], plain, "MDS")


def test_a_look_shows_every_cell_of_every_scan_and_draws_some(blobs, plain):
    features, owners = blobs
    features = features.copy()
    features[::10] = np.nan
    parts, groups = (features[:400], features[400:]), np.split(owners.astype(np.uint8), [400])
    view = look(parts, groups, plain)
    assert [len(one) for one in view.points] == [400, 200]
    assert len(view.drawn) == 540
    assert np.isfinite(view.drawn.of(view.points)).all()


def test_the_look_of_pca_is_the_projection_of_the_sample(blobs, plain):
    view = look([blobs[0]], [blobs[1]], plain)
    projection = project(blobs[0][view.drawn.cells], plain)
    assert view.axes == projection.axes
    np.testing.assert_array_equal(view.points[0], projection.points(blobs[0]))


def test_a_slow_method_lays_few_cells_out_and_the_others_go_where_the_most_alike_is(
    blobs, plain, monkeypatch
):
    features, owners = blobs[0].copy(), blobs[1]
    features[5] = np.nan
    anchors = []

    def laid(points, seed):
        anchors.append(points)
        return points[:, :2].astype(np.float32)

    monkeypatch.setattr(embedding, "t_sne", laid)
    monkeypatch.setitem(embedding.LAID_OUT, "t-SNE", 100)
    view = look([features], [owners], plain, "t-SNE")
    assert view.axes == ("t-SNE 1", "t-SNE 2")
    assert anchors[0].shape == (100, 6)
    assert len(view.drawn) == 599
    nearest = ((features[:, None] - anchors[0]) ** 2).sum(2).argmin(1)
    expected = anchors[0][nearest, :2]
    expected[5] = np.nan
    np.testing.assert_array_equal(view.points[0], expected)


def test_of_too_few_cells_there_is_no_view(plain):
    with pytest.raises(ValueError, match="needs 12 cells or more, got 11"):
        look([np.zeros((11, 6), np.float32)], [np.zeros(11, int)], plain)
