import pytest

from napari_stmml.io.settings import for_people


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-1.7000000000000002, "Volt", "-1.7 V"),
        (1.699998629771102, "Volt", "1.7 V"),
        (0.05, "Volt", "50 mV"),
        (0.0, "Volt", "0 V"),
        (-0.0, "Volt", "0 V"),
        (5e-11, "Ampere", "50 pA"),
        (1e-9, "Ampere", "1 nA"),
        (3.3e-7, "Ampere", "330 nA"),
        (2e-8, "Meter", "20 nm"),
        (4.0000000000000004e-11, "Meter", "0.04 nm"),
        (4e-12, "Meter", "4 pm"),
        (9.99996e-7, "Meter", "1 µm"),
        (-1.23456e-6, "Meter", "-1.235 µm"),
        (0.0005, "Second", "0.5 ms"),
        (5e-6, "Second", "5 µs"),
        (0.1, "Second", "0.1 s"),
        (12345.6, "Second", "12350 s"),
        (8e-8, "Meter/second", "80 nm/s"),
        (0.01, "Meter/second", "10 mm/s"),
        (62500, "Hertz", "62.5 kHz"),
        (3.0, "Percent", "3 %"),
        (45, "Degree", "45 deg"),
        (500, "Count", "500"),
        (1234567, "Count", "1234567"),
        (0.0019, "--", "0.0019"),
        (2.5, "a.u.", "2.5 a.u."),
        (0.0, "a.u.", "0 a.u."),
        (float("nan"), "Volt", "nan"),
        (True, "--", "yes"),
        (False, "--", "no"),
        ("-10.0009;10.0009", "Volt", "-10 V to 10 V"),
        (".5;1.", "Volt", "0.5 V to 1 V"),
        ("1.2.3;4.5", "", "1.2.3;4.5"),
        (".;.", "Volt", ".;."),
        ("a\x1b[31m\x07\u202eb\n c", "", "a\ufffd[31m\ufffd\ufffdb c"),
        (2.5, "a.u.\x1b[2J", "2.5 a.u.\ufffd[2J"),
        ("0;3.29703e-009", "Ampere", "0 pA to 3.297 nA"),
        ("two\nlines", "", "two lines"),
        ("", "", ""),
        ([326, 3.04e-09, "%%"], "", "326, 3.04e-09, %%"),
        ({"Factor": 9942000000000000.0}, "", "Factor 9.942e+15"),
    ],
)
def test_people_read_four_digits_in_a_unit_of_fitting_size(value, unit, text):
    assert for_people(value, unit) == text
