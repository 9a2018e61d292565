from dataclasses import replace

import numpy as np
import pytest

from benchmarks.structures.surfaces import EASY, make
from napari_stmml import Scan, Structures, find_structures
from napari_stmml.correction.structure_session import StructureSession
from napari_stmml.system.files import sha256


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_STMML_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Two simulated scans with files of their own."""
    folder, made = tmp_path_factory.mktemp("scans"), []
    for seed in (20, 21):
        source = folder / f"{seed}.Z_mtrx"
        source.write_bytes(bytes([seed]))
        scan = make("rows", seed, settings=replace(EASY, size_nm=26.0, pixel_nm=0.1)).scan
        made.append(replace(scan, source=str(source), direction="forward/up"))
    return made


@pytest.fixture(scope="module")
def found(scans):
    return find_structures(scans)


@pytest.fixture
def session(found, scans, tmp_path):
    for scan in scans:  # what other tests said
        for file in (tmp_path.__class__(scan.source).parent).glob("*.json"):
            file.unlink()
    made = StructureSession()
    made.sentences = []
    made.said.connect(lambda sentence, wrong: made.sentences.append((sentence, wrong)))
    made.open(found)
    return made


def place(structures, row):
    one = structures.table.loc[row]
    return int(one.scan), float(one.row), float(one.col)


def row_at(structures, where):
    table = structures.table
    near = np.hypot(table.row - where[1], table.col - where[2]) + 1000 * (table.scan != where[0])
    return int(near.idxmin())


STEPS = {
    "move": lambda one: one.move([0, 1], 2),
    "new type": lambda one: one.move([0], len(one.found.names) + 1),
    "unlike": lambda one: one.move([0], 0),
    "remove": lambda one: one.remove([3]),
    "add": lambda one: one.add(0, 100.0, 131.0),
    "merge": lambda one: one.merge([2], 1),
    "merge three": lambda one: one.merge([1, 2, 3], 2),
    "split": lambda one: one.split(1),
    "rename": lambda one: one.rename(1, "dangling bond"),
    "retype": lambda one: one.retype(),
}


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_undone_and_redone_as_one(session, step):
    before = session.structures
    STEPS[step](session)
    after = session.structures
    session.undo()
    assert session.found.table.equals(before.table)
    assert session.found.names == before.names
    session.redo()
    assert session.found.table.equals(after.table)
    assert session.found.names == after.names
    assert not session.can_redo


@pytest.mark.parametrize("step", ["move", "new type", "remove", "add", "merge", "rename"])
def test_what_was_corrected_is_there_again_the_next_day(session, scans, step):
    session.rename(2, "vacancy")
    STEPS[step](session)
    assert session.flush()
    model = StructureSession().known_model(scans[1:])
    assert model == session.path
    next_day = StructureSession()
    next_day.open(find_structures(scans, like=model), model)
    mine, again = session.found, next_day.found
    assert len(again.table) == len(mine.table)
    assert again.names == mine.names
    assert (again.table.type.to_numpy() == mine.table.type.to_numpy()).mean() > 0.97
    assert again.by_person.sum() == mine.by_person.sum()


def test_without_the_model_objects_and_named_types_are_kept(session, scans):
    first = place(session.found, 0)
    gone = place(session.found, 5)
    session.move([0], len(session.found.names) + 1)
    session.rename(len(session.found.names), "ad-dimer")
    session.remove([row_at(session.found, gone)])
    session.add(1, 100.0, 131.0)
    session.flush()
    session.path.unlink()
    next_day = StructureSession()
    assert next_day.known_model(scans) is None
    next_day.open(find_structures(scans))
    again = next_day.found
    assert again.names[int(again.table.type[row_at(again, first)]) - 1] == "ad-dimer"
    assert np.hypot(*(np.subtract(place(again, row_at(again, gone)), gone)[1:])) > 3
    assert np.hypot(*(np.subtract(place(again, row_at(again, (1, 100.0, 131.0))), (1, 100.0, 131.0))[1:])) < 5


def test_a_scan_that_is_opened_later_has_the_types_as_they_are_then(scans, found):
    session = StructureSession()
    session.open(find_structures(scans[0], like=found))
    waiting = find_structures(scans[1], like=session.structures)
    session.rename(1, "row vacancy")
    session.merge([3], 2)
    session.open(waiting)
    assert session.found.names[:3] == ("row vacancy", found.names[1], "")
    assert set(session.found.table.scan) == {0, 1}
    assert 3 not in set(session.found.table.type)


def test_steps_are_undone_on_the_scans_that_are_open_then(session, scans):
    names = session.found.names
    session.rename(1, "a")
    first = session.keys[0]
    session.close_scan(0)
    session.undo()
    assert session.keys == [session.keys[0]] != [first]
    assert session.found.names == names
    session.open(find_structures(scans[0], like=session.structures))
    session.redo()
    assert session.found.names[0] == "a"
    assert len(session.keys) == len(session.found.scans) == 2
    assert [scan.source for scan in session.found.scans] == [scans[1].source, scans[0].source]


def test_a_scan_that_is_opened_again_is_there_once(session, scans, found):
    count = len(session.found.table)
    session.open(find_structures(scans[0], like=session.structures))
    assert len(session.keys) == 2
    assert len(session.found.table) == count


def test_moving_the_slider_is_no_step_and_changes_no_file(session):
    seen = []
    session.changed.connect(lambda: seen.append(len(session.found.table)))
    session.set_sensitivity(0.2)
    session.set_sensitivity(2.0)
    assert seen[0] < seen[1]
    assert not session.can_undo
    assert session.path is None


def test_types_are_found_over_all_scans_where_the_first_had_no_objects(scans):
    bare = Scan(np.random.default_rng(0).normal(0, 0.005, (120, 120)), (0.1, 0.1))
    session = StructureSession()
    session.open(find_structures(bare, false_per_1000_nm2=0.01))
    assert session.found.names == ()
    session.open(find_structures(scans[1], like=session.structures))
    assert len(session.found.names) > 3
    assert not session.can_undo


def test_grains_of_disordered_areas_count_if_asked_for(session):
    session.set_disordered(True)
    assert session.found.with_disordered
    assert not session.can_undo
    session.rename(1, "a")
    session.undo()
    assert session.found.with_disordered


def test_a_scan_that_is_opened_later_counts_disordered_areas_as_the_others_do(session, scans):
    session.set_disordered(True)
    session.open(find_structures(scans[0], like=session.structures))
    assert session.found.with_disordered


def test_a_move_says_how_many_others_followed(session):
    rows = session.found.from_mean(1).index
    before = session.found.all_types
    session.move(rows[:1], len(session.found.names) + 1)
    others = int((before != session.found.all_types).sum()) - 1
    said = session.sentences[-1][0]
    assert (f"{others} other" in said) == (others > 0)


def test_a_step_keeps_the_sensitivity_and_so_does_its_undo(session):
    session.rename(1, "a")
    session.set_sensitivity(1.3)
    session.undo()
    assert session.found.sensitivity == 1.3


def test_objects_like_one_are_on_all_scans_and_the_first_is_itself(session):
    row = int(session.found.from_mean(1).index[0])
    alike = session.alike(row)
    assert alike[0] == row
    assert set(session.found.table.scan[alike]) == {0, 1}
    assert (session.found.table.type[alike] == 1).mean() > 0.8


def test_types_go_beside_a_model_of_pixels_which_stays(session, tiny_classifier, tmp_path):
    from napari_stmml import SurfaceClassifier

    path = tiny_classifier.save(tmp_path / "m.stmml")
    session.save_as(path)
    session.rename(1, "dangling bond")
    session.flush()
    assert session.path == path
    assert Structures.load(path).names[0] == "dangling bond"
    assert SurfaceClassifier.load(path).class_names == tiny_classifier.class_names
    tiny_classifier.save(path)  # as *Correct* does
    session.rename(2, "vacancy")
    session.flush()
    assert session.path == path
    assert Structures.load(path).names[:2] == ("dangling bond", "vacancy")


def test_a_model_that_another_window_changed_is_not_overwritten(session, tmp_path, found):
    path = tmp_path / "m.stmml"
    session.save_as(path)
    found.renamed(1, "of another window").save(path)
    digest = sha256(path)
    session.rename(1, "mine")
    session.flush()
    assert session.path != path
    assert sha256(path) == digest
    assert Structures.load(session.path).names[0] == "mine"
    assert any(wrong for _, wrong in session.sentences)


def test_types_of_a_model_take_the_place_of_those_in_use_as_a_step(session, found, tmp_path):
    path = found.renamed(1, "known").save(tmp_path / "m.stmml")
    session.use(path)
    assert session.found.names[0] == "known"
    session.undo()
    assert session.found.names == found.names


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda one: one.rename(1, "no object"), "empty or taken"),
        (lambda one: one.rename(1, one.found.names[1]), "empty or taken"),
        (lambda one: one.move([99999], 1), "no object 99999"),
        (lambda one: one.merge([1], 1), "two types"),
        (lambda one: one.add(0, 1e4, 0), "not on the scan"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_no_step(session, wrong, sentence):
    before = session.structures
    with pytest.raises(ValueError, match=sentence):
        wrong(session)
    assert session.structures is before
    assert not session.can_undo


def test_without_scans_steps_say_what_to_do_first():
    with pytest.raises(ValueError, match="Find structures"):
        StructureSession().move([0], 1)
