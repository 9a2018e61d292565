"""Laws of the benchmark of quality: what its numbers mean, and that nothing empty can win them."""

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
N = 4  # classes


@pytest.fixture(scope="module", autouse=True)
def _from_the_root():
    """Find ``benchmarks`` as a run from the root of the repository does."""
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


@pytest.fixture
def metrics():
    from benchmarks.quality import metrics

    return metrics


@pytest.fixture
def strokes():
    from benchmarks.quality import strokes

    return strokes


@pytest.fixture
def truth(rng) -> np.ndarray:
    """Make a surface with three rare classes in spots, as the simulated ones have."""
    labels = np.zeros((80, 90), np.uint8)
    for one in range(1, N):
        for row, col in rng.integers(5, 75, (4, 2)):
            labels[row : row + 4 + one, col : col + 5] = one
    return labels


def macro_f1(metrics, found, truth) -> float:
    table = metrics.pooled([found], [truth], N)
    return metrics.scores(table, metrics.best_classes(table)).macro_f1


def test_perfect_labels_score_one_whatever_they_are_called(metrics, truth, rng):
    renamed = rng.permutation(20)[:N][truth]
    table = metrics.pooled([renamed], [truth], N)
    found = metrics.scores(table, metrics.best_classes(table))
    assert (found.macro_f1, found.mean_iou) == (1.0, 1.0)
    assert metrics.mutual_information([renamed], [truth]) == pytest.approx(1)
    assert metrics.agreement([renamed], [truth]) == pytest.approx(1)


def test_many_clusters_may_share_a_class_at_no_loss(metrics, truth, rng):
    split = truth * 5 + rng.integers(0, 5, truth.shape)
    assert macro_f1(metrics, split, truth) == 1


def test_the_numbers_of_clusters_do_not_matter(metrics, truth, rng):
    blurred = np.where(rng.random(truth.shape) < 0.2, rng.integers(0, 8, truth.shape), truth)
    table = metrics.pooled([blurred], [truth], N)
    shuffled = table[rng.permutation(len(table))]
    score = [metrics.scores(one, metrics.best_classes(one)).macro_f1 for one in (table, shuffled)]
    assert score[0] == pytest.approx(score[1], abs=1e-3)


def test_an_answer_that_does_not_look_wins_nothing(metrics, truth, rng):
    for found in (np.ones_like(truth), rng.integers(1, 21, truth.shape)):
        assert macro_f1(metrics, found, truth) < 0.5
        assert abs(metrics.mutual_information([found], [truth])) < 0.02
    constant = np.ones_like(truth)
    assert metrics.agreement([constant], [constant]) == 0


def test_every_class_counts_the_same_however_small(metrics, truth):
    missed = np.where(truth == 1, 0, truth)
    table = metrics.pooled([missed], [truth], N)
    assert metrics.scores(table, np.arange(N)).f1[1] == 0
    assert metrics.scores(table, np.arange(N)).macro_f1 < 1 - 1 / N + 0.01


def test_the_best_classes_are_never_worse_than_those_of_most_pixels(metrics, rng):
    for _ in range(30):
        table = rng.integers(0, 50, (20, N)) ** 2 + 1
        best, most = (metrics.scores(table, one) for one in (metrics.best_classes(table), table.argmax(1)))
        assert best.macro_f1 >= most.macro_f1 - 1e-12


def test_pooling_adds_up_what_single_maps_count(metrics, truth, rng):
    found = [rng.integers(0, 7, truth.shape) for _ in range(3)]
    found[0][0, 0] = 6
    table = metrics.pooled(found, [truth] * 3, N)
    assert table.sum() == 3 * truth.size
    assert np.array_equal(table, sum(metrics.contingency(one, truth, 7, N) for one in found))


def test_strokes_lie_in_their_class_within_a_disc_and_away_from_the_border(strokes, truth):
    painted = strokes.paint(truth, 3, seed=0, border=4)
    assert (painted[painted > 0] == truth[painted > 0] + 1).all()
    assert not painted[:4].any()
    assert not painted[:, -4:].any()
    for one in range(N):
        size = (painted == one + 1).sum()
        assert 1 <= size <= 3 * 37  # pixels of a disc of 7 px


