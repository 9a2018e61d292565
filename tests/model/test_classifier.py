import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_stmml import Recipe, Scan, SurfaceClassifier, read_mtrx, train_classifier
from napari_stmml.classes import Classes
from napari_stmml.clustering.centres import Prototypes
from napari_stmml.colours import class_colours
from napari_stmml.events import BatchDone, Clustering, EpochDone, Skipped, TrainingWindows, of_type
from napari_stmml.features.store import EncodedMap
from napari_stmml.model import model_file
from napari_stmml.model.encoders import make_encoder
from napari_stmml.model.painted_cells import painted_cells_of
from napari_stmml.model.training import warn_of_skipped
from napari_stmml.model.training_examples import TrainingExamples
from napari_stmml.model.window_method import QUICK
from napari_stmml.recipe import get_recipe
from napari_stmml.scan_key import ScanKey
from napari_stmml.srsml24.unet import Autoencoder, build_autoencoder
from napari_stmml.system.files import sha256
from napari_stmml.system.progress import Stopped
from tests.conftest import features_of

RECIPE = Recipe(
    pixel_density=8.0,
    window_size=16,
    window_pitch=8,
    epochs=1,
    batch_size=64,
    num_clusters=2,
    predict_window_pitch=8,
)


SOURCE = {"key": ScanKey("ab", "Z", "", (2, 2)).as_dict(), "name": "a"}


