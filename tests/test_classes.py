import json
from dataclasses import replace

import numpy as np
import pytest

from napari_stmml.classes import Classes, SurfaceClass
from napari_stmml.colours import NO_COLOUR, class_colours

PLAIN = Classes.plain(("rows", "holes", "bumps", "steps"))


def test_training_makes_a_class_of_each_cluster():
    assert PLAIN.of_cluster == PLAIN.order == PLAIN.order == (1, 2, 3, 4)
    assert PLAIN.names == ("rows", "holes", "bumps", "steps")
    assert PLAIN.colours == class_colours(4)
    assert PLAIN.lookup.tolist() == [0, 1, 2, 3, 4]
    assert PLAIN.lookup.dtype == np.uint16
    assert PLAIN.shown.tolist() == [1, 2, 3, 4]


def test_a_merged_class_keeps_its_number_and_is_shown_as_what_it_became():
    merged = PLAIN.merged([3, 1, 4], into=1)
    assert merged.n == 4
    assert merged.order == (1, 2)
    assert merged.lookup.tolist() == [0, 1, 2, 1, 1]
    assert merged.names == ("rows", "holes", "rows", "rows")
    assert merged.colours[2] == PLAIN.colours[0]
    assert merged.of_cluster == PLAIN.of_cluster
    assert merged.shown.tolist() == [1, 2, 1, 1]


def test_lookups_follow_chains_of_merges():
    chain = PLAIN.merged([4], into=3).merged([3], into=2).merged([2], into=1)
    assert chain.lookup.tolist() == [0, 1, 1, 1, 1]
    assert chain.names == ("rows",) * 4


def test_a_deleted_class_and_what_was_merged_into_it_show_nothing():
    gone = PLAIN.merged([4], into=3).deleted(3)
    assert gone.lookup.tolist() == [0, 1, 2, 0, 0]
    assert gone.of_cluster == (1, 2, 0, 0)
    assert gone.shown.tolist() == [1, 2, 0, 0]
    assert gone.names == ("rows", "holes", "bumps", "steps")


def test_merging_never_changes_other_classes():
    merged = PLAIN.merged([2], into=4)
    for label in (1, 3, 4):
        assert merged.lookup[label] == label
        assert merged.entries[label - 1] == PLAIN.entries[label - 1]


def test_names_colours_and_background_are_changed_alone():
    changed = PLAIN.renamed(2, " Löcher ").recoloured(2, "#FF0000").as_background(2)
    assert changed.entries[1] == SurfaceClass("Löcher", "#FF0000", background=True)
    assert replace(changed, entries=PLAIN.entries) == PLAIN
    assert not changed.as_background(2, False).entries[1].background


def test_the_order_of_the_table_changes_no_number():
    other = PLAIN.reordered([4, 1, 3, 2])
    assert other.order == (4, 1, 3, 2)
    assert np.array_equal(other.lookup, PLAIN.lookup)
    assert other.names == PLAIN.names


def test_a_new_class_has_the_next_number_a_name_and_a_colour_of_its_own():
    more, label = PLAIN.added()
    assert (label, more.n, more.order) == (5, 5, (1, 2, 3, 4, 5))
    assert more.names[4] == "class 5"
    assert more.colours[4] not in PLAIN.colours
    assert more.of_cluster == PLAIN.of_cluster
    named, label = PLAIN.deleted(2).added("holes", "#123456")
    assert (label, named.names[4], named.colours[4]) == (5, "holes", "#123456")


def test_a_new_class_finds_another_name_where_its_own_is_taken():
    assert PLAIN.renamed(1, "class 5").added()[0].names[4] == "class 5 2"


def test_every_label_up_to_a_number_gets_a_class():
    assert PLAIN.with_labels(6).names == (*PLAIN.names, "class 5", "class 6")
    assert PLAIN.with_labels(3) is PLAIN


def test_labels_that_are_in_use_get_the_classes_that_they_had():
    later = PLAIN.added("holes 2", "#123456")[0].added()[0].merged([6], into=5)
    again = PLAIN.renamed(1, "holes 2").with_labels_of(later, 6)
    assert again.entries[4].colour == "#123456"
    assert again.names == ("holes 2", *PLAIN.names[1:], "holes 2 2", "holes 2 2")
    assert (again.order, int(again.lookup[6])) == ((1, 2, 3, 4, 5), 5)
    assert PLAIN.with_labels_of(later, 4) is PLAIN
    assert PLAIN.with_labels_of(later, 7).n == 7


def test_what_was_written_as_json_is_read():
    classes = PLAIN.merged([4], into=2).deleted(3).added("terrace")[0].as_background(5).reordered([5, 1, 2])
    classes = classes.with_clusters([1, 2, 5, 5, 0])
    assert Classes.of_dicts(json.loads(json.dumps(classes.as_dicts()))) == classes


def test_older_models_have_a_name_and_a_colour_for_each_cluster():
    about = {"classes": [{"name": "a", "colour": "#010101"}, {"name": "b", "colour": "#020202"}]}
    assert Classes.of_dicts(about) == Classes.plain(("a", "b"), ("#010101", "#020202"))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda: PLAIN.merged([2, 9], into=1), "class 9 does not exist: they are 1 to 4"),
        (lambda: PLAIN.merged([2], into=0), "class 0 does not exist"),
        (lambda: PLAIN.merged([2], into=2), "nothing to merge into 'holes': choose two classes or more"),
        (lambda: PLAIN.merged([2], into=1).renamed(2, "x"), "class 2 was merged or deleted"),
        (lambda: PLAIN.deleted(2).merged([1], into=2), "class 2 was merged or deleted"),
        (lambda: PLAIN.deleted(2).deleted(2), "class 2 was merged or deleted"),
        (lambda: PLAIN.renamed(2, "  "), "a class needs a name, got an empty one"),
        (lambda: PLAIN.renamed(2, "rows"), "each class needs a name of its own, 'rows' is taken"),
        (lambda: PLAIN.recoloured(2, "red"), "a colour must be #rrggbb, got 'red'"),
        (lambda: PLAIN.added("rows"), "each class needs a name of its own, 'rows' is taken"),
        (lambda: PLAIN.reordered([1, 2, 3]), r"the order must hold each of \[1, 2, 3, 4\] once"),
        (lambda: PLAIN.with_clusters([1, 5]), "must be 0 to 4, got 5"),
        (lambda: PLAIN.with_labels(256), "there can be 255 classes in all"),
        (lambda: Classes.plain(("a", "b"), ("#010101",)), "as many names as colours, got 2 and 1"),
        (
            lambda: SurfaceClass("a", "#010101", into=3),
            "class 'a' is not gone, so it cannot be merged into 3",
        ),
        (
            lambda: Classes(
                tuple(SurfaceClass("a", "#010101", gone=True, into=into) for into in (2, 1)), (), ()
            ),
            r"classes \[1, 2\] are merged into each other",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(edit, message):
    with pytest.raises(ValueError, match=message):
        edit()


def test_a_legend_names_what_is_there_by_label():
    names, colours = PLAIN.merged([2], into=4).deleted(1).reordered([4, 3]).legend
    assert names == {3: "bumps", 4: "steps"}
    assert colours == {3: PLAIN.colours[2], 4: PLAIN.colours[3]}


def test_a_cluster_looks_like_the_class_that_it_has_become():
    classes = PLAIN.merged([2], into=4).deleted(1)
    assert classes.look(1) == (4, "steps", PLAIN.colours[3])
    assert classes.look(0) == (0, "deleted", NO_COLOUR)