def test_more_strokes_go_on_from_the_same_beginning(strokes, truth):
    few, many = (strokes.paint(truth, n, seed=5) for n in (1, 10))
    assert np.array_equal(many[few > 0], few[few > 0])
    assert (many > 0).sum() > (few > 0).sum()
    assert not np.array_equal(few, strokes.paint(truth, 1, seed=6))


def test_what_is_learnt_from_strokes_holds_where_features_tell_classes_apart(strokes, truth, rng):
    maps = [truth, truth[::-1]]
    places = [np.arange(truth.size).reshape(truth.shape)] * 2
    features = [np.eye(N)[one.ravel()] + rng.normal(0, 0.05, (one.size, N)) for one in maps]
    reducer = strokes.Reducer.fit(np.concatenate(features))
    said = strokes.answers([reducer(one) for one in features], places, maps, 1, seed=0, border=2)
    for painted in said:
        for labels, known in zip(painted, maps, strict=True):
            assert np.mean(labels == known) > 0.95


def test_surfaces_to_train_on_and_to_test_on_are_never_the_same():
    from benchmarks.quality.measure import TESTS, TRAINING
    from benchmarks.quality.surfaces import KINDS, benchmark_surface

    assert not set(TRAINING) & set(TESTS)
    for kind in KINDS:
        one, other = (benchmark_surface(kind, seed) for seed in (TRAINING[0], TESTS[0]))
        assert not np.array_equal(one.labels, other.labels)
        assert not np.allclose(one.heights, other.heights)


def test_every_recipe_is_a_contender():
    from benchmarks.quality.contenders import contenders
    from napari_stmml.recipe import RECIPES

    assert set(RECIPES) <= set(contenders())


def test_what_is_cached_knows_changed_code_from_changed_words(tmp_path, monkeypatch):
    from benchmarks.quality import cache

    monkeypatch.setattr(cache, "_SOURCES", tmp_path)
    (tmp_path / "other.py").write_text("x = 1\n")

    def hashed(text: str) -> str:
        (tmp_path / "one.py").write_text(text)
        return cache.code_of_package(["one"])

    first = hashed('"""Words."""\nfrom napari_stmml.other import x\n')
    assert hashed('"""Other words."""\nfrom napari_stmml.other import x  # a reason\n') == first
    assert hashed('"""Words."""\nfrom napari_stmml.other import x\ny = x\n') != first
    (tmp_path / "other.py").write_text("x = 2\n")
    assert hashed('"""Words."""\nfrom napari_stmml.other import x\n') != first


def test_a_result_in_the_cache_names_modules_that_exist():
    from benchmarks.quality import cache
    from benchmarks.quality.contenders import contenders

    codes = {name: contender.code() for name, contender in contenders().items()}
    assert len(set(codes.values())) >= len(codes) - 3  # constant and random, and one network twice
    with pytest.raises(ValueError, match=r"no heights\.gone"):
        cache.code_of_package(["heights.prepare", "heights.gone"])
    with pytest.raises(ValueError, match="no srsml25"):
        cache.code_of_package(["heights.prepare"], ["srsml25"])


def test_tables_go_between_the_markers_and_leave_the_rest(tmp_path):
    from benchmarks.quality.report import write_between

    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- b -->\nafter\n")
    write_between(page, "<!-- a -->\n", "<!-- b -->\n", ["| new |"])
    assert page.read_text() == "before\n<!-- a -->\n\n| new |\n\n<!-- b -->\nafter\n"
    with pytest.raises(ValueError, match="needs the lines <!-- c -->"):
        write_between(page, "<!-- c -->\n", "<!-- b -->\n", [])


def test_the_bars_say_whether_they_are_met():
    from benchmarks.quality.report import bars

    def results(score: float) -> dict:
        return {"instant": {"si001": {"f1 20": score}}}

    told = ["\n".join(bars(results(score), ["si001"])) for score in (0.95, 0.5)]
    assert "| no |" not in told[0]
    assert "| yes |" not in told[1]


