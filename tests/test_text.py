"""Numbers as people write them: no powers where a plain number is as short, no digits that mean nothing."""

from math import inf, nan

import pytest

from napari_stmml.text import counted, number, percent, short_stem, with_error


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0, "0"), (0.0, "0"), (-0.0, "0"), (12500, "12 500"), (-1.7000000000000002, "-1.7")),
        *(
            (10000.0, "10 000"),
            (1024, "1024"),
            (-12500, "-12 500"),
            (9999.6, "10 000"),
            (2.14748e9, "2 147 480 000"),
            (1e15, "1·10¹⁵"),
        ),
        *((0.00012345, "0.0001234"), (-0.00002, "-2·10⁻⁵"), (nan, ""), (inf, "inf")),
    ],
)
def test_a_number_keeps_four_digits_and_all_whole_units(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.2, 0.2, "0.20 ± 0.20"),
        (3.0, 0.0999, "3.00 ± 0.10"),
        (1234.5, 2700.0, "1200 ± 2700"),
        (0.0, 0.01, "0.000 ± 0.010"),
        (5.0, 0.0, "5"),
        (nan, nan, ""),
    ],
)
def test_an_error_is_two_digits_and_the_value_ends_with_it(value, error, text):
    assert with_error(value, error) == text


def test_one_is_singular_and_all_else_plural():
    assert [counted(n, "box") for n in (0, 1, 2)] == ["0 boxes", "1 box", "2 boxes"]


@pytest.mark.parametrize(("share", "text"), [(1.0, "100.0 %"), (0.01, "1.0 %"), (0.0, "0 %"), (nan, "")])
def test_a_share_is_per_cent(share, text):
    assert percent(share) == text


@pytest.mark.parametrize("letter", ["a", "é", "測", "😀", "\udcff"])
def test_a_name_of_any_length_leaves_room_for_an_ending_and_stays_one_of_its_own(letter):
    names = [f"{letter * n}--1_{end}_FU" for n in range(1, 260) for end in (1, 2)]
    short = [short_stem(name) for name in names]
    for name, one in zip(names, short, strict=True):
        size = len(name.encode("utf-8", "surrogateescape"))
        assert one == name if size <= 175 else one.endswith(name[-8:])
        assert len(one.encode("utf-8", "surrogateescape")) <= 175
        assert short_stem(one) == one
    assert len(set(short)) == len(names)
