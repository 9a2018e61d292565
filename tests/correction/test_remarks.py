import numpy as np

from napari_stmml.correction import edits
from napari_stmml.correction.remarks import NESTED, NOT_SURE, remarks


def with_rings(one):
    """Paint rings of label 3 around cores of label 4 on a surface of label 1."""
    one.truth[...] = 1
    rows, cols = np.indices(one.truth.shape)
    for row, col in ((12, 12), (12, 40), (40, 12), (40, 40)):
        far = np.hypot(rows - row, cols - col)
        one.truth[far <= 8] = 3
        one.truth[far <= 4] = 4


def test_both_classes_are_named_with_what_to_do(session):
    one = session.scans[0]
    with_rings(one)
    session.edit(*edits.rename(session.model, 3, "rims"))
    assert remarks(one, session.model) == NESTED.format("cluster 4", "rims")
    session.edit(*edits.merge(session.model, [3, 4]))
    assert remarks(one, session.model) == ""


def test_what_lies_inside_the_background_is_as_it_should_be(session):
    one = session.scans[0]
    with_rings(one)
    session.edit(*edits.background(session.model, [3]))
    assert remarks(one, session.model) == ""


def test_the_share_that_is_not_sure_is_told_and_follows_the_setting(session):
    one, heard = session.scans[0], []
    session.remarked.connect(lambda scan, said: heard.append((scan, said)))
    for label, at in ((5, 15), (6, 45)):
        session.paint(one, np.s_[at - 3 : at + 4, at - 3 : at + 4], label)
    session.learn()
    session.set_least_sure(1.0)
    for scan in session.scans:
        share = (scan.shown(session.model.classes) == 0).mean()
        assert share > 0.5
        assert NOT_SURE.format(share) in remarks(scan, session.model)
    assert (one, remarks(one, session.model)) in heard
    session.set_least_sure(0.0)
    assert (one.predicted > 0).all()
    assert "not sure" not in remarks(one, session.model)
    before = session.model
    session.set_least_sure(0.0)
    assert session.model is before
    session.show_only_mine(False)
    assert "not sure" not in remarks(one, session.model)