def test_what_was_taught_is_told_beside_its_bars():
    from benchmarks.quality.report import tables

    counts = {str(n): 0.91 for n in (0, 1, 3, 5, 10)}
    numbers = {"f1 20": 0.9, "f1 8": 0.9, "iou 20": 0.9, "iou 8": 0.9, "ami": {"20": 0.5}, "by class": [0.9]}
    numbers |= {"seconds": {"fit": 1.0}, "classes": ["surface"], "named": 0.9, "seeds": 0.9}
    numbers |= {"taught": {"same": counts, "others": counts | {"5": 0.8}}}
    told = "\n".join(tables({"instant": {"si001": numbers}}, ["si001"]))
    assert "5 strokes a class: macro-F1 on the corrected scan | >= 0.90 | 0.910 | yes |" in told
    assert "5 strokes a class: macro-F1 on scans never touched | >= 0.85 | 0.800 | no |" in told
    assert (
        "| `instant` | 0.91 | 0.91 | 0.91 | 0.91 | 0.91 | 0.91 | 0.91 | 0.91 | 0.80 | 0.91 | 0.80 |" in told
    )


def foreign_numbers(score: float) -> dict:
    counts = {
        f"{begin}{n} {where}": score
        for begin in ("", "forest ")
        for n in (3, 5)
        for where in ("painted", "unseen")
    }
    return {"F1": score, "boundary": score, "interior": score, "s to fit": 12.3, "s a scan": 1.0, **counts}


def test_foreign_tables_say_what_was_measured_and_which_bars_are_met():
    from benchmarks.foreign.tables import lines

    results = {
        "rows, easy": {"objects": foreign_numbers(0.93), "instant": foreign_numbers(0.5)},
        "metal, hard": {"objects": foreign_numbers(0.85), "instant": foreign_numbers(0.8)},
    }
    hows = {"fitted to such scans": 0.9, "fitted to plain scans": 0.9}
    changes = {"rows": {"plain": hows, "blunt tip": hows | {"fitted to plain scans": 0.8}}}
    changes["rows"] |= {f"{what} of 12 lattice angles": hows for what in ("best", "worst")}
    told = list(lines(results, changes))
    assert any(line.startswith("| rows, easy | 0.930 | 0.930 | 0.930 | 0.500 |") for line in told)
    met = {
        line.split(" | ")[0].strip("| "): line.split(" | ")[-1].strip("| ")
        for line in told
        if "worst" in line
    }
    assert met["5 strokes, painted scan, easy, mean >= 0.90"] == "yes"
    assert met["5 strokes, painted scan, hard, mean >= 0.90"] == "no"
    assert met["5 strokes, ahead of the forest everywhere by 0.1"] == "no"
    assert met["clusters, ahead of `instant` everywhere"] == "yes"
    assert met["recorded otherwise, fitted to such scans: falls by at most 0.05"] == "yes"
    assert met["recorded otherwise, fitted to plain scans: falls by at most 0.05"] == "no"
    assert met["lattice angles, fitted to plain scans: worst below best by at most 0.02"] == "yes"


def test_pixels_near_a_border_and_others_are_scored_apart(truth):
    from benchmarks.foreign import measure

    found = measure.by_clusters([truth * 3], [truth], N)
    assert (found["F1"], found["boundary"], found["interior"]) == (1, 1, 1)
    near = measure.near_borders(truth)
    missed = np.where(near, 0, truth)
    wrong = measure.by_clusters([missed], [truth], N)
    assert wrong["interior"] == 1
    assert wrong["boundary"] < 0.5


def test_strokes_that_are_answered_rightly_score_one_and_unpainted_classes_are_missed(truth):
    from benchmarks.foreign import measure
    from benchmarks.foreign.families import Family

    family = Family([], [], [truth, truth[::-1]], tuple("abcd"))
    right = measure.by_strokes(family, lambda at, painted: family.truth)
    assert set(right.values()) == {1.0}
    none = measure.by_strokes(family, lambda at, painted: [np.full_like(truth, N)] * 2)
    assert set(none.values()) == {0.0}


def test_foreign_seeds_to_choose_by_and_to_test_on_are_never_the_same():
    from benchmarks.foreign.families import CHOOSE, TEST

    for one, other in ((CHOOSE, TEST), (TEST, CHOOSE)):
        assert not set(one.training) & set(one.tests)
        assert not {*one.training, *one.tests} & {*other.training, *other.tests}
        assert not set(one.tests_of_quality) & set(other.tests_of_quality)