def textures(shape=(128, 128), **known):
    """Rows on the left half of the frame, bumps on the right; 0.125 nm per pixel."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    rows, bumps = (
        np.sin(2 * np.pi * y / 8),
        0.8 * np.sin(2 * np.pi * x / 11) * np.sin(2 * np.pi * y / 11),
    )
    heights = 0.1 * np.where(x < shape[1] // 2, rows, bumps)
    return Scan(heights, **{"pixel_size": (0.125, 0.125), "source": "textures.dat", **known})


def flat(**known):
    return Scan(np.zeros((128, 128)), **{"pixel_size": (0.125, 0.125), "source": "flat.dat", **known})


def untrained(k=5, window=16, **changes):
    """Make a classifier whose network knows nothing and whose centres are features of noise."""
    autoencoder = Autoencoder.from_network(build_autoencoder(window))
    noise = np.random.default_rng(1).random((k, window, window), dtype=np.float32)
    classes = Classes.plain([f"cluster {i + 1}" for i in range(k)])
    recipe = replace(RECIPE, **{"window_size": window, "num_clusters": k, **changes})
    clusters = Prototypes.plain(autoencoder.encode(noise))
    return SurfaceClassifier(recipe, make_encoder(recipe, autoencoder.weights), clusters, classes)


@pytest.fixture(scope="module")
def trained():
    """Train a model of two textures; return it, all that training told, and what it kept."""
    events, kept = [], []
    classifier = train_classifier(
        [flat(), textures()],
        recipe=replace(RECIPE, cluster_batch_size=32),
        seed=0,
        on_event=events.append,
        keep=kept.append,
    )
    return classifier, events, kept


@pytest.fixture(scope="module")
def model():
    return untrained()


# Training


def test_two_textures_are_told_apart(trained):
    classifier, *_ = trained
    labels = classifier.predict(textures())
    left, right = labels[:, :56], labels[:, 72:]
    majority = [np.bincount(half[half > 0]).argmax() for half in (left, right)]
    assert majority[0] != majority[1]
    for half, label in zip((left, right), majority, strict=True):
        assert (half[half > 0] == label).mean() > 0.9


def test_the_same_seed_gives_the_same_labels(tiny_classifier, session_files, tiny_recipe):
    scans = read_mtrx(session_files[0])
    again = train_classifier(scans[:2], recipe=tiny_recipe, seed=0)
    assert np.array_equal(again.clusters.centres, tiny_classifier.clusters.centres)
    assert np.array_equal(again.predict(scans[0]), tiny_classifier.predict(scans[0]))


def test_the_largest_cluster_comes_first_and_every_window_is_in_one(trained):
    classifier, *_ = trained
    sizes = classifier.training["cluster_sizes"]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == 15 * 15 == classifier.training["clustered_windows"]
    assert classifier.clusters.centres.shape == (2, classifier.encoder.n_features)


def test_training_tells_every_step(trained):
    _, events, _ = trained
    assert [event.scan for event in of_type(events, Skipped)] == ["flat"]
    (windows,) = of_type(events, TrainingWindows)
    assert windows.scans == 1
    assert 0 < windows.validation < windows.train < 15 * 15
    batches = of_type(events, BatchDone)
    assert len(batches) == batches[0].batches == -(-windows.train // 64)
    (epoch,) = of_type(events, EpochDone)
    assert None not in (epoch.epoch, epoch.loss, epoch.mse, epoch.mae, epoch.val_loss)
    clustering = of_type(events, Clustering)
    assert [event.done for event in clustering] == [*range(32, 225, 32), 225]
    assert {event.total for event in clustering} == {225}


def test_what_is_kept_in_mid_training_is_a_usable_classifier(trained, tmp_path):
    _, _, kept = trained
    assert len(kept) == 2  # after the first batch and after the epoch
    assert [len(one.training["history"]) for one in kept] == [0, 1]
    labels = kept[0].predict(textures())
    assert set(np.unique(labels)) <= {0, 1, 2}
    again = SurfaceClassifier.load(kept[0].save(tmp_path / "so-far.stmml"))
    assert np.array_equal(again.predict(textures()), labels)


def test_a_model_remembers_what_it_was_trained_on(tiny_classifier, session_files):
    training = tiny_classifier.training
    assert training["files"] == [
        {
            "name": session_files[0].name,
            "direction": direction,
            "sha256": sha256(session_files[0]),
            "quantity": "Z (nm)",
            "pixel_density": 15.0,
        }
        for direction in ("forward/up", "backward/up")
    ]
    assert training["seed"] == 0
    assert [epoch["epoch"] for epoch in training["history"]] == [1]
    assert training["made_with"] == model_file.versions()
    assert tiny_classifier.class_names == ("cluster 1", "cluster 2", "cluster 3")
    assert tiny_classifier.class_colours == class_colours(3)


def test_a_stopped_training_gives_the_model_so_far_clustered_on_a_sample():
    events = []
    classifier = train_classifier(
        [textures()],
        recipe=replace(RECIPE, window_pitch=4),
        seed=0,
        on_event=events.append,
        should_stop=lambda: bool(of_type(events, BatchDone)),
    )
    assert len(of_type(events, BatchDone)) == 1
    assert classifier.training["history"] == []
    assert classifier.training["clustered_windows"] == QUICK < 29 * 29
    assert classifier.predict(textures()).any()


def test_a_scan_of_few_windows_is_trained_on_whole():
    events = []
    train_classifier(
        [textures((24, 64))], recipe=replace(RECIPE, num_clusters=2), seed=0, on_event=events.append
    )
    (windows,) = of_type(events, TrainingWindows)
    assert (windows.train, windows.validation) == (14, 0)


def test_skipped_scans_warn_where_training_was_called(tiny_recipe):
    message = "no scan can be used for training: flat: the heights are constant or a plain plane"
    with warnings.catch_warnings(record=True) as every:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match=message):
            train_classifier([flat()], recipe=tiny_recipe)
    told = [one for one in every if "left out" in str(one.message)]
    assert [str(one.message).partition(" or ")[0] for one in told] == [
        "left out: flat: the heights are constant"
    ]
    assert Path(told[0].filename) == Path(__file__)


def test_other_events_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_skipped(BatchDone(1, 1, 1, 0.1))


def test_no_scan_at_all_is_refused():
    with pytest.raises(ValueError, match="no scan can be used for training: there was none"):
        train_classifier([], recipe=RECIPE)


def test_fewer_windows_than_clusters_are_refused():
    small = textures((24, 24))
    with pytest.raises(ValueError, match="20 clusters need at least as many windows, there are 4"):
        train_classifier([small], recipe=RECIPE, n_clusters=20)


# Prediction


@pytest.mark.parametrize("shape", [(64, 96), (30, 200)])
@pytest.mark.parametrize("pixel_size", [(0.125, 0.125), (0.1, 0.2), None])
def test_labels_are_uint8_on_the_scans_own_pixels_from_1_to_k(model, shape, pixel_size):
    labels = model.predict(textures(shape, pixel_size=pixel_size))
    assert (labels.shape, labels.dtype) == (shape, np.uint8)
    assert set(np.unique(labels)) <= set(range(6))
    assert labels.any()


def test_a_scan_of_one_window_is_labelled_around_its_middle(model):
    labels = model.predict(textures((16, 16)))
    assert len(np.unique(labels[4:12, 4:12])) == 1
    assert labels[4:12, 4:12].all()
    assert (labels > 0).sum() == 64


def test_a_label_is_the_nearest_centre(model):
    scan = textures()
    heights = RECIPE.preprocessing.apply(scan)
    features = features_of(model.encoder, heights).astype(float)
    nearest = ((features[..., None, :] - model.clusters.centres) ** 2).sum(axis=-1).argmin(axis=-1) + 1
    assert np.array_equal(model.predict(scan), model.encoder.grid.paint(nearest, heights.shape))


def test_rows_that_were_not_scanned_are_unlabelled(model):
    heights = textures().heights.copy()
    heights[:50], heights[100, 3] = np.nan, np.nan
    labels, sure = model.predict(Scan(heights, (0.125, 0.125)), return_confidence=True)
    assert not labels[:50].any()
    assert labels[100, 3] == 0
    assert labels[58:90].any()
    assert np.isnan(sure[:50]).all()


def test_confidence_is_0_to_1_where_there_is_a_label_and_nan_elsewhere(model):
    scan = textures()
    labels, sure = model.predict(scan, return_confidence=True)
    assert np.array_equal(labels, model.predict(scan))
    assert (sure.shape, sure.dtype) == (labels.shape, np.float32)
    assert np.array_equal(np.isfinite(sure), labels > 0)
    assert np.nanmin(sure) >= 0
    assert np.nanmax(sure) <= 1


def test_a_window_at_a_centre_is_sure_and_one_half_way_is_not(model):
    rng = np.random.default_rng(1)
    window = rng.random((1, 16, 16), dtype=np.float32)  # the first that the centres were made of
    features = model.encoder.autoencoder.encode(window)
    nearest, sure = model.clusters.assign(features)
    assert nearest[0] == 0
    assert sure[0] > 0.99
    between = np.stack([model.clusters.centres[0] + d for d in (1, -1, 9, 10, 11)])
    assert Prototypes.plain(between).assign(features)[1][0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("pitch", [1, 3, 16])
def test_a_finer_pitch_labels_more_of_the_border(model, pitch):
    labels = model.predict(textures((40, 48)), pitch=pitch)
    rows, cols = labels.any(axis=1).sum(), labels.any(axis=0).sum()
    assert (rows, cols) == (40 - 16 + pitch, 48 - 16 + pitch)


def test_progress_counts_to_the_number_of_windows(model):
    seen = []
    model.predict(textures(), pitch=2, on_progress=lambda *progress: seen.append(progress))
    assert seen == [(2048, 57**2), (57**2, 57**2)]


def test_more_than_255_clusters_need_two_bytes():
    model = untrained(k=256)
    labels = model.predict(textures((64, 64)))
    assert labels.dtype == np.uint16
    assert set(np.unique(labels)) <= set(range(257))


def test_a_prediction_stops_between_batches_when_asked(model):
    seen = []
    with pytest.raises(Stopped, match="prediction was stopped"):
        model.predict(
            textures(), pitch=2, on_progress=lambda *done: seen.append(done), should_stop=lambda: bool(seen)
        )
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        (textures((15, 60)), "textures: 15 x 60 px at 8 px/nm is smaller than one window of 16 px"),
        (textures(pixel_size=(0.01, 0.01)), "textures: 10 x 10 px at 8 px/nm is smaller than one window"),
        (textures(pixel_size=(1.0, 1.0)), "textures: the scan has 1 px/nm and 8 px/nm are asked for"),
        (flat(), "flat: the heights are constant"),
        (Scan(np.full((32, 32), np.nan), None, source="nan.dat"), "nan: .* every height is missing"),
    ],
)
def test_a_scan_that_cannot_be_labelled_is_refused_by_name(model, scan, message):
    with pytest.raises(ValueError, match=message):
        model.predict(scan)


def test_a_scan_in_which_no_window_fits_between_gaps_is_refused_by_name(model):
    heights = textures().heights.copy()
    heights[::15] = np.nan
    with pytest.raises(ValueError, match="holes: no window of 16 px fits where it was scanned"):
        model.predict(Scan(heights, (0.125, 0.125), source="holes.dat"))


@pytest.mark.parametrize("pitch", [0, 17])
def test_a_pitch_that_leaves_gaps_is_refused(model, pitch):
    with pytest.raises(ValueError, match=rf"pitch must be 1 to 16 px \(the window\), got {pitch}"):
        model.predict(textures(), pitch=pitch)


# Classes


def test_windows_get_the_labels_of_classes_and_the_margin_to_another_class(model):
    scan = textures()
    merged = replace(model, classes=model.classes.merged([2, 3], into=5).deleted(4))
    before, sure = model.predict(scan, return_confidence=True)
    after, margin = merged.predict(scan, return_confidence=True)
    assert np.array_equal(after, np.array([0, 1, 5, 5, 0, 5], np.uint8)[before])
    assert np.array_equal(np.isfinite(margin), after > 0)
    assert (margin[after > 0] >= sure[after > 0] - 1e-5).all()
    assert (merged.class_names[1], merged.n_classes, merged.n_clusters) == ("cluster 5", 5, 5)


def test_dense_windows_get_the_same_labels_by_convolution_and_by_their_features():
    model = untrained(features="dense windows")
    model = replace(model, classes=model.classes.merged([2], into=5).deleted(4))
    heights = model.recipe.preprocessing.apply(textures())
    labels, sure, _ = model.label(EncodedMap.of(heights, model.encoder))
    cluster, _ = model.label_clusters(EncodedMap.of(heights, model.encoder))
    features = features_of(model.encoder, heights)
    slowly, slow, _ = (one.reshape(labels.shape) for one in model.classify(features.reshape(labels.size, -1)))
    assert np.array_equal(labels, slowly)
    np.testing.assert_allclose(sure[labels > 0], slow[labels > 0], atol=1e-3)
    assert np.array_equal(labels, np.append(model.classes.shown, 0)[cluster])


@pytest.mark.parametrize("features", ["windows", "dense windows"])
def test_clusters_of_windows_are_found_whatever_their_classes(features):
    model = untrained(features=features)
    edited = replace(model, classes=model.classes.merged([2], into=5).deleted(4))
    heights = model.recipe.preprocessing.apply(textures())
    heights[:20] = np.nan
    labels, sure, _ = model.label(EncodedMap.of(heights, model.encoder))
    cluster, margin = edited.label_clusters(EncodedMap.of(heights, model.encoder))
    assert np.array_equal(cluster, labels.astype(int) - 1)
    assert np.array_equal(margin, sure, equal_nan=True)
    assert (cluster == -1).any()


# Learning


def both_ways():
    scan = textures()
    return replace(scan, other=scan.heights[:, ::-1].copy(), other_bias=1.0, bias=-1.0)


@pytest.fixture(scope="module", params=["instant", "learned", "instant-both", "windows", "dense windows"])
def pupil(request):
    """Make a model, and two scans for it."""
    scan = both_ways() if request.param == "instant-both" else textures()
    other = replace(scan, heights=scan.heights[::-1].copy(), source="other.dat")
    if "windows" in request.param:
        return untrained(features=request.param, predict_window_pitch=4), scan, other
    if request.param == "learned":
        recipe = get_recipe("learned", pixel_density=8.0, num_clusters=5, epochs=1, sampled_windows=2)
        return train_classifier([scan], recipe=recipe), scan, other
    recipe = get_recipe(request.param, pixel_density=8.0)
    return train_classifier([scan], recipe=recipe, n_clusters=5), scan, other


def painted(label=2):
    truth = np.zeros((128, 128), np.uint8)
    truth[20:50, 20:50], truth[70:100, 80:110] = 1, label
    return truth


def equal(one, other, scan):
    before, after = (model.predict(scan, return_confidence=True) for model in (one, other))
    return np.array_equal(before[0], after[0]) and np.array_equal(before[1], after[1], equal_nan=True)


def test_what_was_painted_is_learnt(pupil):
    model, scan, _ = pupil
    truth = painted(9)
    taught = model.learn(scan, truth)
    labels = taught.predict(scan)
    assert (labels[75:95, 85:105] == 9).mean() > 0.9
    assert (labels[25:45, 25:45] == 1).mean() > 0.9
    assert taught.class_names[5:] == ("class 6", "class 7", "class 8", "class 9")
    assert taught.clusters is model.clusters
    assert set(taught.examples.counts) == {1, 9}
    (source,) = taught.examples.sources
    assert source["key"] == ScanKey.of_scan(scan).as_dict()
    assert (source["name"], source["painted"]) == (scan.name, len(taught.examples))


def test_a_scan_that_teaches_twice_teaches_once(pupil):
    model, scan, other = pupil
    once = model.learn(other, painted(3)).learn(scan, painted())
    twice = model.learn(other, painted(3)).learn(scan, painted(4)).learn(scan, painted())
    assert equal(once, twice, scan)
    assert len(once.examples) == len(twice.examples)


def test_what_was_forgotten_was_never_learnt(pupil):
    model, scan, other = pupil
    taught = model.learn(scan, painted())
    assert equal(taught.forget(ScanKey.of_scan(scan)), model, scan)
    assert taught.forget(ScanKey.of_scan(scan)).examples is None
    assert taught.learn(scan, np.zeros((128, 128), np.uint8)).examples is None
    more = taught.learn(other, painted(3))
    assert equal(more.forget(ScanKey.of_scan(other)), taught, scan)
    assert model.forget(ScanKey.of_scan(scan)) is model


def test_what_was_learnt_is_saved(pupil, tmp_path):
    model, scan, other = pupil
    taught = model.learn(scan, painted(7)).learn(other, painted(3))
    taught = replace(taught, classes=taught.classes.merged([3], into=1).renamed(7, "step"))
    again = SurfaceClassifier.load(taught.save(tmp_path / "m.stmml"))
    assert again.classes == taught.classes
    assert again.examples.sources == taught.examples.sources
    assert equal(again, taught, other)


def test_a_merge_is_followed_by_what_was_learnt_before(pupil):
    model, scan, _ = pupil
    taught = model.learn(scan, painted(7))
    merged = replace(taught, classes=taught.classes.merged([7], into=2).merged([2], into=3))
    assert merged.examples is taught.examples
    labels = merged.predict(scan)
    assert (labels[75:95, 85:105] == 3).mean() > 0.9
    assert not np.isin(labels, (2, 7)).any()


def test_lessons_of_a_deleted_class_teach_nothing(pupil):
    model, scan, _ = pupil
    truth = painted(7)
    truth[truth == 1] = 0
    taught = model.learn(scan, truth)
    gone = replace(taught, classes=taught.classes.deleted(7))
    assert equal(gone, model, scan)


def test_cells_that_are_there_teach_the_same(pupil, tmp_path):
    model, scan, _ = pupil
    if not model.encoder.keeps_features:
        pytest.skip("windows are not kept")
    key, grid = ScanKey.of_scan(scan), model.encoder.grid
    cells = features_of(model.encoder, model.recipe.preprocessing.apply(scan))
    labels = painted_cells_of(painted(7), grid, (128, 128))
    taught = model.learn_cells(key, scan.name, cells, labels)
    assert equal(taught, model.learn(scan, painted(7)), scan)
    assert taught.learn_cells(key, scan.name, cells, np.zeros_like(labels)).examples is None
    with pytest.raises(ValueError, match=r"features are of \(64, 64\) cells, painted are \(3, 3\)"):
        model.learn_cells(key, scan.name, cells, np.zeros((3, 3), np.uint8))


def test_what_was_painted_where_nothing_was_scanned_teaches_nothing():
    scan = textures()
    heights = scan.heights.copy()
    heights[60:] = np.nan
    model = untrained()
    truth = np.zeros((128, 128), np.uint8)
    truth[100:110] = 7
    taught = model.learn(replace(scan, heights=heights), truth)
    assert taught.examples is None
    assert taught.n_classes == 7  # it is born all the same


def test_a_truth_that_does_not_fit_is_refused(model):
    with pytest.raises(ValueError, match="a truth must have the shape of its scan"):
        model.learn(textures(), np.zeros((3, 3), np.uint8))


# The file


def test_save_then_load_then_predict_is_identical(tmp_path, tiny_classifier, session_files):
    path = tiny_classifier.save(tmp_path / "new" / "m.stmml")
    again = SurfaceClassifier.load(path)
    for name in ("recipe", "classes", "training"):
        assert getattr(again, name) == getattr(tiny_classifier, name)
    for scan in read_mtrx(session_files[1])[:2]:
        before = tiny_classifier.predict(scan, return_confidence=True)
        after = again.predict(scan, return_confidence=True)
        assert np.array_equal(before[0], after[0])
        assert np.array_equal(before[1], after[1], equal_nan=True)


def test_names_and_colours_that_a_person_gave_are_saved(tmp_path, model):
    named = replace(model, classes=model.classes.renamed(1, "Fläche").renamed(2, "空孔"))
    again = SurfaceClassifier.load(named.save(tmp_path / "m.stmml"))
    assert again.class_names[:2] == ("Fläche", "空孔")
    assert again.class_colours == model.class_colours


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about, arrays: about.pop("recipe"), "recipe is missing"),
        (lambda about, arrays: about.pop("classes"), "classes is missing"),
        (
            lambda about, arrays: arrays.pop("centres"),
            "a network without clusters; the step cluster makes the model",
        ),
        (lambda about, arrays: about["classes"][0].pop("name"), "name is missing"),
        (
            lambda about, arrays: about["classes"].pop(),
            r"the order must hold each of \[1, 2, 3, 4\] once",
        ),
        (lambda about, arrays: about.update(classes="five"), "cannot be used as a model"),
        (lambda about, arrays: about.update(recipe=None), "cannot be used as a model"),
        (lambda about, arrays: about.update(training=3), "cannot be used as a model"),
        (
            lambda about, arrays: about["recipe"].update(window_size=32),
            "parts of the model do not fit: windows of 32",
        ),
        (lambda about, arrays: about["recipe"].update(window_size=20), "window_size must be a multiple of 8"),
        (
            lambda about, arrays: about["recipe"].update(pixel_density=-17),
            "pixel_density must be -16 to 1000",
        ),
        (lambda about, arrays: about["recipe"].update(depth=3), "unknown recipe parameter: depth"),
        (lambda about, arrays: arrays.update(centres=np.zeros((5, 7))), "do not fit: .* clusters of 7"),
        (lambda about, arrays: arrays.update(centres=np.zeros(5)), "cannot be used as a model"),
    ],
)
def test_a_model_whose_parts_do_not_fit_is_refused_by_name(tmp_path, model, change, message):
    about, arrays = model_file.read(model.save(tmp_path / "m.stmml"))
    change(about, arrays)
    model_file.write(tmp_path / "m.stmml", about, arrays)
    with pytest.raises(ValueError, match=f"m.stmml cannot be used as a model: .*{message}|{message}") as told:
        SurfaceClassifier.load(tmp_path / "m.stmml")
    assert str(told.value).startswith("m.stmml cannot be used as a model: ")


def test_weights_that_do_not_fit_are_refused_when_they_are_used(tmp_path, model):
    about, arrays = model_file.read(model.save(tmp_path / "m.stmml"))
    del arrays["autoencoder/conv1.kernel"]
    model_file.write(tmp_path / "m.stmml", about, arrays)
    with pytest.raises(ValueError, match="layer conv1 needs weights"):
        SurfaceClassifier.load(tmp_path / "m.stmml").predict(textures())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"classes": Classes.plain(("a", "b"))}, "each of 5 clusters needs a class, got 2"),
        ({"examples": TrainingExamples.none(3)}, "examples must have the 1024 features of the model, got 3"),
        (
            {"examples": TrainingExamples.none(1024).with_scan(SOURCE, np.ones((1, 1024)), np.array([6]))},
            "examples are of label 6, and there are 5 classes",
        ),
        (
            {"clusters": Prototypes.plain(np.zeros((5, 3), np.float32))},
            "16 px with 1024 features, clusters of 3",
        ),
        ({"recipe": Recipe()}, "windows of 32 px, an encoder for 16 px"),
    ],
)
def test_parts_that_do_not_fit_make_no_classifier(model, wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(model, **wrong)
