from napari_stmml.system.atomic import atomic
from napari_stmml.system.older_files import KEPT, keep_aside, put_aside


def test_of_many_copies_kept_within_a_second_the_newest_are_there(tmp_path):
    path, made = tmp_path / "a [1].truth.stmml.tif", []
    for number in range(KEPT + 15):
        with atomic(path) as beside:
            beside.write_text(str(number))
        made.append(keep_aside(path))
        assert made[-1].read_text() == str(number)
    kept = sorted(int(one.read_text()) for one in tmp_path.glob("*.bak"))
    assert kept == list(range(15, KEPT + 15))
    assert path.exists()


def test_what_was_put_aside_as_damaged_never_goes(tmp_path):
    path = tmp_path / "a.stmml.tif"
    path.write_text("damaged")
    aside = put_aside(path)
    for _ in range(KEPT + 2):
        path.write_text("whole")
        keep_aside(path)
    assert aside.read_text() == "damaged"
